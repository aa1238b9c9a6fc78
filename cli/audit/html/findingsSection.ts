import { type Finding, type FindingCode, findingCodes, rules } from "../findings.ts";
import { type AuditReport, severities } from "../report.ts";
import { relative } from "../words.ts";
import { dayOf, type Html, html, nothing, timeOf } from "./markup.ts";

interface Case {
  readonly finding: Finding;
  /** The secret's name. */
  readonly name: string;
  /** The secret's place in the report. */
  readonly index: number;
}

const shown = 8;
/** A fold for one or two more would save no room. */
const spare = 2;

/** All findings by code, most severe first, so that each action is on the page once. */
export function findingsSection({ secrets, createdAt }: AuditReport): Html {
  if (secrets.length === 0) return nothing;
  const cases = secrets.flatMap(({ name, findings }, index) =>
    findings.map((finding): Case => ({ finding, name, index })),
  );
  const byCode = Map.groupBy(cases, ({ finding }) => finding.code);
  const codes = severities.flatMap((severity) =>
    findingCodes.filter((code) => rules[code].severity === severity && byCode.has(code)),
  );
  const articles = codes.map((code) => article(code, byCode.get(code) ?? [], createdAt));
  return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${articles.length === 0 ? html`<p class="soft">None.</p>` : articles}</section>`;
}

function article(code: FindingCode, cases: readonly Case[], now: Date): Html {
  const { severity, title, action } = rules[code];
  const limit = cases.length <= shown + spare ? cases.length : shown;
  const [first, rest] = [cases.slice(0, limit), cases.slice(limit)];
  const more =
    rest.length === 0
      ? nothing
      : html`<details class="more"><summary>${rest.length} more of the same kind</summary>${listOf(rest, now)}</details>`;
  return html`<article class="kind ${severity}"><div class="head"><p class="severity">${severity} · ${code}</p><h3>${title}</h3><p class="soft">${action}</p></div>${listOf(first, now)}${more}</article>
`;
}

const listOf = (cases: readonly Case[], now: Date): Html =>
  html`<ul class="cases">${cases.map(
    ({ finding, name, index }) =>
      html`<li><a href="#h${index}">${name}</a><span>${finding.message}</span><span class="when">${when(finding, now)}</span></li>`,
  )}</ul>`;

function when({ from, to }: Finding, now: Date): Html {
  if (from >= to) return html`${timeOf(from)}, ${relative(from, now)}`;
  if (to >= now) return html`since ${dayOf(from)}, ${relative(from, now)}`;
  return html`${dayOf(from)} to ${dayOf(to)}`;
}
