import { createHash } from "node:crypto";
import { count, list, plural, utc, when } from "../../words.ts";
import {
  type AuditReport,
  countFindings,
  countVersions,
  type FindingGroup,
  findingsByCode,
  needsAttention,
  type Period,
  type Unknown,
  worst,
} from "../report.ts";
import { historiesSection } from "./historiesSection.ts";
import { type Html, html, nothing, style, timeOf } from "./markup.ts";
import { css } from "./style.ts";
import { timelinesSection } from "./timelinesSection.ts";

/** The report as one web page that needs no other file. Its own policy keeps it from loading or running anything. */
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
<p class="soft">${list(vaults.map((url) => new URL(url).host))}<br>as of ${timeOf(createdAt)}${periodOf(report.period)}</p>
${counts(report)}
</header>
<main id="report" tabindex="-1">
${unknownSection(unknown)}
${filter(report)}
${findingsSection(report)}
${timelinesSection(report)}
${historiesSection(report)}
</main>
<footer class="soft">
<p>gateway-key-rotation made this report from the version histories and the tags in Key Vault. It read no secret’s value. All times are UTC. A writer that may set secrets can also write tags: where that matters, compare this report with the vault’s own audit log.</p>
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
  const affected = secrets.filter(({ findings }) => findings.some(needsAttention));
  const found = [
    ...(problem === 0 ? [] : [count(problem, "problem")]),
    ...(warning === 0 ? [] : [count(warning, "warning")]),
  ];
  if (found.length > 0) return `${list(found)} in ${affected.length} of ${count(secrets.length, "gateway")}`;
  if (unknown.length > 0) return "The audit could not check everything";
  return `Nothing wrong in ${count(secrets.length, "gateway")}`;
}

function periodOf({ since, until }: Period): string {
  const parts = [since && `since ${utc(since)}`, until && `before ${utc(until)}`].filter(Boolean);
  return parts.length === 0 ? "" : `, ${parts.join(" and ")}`;
}

function counts(report: AuditReport): Html {
  const { secrets, unknown } = report;
  const { problem, warning, information } = countFindings(report);
  const rows: readonly (readonly [string, number])[] = [
    [plural(secrets.length, "gateway"), secrets.length],
    [plural(countVersions(report), "version"), countVersions(report)],
    [plural(problem, "problem"), problem],
    [plural(warning, "warning"), warning],
    [plural(information, "note"), information],
    ...(unknown.length === 0 ? [] : [["unknown", unknown.length] as const]),
  ];
  const cells = rows.map(
    ([name, number]) => html`<div><dt>${name}</dt><dd>${number.toLocaleString("en")}</dd></div>`,
  );
  return html`<dl class="counts">${cells}</dl>`;
}

function unknownSection(unknown: readonly Unknown[]): Html {
  if (unknown.length === 0) return nothing;
  const items = unknown.map(
    ({ place, message, action }) =>
      html`<li><strong><bdi>${place}</bdi></strong><span>${message}</span><span class="when">${action}</span></li>`,
  );
  return html`<section aria-labelledby="unknown"><h2 id="unknown">What the audit could not check</h2>
<p class="soft">The rest of the report does not depend on it.</p>
<div class="kind problem"><ul class="cases unread">${items}</ul></div></section>`;
}

/** Fewer gateways are seen at a glance. */
const fewest = 10;

/**
 * Buttons that hide other gateways and their findings, by style alone, on a screen only: a printed report is complete.
 * The parts that stay visible link only to visible parts.
 */
function filter({ secrets }: AuditReport): Html {
  const number = (...wanted: readonly string[]): number =>
    secrets.filter((secret) => wanted.includes(worst(secret))).length;
  const choices: readonly (readonly [id: string, text: string, number: number])[] = [
    ["show-all", "all", secrets.length],
    ["show-warning", "with problems or warnings", number("problem", "warning")],
    ["show-problem", "with problems", number("problem")],
  ];
  const useful = choices.filter(([, , count], place) => place === 0 || (count > 0 && count < secrets.length));
  if (secrets.length < fewest || useful.length === 1) return nothing;
  return html`<fieldset class="filter"><legend>Show ${plural(secrets.length, "gateway")}</legend>${useful.map(
    ([id, text, count]) =>
      html`<label><input type="radio" name="show" id="${id}"${id === "show-all" ? html` checked` : nothing}>${text} (${count})</label>`,
  )}</fieldset>`;
}

/** Findings of one kind that are not folded. */
const shown = 10;

/** All findings by their rule, most severe first: what a rule's findings have in common is on the page once. */
function findingsSection(report: AuditReport): Html {
  const { secrets, createdAt } = report;
  if (secrets.length === 0) return nothing;
  const articles = findingsByCode(report).map((group) => article(group, createdAt));
  return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${articles.length === 0 ? html`<p class="soft">None.</p>` : articles}</section>`;
}

function article({ code, severity, title, meaning, action, cases }: FindingGroup, now: Date): Html {
  const [first, rest] = [cases.slice(0, shown), cases.slice(shown)];
  const more =
    rest.length === 0
      ? nothing
      : html`<details class="more"><summary>${rest.length} more of the same kind</summary>${listOf(rest, now)}</details>`;
  return html`<article class="kind ${severity}"><div class="head"><p class="severity">${severity} · ${code}</p><h3>${title}</h3><p>${meaning}</p><p class="soft">${action}</p></div>${listOf(first, now)}${more}</article>
`;
}

const listOf = (cases: FindingGroup["cases"], now: Date): Html =>
  html`<ul class="cases">${cases.map(({ finding, name, index }) => {
    const [day = "", after = ""] = when(finding, now);
    return html`<li><a href="#h${index}">${name}</a> <span>${finding.message}</span> <span class="when"><time datetime="${finding.from.toISOString()}">${day}</time> <span>${after}</span></span></li>`;
  })}</ul>`;
