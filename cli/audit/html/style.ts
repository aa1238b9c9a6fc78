/** The page's only style sheet. The page's policy names its hash, so a browser refuses every other style. */
export const css = `
:root{color-scheme:light dark;--page:#fff;--ink:#1c2128;--soft:#57606a;--line:#d8dee4;--accent:#0b62b8;--young:#bcd8f3;--problem:#b3261e;--warning:#8a5200}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e4e8ec;--soft:#a0a9b3;--line:#323a43;--accent:#6cb4ff;--young:#234a70;--problem:#ff8f85;--warning:#eeb45a}}
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:83rem;padding:2.5rem clamp(1rem,4vw,3rem) 4rem;background:var(--page);color:var(--ink);overflow-wrap:anywhere}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
.unseen{position:absolute;left:-99rem}
.unseen:focus{left:1rem;top:1rem;padding:.5rem 1rem;background:var(--page);z-index:3}
h1,h2,h3,h4,p,ul,ol,dl,dd{margin:0;padding:0}
ul{list-style:none}
h1{font-size:1rem;font-weight:600;color:var(--soft)}
h2{font-size:1.375rem;line-height:1.25;margin:3.5rem 0 .25rem;letter-spacing:-.01em}
h3{font-size:1.0625rem;line-height:1.35}
.lead{font-size:clamp(1.6rem,4.5vw,2.5rem);line-height:1.15;font-weight:650;letter-spacing:-.02em;margin:.35rem 0 .75rem;text-wrap:balance}
p{text-wrap:pretty}
.soft,time,.when{color:var(--soft)}
.soft,.head p{max-width:46rem}
time,.when,.number,.last{font-variant-numeric:tabular-nums}
.paper{display:none}
.counts{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin-top:2rem;padding-top:1.25rem;border-top:1px solid var(--line)}
.counts div{display:flex;flex-direction:column-reverse}
.counts dt{color:var(--soft);font-size:.875rem}
.counts dd{font-size:1.75rem;line-height:1.2;font-weight:600;font-variant-numeric:tabular-nums}
.kind{margin-top:1.75rem;padding-left:1rem;border-left:4px solid var(--line)}
.kind.problem{border-color:var(--problem)}
.kind.warning{border-color:var(--warning)}
.kind .severity{font-size:.75rem;font-weight:600;letter-spacing:.04em;text-transform:uppercase;color:var(--soft)}
.kind.problem .severity{color:var(--problem)}
.kind.warning .severity{color:var(--warning)}
.cases{margin-top:.6rem;font-size:.9375rem}
.cases li{display:grid;grid-template-columns:minmax(0,14rem) minmax(0,1fr) 15rem;gap:0 1.25rem;padding:.4rem 0;border-top:1px solid var(--line)}
.cases .when{font-size:.8125rem;line-height:1.85}
.cases time{display:inline-block;min-width:5.75rem}
.cases a{font-weight:600}
summary{cursor:pointer}
.more{margin-top:.25rem}
.more>summary{color:var(--accent);padding:.4rem 0;font-size:.9375rem}
table{border-collapse:collapse;width:100%;text-align:left}
th,td{padding:0;vertical-align:top;font-weight:400}
.filter{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:2rem 0 0;padding:0;border:0;font-size:.875rem}
.filter legend{float:left;margin-right:1.25rem;padding:0;color:var(--soft)}
.filter label{display:inline-flex;align-items:center;gap:.4rem;min-height:1.5rem;cursor:pointer}
.filter input{width:1rem;height:1rem;margin:0;accent-color:var(--accent)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:.75rem 0 1rem;font-size:.8125rem;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:.5rem}
.legend svg{width:30px;height:30px;flex:none}
.timelines{table-layout:fixed}
.timelines .what{width:15rem}
.timelines .last{width:8rem;text-align:right;white-space:nowrap}
.timelines thead th{position:sticky;top:0;z-index:1;background:var(--page);color:var(--soft);font-size:.8125rem;vertical-align:bottom;border-bottom:1px solid var(--line);padding:.25rem 0}
.timelines tbody th{padding:.15rem 1rem .15rem 0;font-size:.875rem;line-height:1.25;vertical-align:middle}
.timelines tbody td{vertical-align:middle;font-size:.8125rem;color:var(--soft)}
.timelines tbody tr{border-bottom:1px solid var(--line)}
.timelines a{text-decoration:none}
.timelines a:hover{text-decoration:underline}
.timelines svg{display:block;width:100%;height:32px;overflow:visible}
.timelines .axis{height:20px}
.axis text{fill:var(--soft);font-size:11.5px;font-variant-numeric:tabular-nums}
.axis .today{fill:var(--ink);font-weight:600}
svg path{fill:none;vector-effect:non-scaling-stroke}
.grid{stroke:var(--line);stroke-width:1}
.now{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 2}
.young{stroke:var(--young);stroke-width:8}
.late{stroke:var(--problem);stroke-width:8;stroke-dasharray:2 2}
.rotation{stroke:var(--accent);stroke-width:2}
.rotation.dense{stroke-width:1}
.foreign{fill:var(--problem);transform:translateX(-5px)}
circle.problem{fill:var(--problem)}
circle.warning{fill:var(--warning)}
.history{border-top:1px solid var(--line)}
.history:last-of-type{border-bottom:1px solid var(--line)}
.lead+.soft,h2+.soft{margin-bottom:1rem}
.history>summary{display:grid;grid-template-columns:.75rem minmax(0,1fr) 13rem 6.5rem 8rem;gap:0 .75rem;align-items:baseline;padding:.5rem 0;font-size:.8125rem}
.history>summary::before{content:"";width:.4rem;height:.4rem;border:solid var(--soft);border-width:0 2px 2px 0;transform:translateY(-.1rem) rotate(-45deg)}
.history[open]>summary::before{transform:translateY(-.2rem) rotate(45deg)}
.history>summary::-webkit-details-marker{display:none}
.history h3{font-size:.9375rem}
.state::before{content:"";display:inline-block;border:.25rem solid var(--line);border-radius:50%;margin-right:.45rem}
.problem .state::before{border-color:var(--problem)}
.warning .state::before{border-color:var(--warning)}
.clean .state{color:var(--soft)}
.clean .state::before{visibility:hidden}
.facts{display:contents}
.history .number{text-align:right}
.scroll{overflow-x:auto;margin:.25rem 0 1.25rem}
.scroll>.soft{font-size:.875rem;margin-bottom:.5rem;position:sticky;left:0}
.versions{font-size:.8125rem;line-height:1.45;min-width:72rem;overflow-wrap:normal}
.versions thead th{color:var(--soft);border-bottom:1px solid var(--line);padding:.3rem .9rem .3rem 0}
.versions tbody th,.versions tbody td{padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line)}
.versions tbody th{font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.versions th:first-child{width:3rem;text-align:right}
.versions .why{min-width:9rem;max-width:14rem;overflow-wrap:anywhere}
.evidence{display:flex;gap:1.25rem}
.evidence dl{display:grid;grid-template-columns:5rem 14rem;gap:0 .5rem;align-content:start}
.evidence dl+dl{grid-template-columns:5.5rem 16rem}
.versions dt{font-size:.75rem;color:var(--soft)}
.versions dd{overflow-wrap:anywhere}
code,.versions dd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.6875rem;line-height:1.7}
.versions td>time,.versions td>span{display:block;white-space:nowrap}
.versions .why>span{white-space:normal}
.versions td>span{color:var(--soft)}
.alert{color:var(--problem);font-weight:600}
footer{margin-top:4rem;padding-top:1.25rem;border-top:1px solid var(--line);font-size:.875rem}
@media print,(max-width:64rem){.axis .minor{display:none}}
@media screen{
body:has(#show-problem:checked) :is(.item,.kind):not(.problem),
body:has(#show-warning:checked) :is(.item,.kind):not(.problem,.warning){display:none}
}
@media screen and (max-width:48rem){
.cases li{display:block}
.cases a,.unread li>*{display:block}
.cases time{min-width:0}
.cases li>a~.when{display:inline-block}
.filter{flex-direction:column}
.timelines,.timelines thead,.timelines tbody,.timelines .along{display:block}
.timelines thead .what,.timelines thead .last{position:absolute;left:-99rem}
.timelines thead{position:sticky;top:0;z-index:1;background:var(--page)}
.timelines thead th{position:static;border:0}
.timelines thead tr{border-bottom:1px solid var(--line)}
.timelines tr{display:grid;grid-template-columns:minmax(0,1fr) auto;padding:.3rem 0 .1rem}
.timelines .along{grid-column:1/-1;grid-row:2;padding-top:.2rem}
.timelines tbody .what,.timelines tbody .last{width:auto}
.history>summary{grid-template-columns:.75rem minmax(0,1fr)}
.facts{grid-column:2;display:flex;flex-wrap:wrap;gap:0 1rem}
.versions th:first-child{width:auto;text-align:left}
.counts{display:grid;grid-template-columns:repeat(3,minmax(0,1fr))}
.versions,.versions tbody,.versions tbody th,.versions tbody td{display:block;min-width:0}
.versions tr{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:0 .75rem}
.versions tbody th,.versions td:nth-child(n+4){grid-column:1/-1}
.versions td:nth-child(4)>span{display:inline;margin-left:.75rem;white-space:normal}
.versions thead{position:absolute;left:-99rem}
.evidence{display:block}
.versions .evidence dl{grid-template-columns:5.5rem minmax(0,1fr)}
.versions tbody th,.versions tbody td{border:0;padding:.1rem 0;max-width:none}
.versions tbody th::before{content:"No. "}
.versions tr{border-bottom:1px solid var(--line);padding:.6rem 0}
}
@media print{
@page{margin:14mm 12mm}
:root{color-scheme:light;--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#0b62b8;--young:#bcd8f3;--problem:#b3261e;--warning:#8a5200}
html{font-size:10.5pt}
body{max-width:none;padding:0}
.unseen{display:none}
a{color:inherit;text-decoration:none}
h2{break-after:avoid;margin-top:1.75rem}
h2+p,.kind .head,.counts,.legend,.history>summary,.cases li:first-child{break-after:avoid}
.cases li:last-child{break-before:avoid}
.head,.cases li,tr,.counts,.legend{break-inside:avoid}
.filter{display:none}
.paper{display:block}
.printed .paper,.folded:not(:has([open]))>.soft{display:none}
.cases{font-size:9pt}
.cases li{grid-template-columns:11.5rem minmax(0,1fr) 12rem;gap:0 .75rem}
.cases .when{font-size:8pt}
.cases time{min-width:4.75rem}
thead{display:table-header-group}
.timelines thead th{position:static}
.scroll{overflow:visible}
.versions{min-width:0;table-layout:fixed;overflow-wrap:anywhere;font-size:7.5pt}
.versions .why{min-width:0;max-width:none}
.versions thead th{width:17%}
.versions thead th:first-child{width:6%}
.versions thead th:last-child{width:43%}
.versions tbody th,.versions tbody td{padding-right:.4rem}
.evidence{display:block}
.versions .evidence dl{grid-template-columns:4.5rem minmax(0,1fr)}
.versions dd,.versions dt{font-size:6.5pt;line-height:1.4}
.more::details-content,.printed .history::details-content{display:block;content-visibility:visible}
.more>summary,.folded .history:not([open]){display:none}
}
`;
