import { type AuditReport, type FindingCase, type FindingGroup, findingsByCode } from "../report.ts";
import { when } from "../words.ts";
import { type Html, html, nothing } from "./markup.ts";

const shown = 8;
/** A fold for one or two more would save no room. */
const spare = 2;

/** All findings by their rule, most severe first: what a rule's findings have in common is on the page once. */
export function findingsSection(report: AuditReport): Html {
  const { secrets, createdAt } = report;
  if (secrets.length === 0) return nothing;
  const articles = findingsByCode(report).map((group) => article(group, createdAt));
  return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${articles.length === 0 ? html`<p class="soft">None.</p>` : articles}</section>`;
}

function article({ code, severity, title, meaning, action, cases }: FindingGroup, now: Date): Html {
  const limit = cases.length <= shown + spare ? cases.length : shown;
  const [first, rest] = [cases.slice(0, limit), cases.slice(limit)];
  const more =
    rest.length === 0
      ? nothing
      : html`<details class="more"><summary>${rest.length} more of the same kind</summary>${listOf(rest, now)}</details>`;
  return html`<article class="kind ${severity}"><div class="head"><p class="severity">${severity} · ${code}</p><h3>${title}</h3><p>${meaning}</p><p class="soft">${action}</p></div>${listOf(first, now)}${more}</article>
`;
}

const listOf = (cases: readonly FindingCase[], now: Date): Html =>
  html`<ul class="cases">${cases.map(({ finding, name, index }) => {
    const [day = "", after = ""] = when(finding, now);
    return html`<li><a href="#h${index}">${name}</a> <span>${finding.message}</span> <span class="when"><time datetime="${finding.from.toISOString()}">${day}</time> <span>${after}</span></span></li>`;
  })}</ul>`;
