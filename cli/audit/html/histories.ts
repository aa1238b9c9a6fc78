import { writtenByUs } from "../../../src/domain/secretVersions.ts";
import type { ListedVersion } from "../../../src/domain/vaultHistory.ts";
import { type AuditReport, type SecretAudit, secretUrl } from "../report.ts";
import { count, relative, utcDay } from "../words.ts";
import { timeOf } from "./findings.ts";
import { type Html, html, nothing } from "./markup.ts";

/** So many are open from the start; more of them would hide each other. */
const openFew = 3;
/** Rows of the whole page, so that it stays small: of each secret the newest, and all that a finding is about. */
const mostRows = 2_500;

/** Every version with all that its tags tell, folded away. A link to one unfolds it. */
export function histories({ secrets, createdAt }: AuditReport): Html {
  if (secrets.length === 0) return nothing;
  const shown = Math.min(Math.max(Math.floor(mostRows / secrets.length), 10), 50);
  const items = secrets.map((secret, index) => {
    const unfolded = secrets.length <= openFew ? html` open` : nothing;
    return html`<details class="history"${unfolded}>${history(secret, index, shown, createdAt)}</details>
`;
  });
  return html`<section aria-labelledby="histories"><h2 id="histories">Histories</h2>
<p class="soft">Newest first. Every version names the request by which its key was made.</p>
${items}</section>`;
}

function history(secret: SecretAudit, index: number, shown: number, now: Date): Html {
  const { name, address, versions, everyDays, findings } = secret;
  const about = new Set(findings.flatMap(({ versions }) => versions));
  const newestFirst = versions.toReversed();
  const kept = newestFirst.filter(({ version }, place) => place < shown || about.has(version));
  const left = versions.length - kept.length;
  const period = everyDays === undefined ? "no period known" : `every ${count(everyDays, "day")}`;
  const note =
    left === 0 ? "" : ` ${count(left, "older version")} without findings: see the report as CSV or JSON.`;
  return html`<summary><h3>${name}</h3> <span class="soft">${count(versions.length, "version")}, ${period}</span></summary>
<div class="scroll" id="h${index}" role="region" aria-label="Versions of ${name}" tabindex="0"><p class="soft"><code>${secretUrl(address)}</code>${note}</p>
${versions.length === 0 ? nothing : table(secret, kept, now)}</div>`;
}

/** On a phone the cells stand under each other; the roles keep it a table for those who hear it. */
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
  return html`<tr role="row"><th role="rowheader" scope="row">${tags["sequence"] ?? "–"}</th><td role="cell">${timeOf(createdOn)}<span>${relative(createdOn, now)}</span></td><td role="cell" class="why">${why(version)}</td><td role="cell">${tags["key-name"] ?? "–"}${state.map((text) => html`<span>${text}</span>`)}</td><td role="cell"><div class="evidence">${evidence(version)}</div></td></tr>
`;
}

/** Anybody may have written the reason, in a script that runs from right to left too. */
const why = (version: ListedVersion): Html =>
  writtenByUs(version)
    ? html`<bdi>${version.tags["reason"] ?? "–"}</bdi><span>${version.tags["trigger"] ?? "–"}, <bdi>${version.tags["requested-by"] ?? "–"}</bdi></span>`
    : html`<strong class="alert">not by this system</strong>`;

/** Two columns: what tells the version, and the ids by which the log and Azure's support find the request. */
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
