import { writtenByUs } from "../../../src/domain/secretStore.ts";
import type { ListedVersion } from "../../azure/keyVaultLists.ts";
import { count, list, relative, utcDay } from "../../words.ts";
import { type AuditReport, countFindings, type SecretAudit, secretUrl, worst } from "../report.ts";
import { severities } from "../rule.ts";
import { type Html, html, nothing, timeOf } from "./markup.ts";

/** Rows on the whole page, which keep it small. Versions with findings come on top. */
const mostRows = 2_500;
/** Folded rows are printed only up to this number: more would take dozens of sheets. */
const mostPrinted = 60;

/** A folded table for each secret: its newest versions, and every version with a finding. A link opens it. */
export function historiesSection({ secrets, createdAt }: AuditReport): Html {
  if (secrets.length === 0) return nothing;
  const shown = Math.min(Math.max(Math.floor(mostRows / secrets.length), 10), 50);
  const histories = secrets.map((secret) => ({ secret, kept: keptOf(secret, shown) }));
  const isPrinted = histories.reduce((sum, { kept }) => sum + kept.length, 0) <= mostPrinted;
  const items = histories.map(
    ({ secret, kept }, index) =>
      html`<details class="history item ${worst(secret)}"${secrets.length === 1 ? html` open` : nothing}>${history(secret, kept, index, createdAt)}</details>
`,
  );
  return html`<section aria-labelledby="histories" class="${isPrinted ? "printed" : "folded"}"><h2 id="histories">Histories</h2>
<p class="soft">${secrets.length === 1 ? "" : "Gateways in the same order. "}Newest version first. Each version names the request that made its key.</p>
<p class="paper">Folded histories are not printed. Open those that you need before you print, or take the report as CSV.</p>
${items}</section>`;
}

function keptOf({ versions, findings }: SecretAudit, shown: number): readonly ListedVersion[] {
  const about = new Set(findings.flatMap(({ versions }) => versions));
  return versions.toReversed().filter(({ version }, place) => place < shown || about.has(version));
}

function history(secret: SecretAudit, kept: readonly ListedVersion[], index: number, now: Date): Html {
  const { name, address, versions, everyDays } = secret;
  const left = versions.length - kept.length;
  const note =
    left === 0 ? "" : ` ${count(left, "older version")} without findings: see the report as CSV or JSON.`;
  return html`<summary><h3>${name}</h3> <span class="facts"><span class="state">${state(secret)}</span> <span class="soft number">${count(versions.length, "version")}</span> <span class="soft number">${everyDays === undefined ? "no period known" : `every ${count(everyDays, "day")}`}</span></span></summary>
<div class="scroll" id="h${index}" role="region" aria-label="Versions of ${name}" tabindex="0"><p class="soft"><code>${secretUrl(address)}</code>${note}</p>
${versions.length === 0 ? nothing : table(secret, kept, now)}</div>`;
}

/** `1 problem and 2 warnings` */
function state(secret: SecretAudit): string {
  const numbers = countFindings({ secrets: [secret] });
  const counts = severities
    .filter((severity) => numbers[severity] > 0)
    .map((severity) => count(numbers[severity], severity === "information" ? "note" : severity));
  return counts.length === 0 ? "no findings" : list(counts);
}

/** On a phone the style shows cells as blocks; the roles keep it a table for screen readers. */
const table = ({ name, history }: SecretAudit, kept: readonly ListedVersion[], now: Date): Html =>
  html`<table class="versions" role="table"><caption class="unseen">Versions of ${name}</caption><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">No.</th><th role="columnheader" scope="col">Written</th><th role="columnheader" scope="col">Why</th><th role="columnheader" scope="col">Key</th><th role="columnheader" scope="col">Evidence</th></tr></thead>
<tbody role="rowgroup">${kept.map((version) => row(version, version === history.at(-1), now))}</tbody></table>`;

function row(version: ListedVersion, isLatest: boolean, now: Date): Html {
  const { tags, createdOn, enabled, expiresOn } = version;
  const state = [
    ...(isLatest ? ["latest"] : []),
    ...(enabled ? [] : ["disabled"]),
    ...(expiresOn === undefined ? [] : [`${expiresOn > now ? "expires" : "expired"} ${utcDay(expiresOn)}`]),
  ];
  return html`<tr role="row"><th role="rowheader" scope="row">${tags["sequence"]?.trim() || "–"}</th><td role="cell">${timeOf(createdOn)}<span>${relative(createdOn, now)}</span></td><td role="cell" class="why">${why(version)}</td><td role="cell">${tags["key-name"] ?? "–"}${state.map((text) => html`<span>${text}</span>`)}</td><td role="cell"><div class="evidence">${evidence(version)}</div></td></tr>
`;
}

/** The reason may be in a script that runs from right to left. */
const why = (version: ListedVersion): Html =>
  writtenByUs(version)
    ? html`<bdi>${version.tags["reason"] ?? "–"}</bdi><span>${version.tags["trigger"] ?? "–"}, <bdi>${version.tags["requested-by"] ?? "–"}</bdi></span>`
    : html`<strong class="alert">written outside this system</strong>`;

/** Two columns: what identifies the version and its key, and the ids that find the request in logs and at Azure support. */
const evidenceTags = [
  { fingerprint: "fingerprint", "managed-by": "managed by" },
  {
    "rotation-id": "rotation",
    "client-request-id": "client request",
    "request-id": "request",
    "correlation-request-id": "correlation",
  },
] as const;

function evidence({ version, tags }: ListedVersion): readonly Html[] {
  const [key, request] = evidenceTags.map((names) =>
    Object.entries(names).flatMap(([tag, term]) => {
      const value = tags[tag];
      return value === undefined ? [] : [html`<dt>${term}</dt><dd>${value}</dd>`];
    }),
  );
  return [html`<dl><dt>version</dt><dd>${version}</dd>${key ?? []}</dl>`, html`<dl>${request ?? []}</dl>`];
}
