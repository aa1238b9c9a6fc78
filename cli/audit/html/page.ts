import { createHash } from "node:crypto";
import { type AuditReport, countFindings, type Period, type Unknown } from "../report.ts";
import { count, list, utc } from "../words.ts";
import { findings } from "./findings.ts";
import { histories } from "./histories.ts";
import { type Html, html, nothing, style } from "./markup.ts";
import { css } from "./style.ts";
import { timelines } from "./timelines.ts";

/** The report for people: one page that holds all it needs, and by its own policy loads and runs nothing. */
export function renderHtml(report: AuditReport): string {
  const { createdAt, vaults, unknown } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Key rotation audit, ${utc(createdAt)}</title>
${style(css)}
</head>
<body>
<a class="unseen" href="#report">Skip to the report</a>
<header>
<h1>Key rotation audit</h1>
<p class="lead">${verdict(report)}</p>
<p class="soft">${list(vaults.map((url) => new URL(url).host))}<br>as of <time datetime="${createdAt.toISOString()}">${utc(createdAt)}</time>${periodOf(report.period)}</p>
${counts(report)}
</header>
<main id="report" tabindex="-1">
${unread(unknown)}
${findings(report)}
${timelines(report)}
${histories(report)}
</main>
<footer class="soft">
<p>Made by gateway-key-rotation from the version history and the tags in Key Vault alone. No secret’s value was read. All times are UTC. Whoever may set secrets can also write tags: where that matters, hold this against the vault’s own audit log.</p>
</footer>
</body>
</html>
`;
  return page.markup;
}

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(css).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function verdict(report: AuditReport): string {
  const { problem, warning } = countFindings(report);
  const { secrets, unknown } = report;
  const hit = secrets.filter(({ findings }) => findings.some(({ severity }) => severity !== "information"));
  const found = [
    ...(problem === 0 ? [] : [count(problem, "problem")]),
    ...(warning === 0 ? [] : [count(warning, "warning")]),
  ];
  if (found.length > 0) return `${list(found)} in ${hit.length} of ${count(secrets.length, "gateway")}`;
  if (unknown.length > 0) return "Not everything could be read";
  return `Nothing wrong in ${count(secrets.length, "gateway")}`;
}

function periodOf({ since, until }: Period): string {
  const parts = [
    ...(since === undefined ? [] : [`since ${utc(since)}`]),
    ...(until === undefined ? [] : [`before ${utc(until)}`]),
  ];
  return parts.length === 0 ? "" : `, ${parts.join(" and ")}`;
}

function counts(report: AuditReport): Html {
  const { secrets, unknown } = report;
  const { problem, warning, information } = countFindings(report);
  const rows: readonly (readonly [string, number])[] = [
    ["gateway", secrets.length],
    ["version", secrets.reduce((sum, { versions }) => sum + versions.length, 0)],
    ["problem", problem],
    ["warning", warning],
    ["note", information],
    ...(unknown.length === 0 ? [] : [["unknown", unknown.length] as const]),
  ];
  const cells = rows.map(
    ([name, number]) =>
      html`<div><dt>${plural(name, number)}</dt><dd>${number.toLocaleString("en")}</dd></div>`,
  );
  return html`<dl class="counts">${cells}</dl>`;
}

const plural = (name: string, number: number): string =>
  number === 1 || name === "unknown" ? name : `${name}s`;

function unread(unknown: readonly Unknown[]): Html {
  if (unknown.length === 0) return nothing;
  const items = unknown.map(
    ({ place, message, action }) =>
      html`<li><strong><bdi>${place}</bdi></strong><span>${message}</span><span class="when">${action}</span></li>`,
  );
  return html`<section aria-labelledby="unread"><h2 id="unread">What could not be told</h2>
<p class="soft">The rest of the report stands without it.</p>
<div class="kind problem"><ul class="cases">${items}</ul></div></section>`;
}
