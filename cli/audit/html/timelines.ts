import { writtenByUs } from "../../../src/domain/secretVersions.ts";
import type { AuditReport, SecretAudit } from "../report.ts";
import { relative } from "../words.ts";
import { type Axis, axisWidth, createAxis } from "./axis.ts";
import { type Html, html, nothing } from "./markup.ts";
import { timeline } from "./timeline.ts";

/** A picture for each secret, one under the other, on one axis of time. */
export function timelines(report: AuditReport): Html {
  const { secrets, createdAt } = report;
  if (secrets.length === 0) return nothing;
  const axis = createAxis(...span(report), createdAt);
  const rows = secrets.map((secret, index) => row(secret, index, axis, createdAt));
  return html`<section aria-labelledby="timelines"><h2 id="timelines">Timelines</h2>
${legend}
<table class="timelines"><thead><tr><th scope="col" class="what">Gateway</th><th scope="col"><span class="unseen">Rotations along time</span>${axisPicture(axis)}</th><th scope="col" class="last">Last rotated</th></tr></thead>
<tbody>${rows}</tbody></table></section>`;
}

/** From the first version, or the period's beginning, to now, or the period's end. */
function span({ secrets, period, createdAt }: AuditReport): [Date, Date] {
  const dates = secrets.flatMap(({ versions }) => versions.map(({ createdOn }) => createdOn.getTime()));
  const to = period.until === undefined || period.until > createdAt ? createdAt : period.until;
  const first = period.since?.getTime() ?? dates.reduce((one, other) => Math.min(one, other), to.getTime());
  return [new Date(Math.min(first, to.getTime())), to];
}

function row(secret: SecretAudit, index: number, axis: Axis, now: Date): Html {
  const last = secret.history.findLast(writtenByUs);
  return html`<tr><th scope="row"><a href="#h${index}">${secret.name}</a></th><td>${timeline(secret, axis, `t${index}`)}</td><td class="last">${last === undefined ? "never" : relative(last.createdOn, now)}</td></tr>
`;
}

/** Labels keep their size, so the axis is placed in percent and not stretched. Its dates are in the tables too. */
function axisPicture({ ticks, now }: Axis): Html {
  const percent = (x: number): string => `${(x / axisWidth) * 100}%`;
  const anchor = (x: number): string => (x < 40 ? "start" : x > 950 ? "end" : "middle");
  const fromNow = (x: number): number => (now === undefined ? axisWidth : Math.abs(now - x));
  const readable = ticks.filter(({ x }) => fromNow(x) > 90);
  return html`<svg class="axis" aria-hidden="true">${readable.map(
    ({ x, label }, index) =>
      html`<text class="${index % 3 === 0 && fromNow(x) > 250 ? "major" : "minor"}" x="${percent(x)}" y="14" text-anchor="${anchor(x)}">${label}</text>`,
  )}${now === undefined ? nothing : html`<text class="today" x="${percent(now)}" y="14" text-anchor="${anchor(now)}">today</text>`}</svg>`;
}

const sign = (paths: readonly (readonly [name: string, d: string])[], text: string): Html =>
  html`<li><svg aria-hidden="true" viewBox="0 0 30 28">${paths.map(([name, d]) => html`<path class="${name}" d="${d}"/>`)}</svg>${text}</li>`;

const legend = html`<ul class="legend">${[
  sign([["rotation", "M15 7v14"]], "rotated"),
  sign([["young", "M0 14h30"]], "key within its period"),
  sign([["late", "M0 14h30"]], "rotation late or overdue"),
  sign([["foreign", "M15 14h0"]], "version of somebody else"),
  sign(
    [
      ["dot problem", "M9 14h0"],
      ["dot warning", "M21 14h0"],
    ],
    "another problem, another warning",
  ),
]}</ul>`;
