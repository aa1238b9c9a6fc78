import { writtenByUs } from "../../../src/domain/secretStore.ts";
import type { Finding } from "../findings.ts";
import { type AuditReport, needsAttention, type SecretAudit } from "../report.ts";
import { pairs, type Severity } from "../rule.ts";
import { count, dayMs, relative, utc } from "../words.ts";
import { type Axis, axisWidth, createAxis } from "./axis.ts";
import { type Html, html, nothing } from "./markup.ts";

/** A picture of each secret's history, one below the other, on one axis of time. */
export function timelinesSection(report: AuditReport): Html {
  const { secrets, createdAt } = report;
  if (secrets.length === 0) return nothing;
  const axis = createAxis(...span(report), createdAt);
  const rows = secrets.map((secret, index) => row(secret, index, axis, createdAt));
  return html`<section aria-labelledby="timelines"><h2 id="timelines">Timelines</h2>
${legend}
<table class="timelines"><thead><tr><th scope="col" class="what">Gateway</th><th scope="col"><span class="unseen">Rotations along time</span>${axisLabels(axis)}</th><th scope="col" class="last">Last rotated</th></tr></thead>
<tbody>${rows}</tbody></table></section>`;
}

/** From the period's beginning, or the first version, to the period's end, or now. */
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

/** Placed in percent and not stretched, so that the text keeps its size. Hidden from screen readers: the tables have the dates. */
function axisLabels({ ticks, now }: Axis): Html {
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
  html`<li><svg aria-hidden="true" viewBox="0 0 30 28">${paths.map(([name, d]) => path(name, [d]))}</svg>${text}</li>`;

const legend = html`<ul class="legend">${[
  sign([["rotation", "M15 7v14"]], "rotated"),
  sign([["young", "M0 14h30"]], "key within its period"),
  sign([["late", "M0 14h30"]], "rotation late or overdue"),
  sign([["foreign", "M15 14h0"]], "version written outside this system"),
  sign(
    [
      ["dot problem", "M9 14h0"],
      ["dot warning", "M21 14h0"],
    ],
    "other problem, other warning",
  ),
]}</ul>`;

const height = 28;
const middle = 12;
const below = 25;
/** From so many versions on, strokes of full width would run together. */
const denseFrom = 150;

/**
 * One secret's history: a bar while a key is within its period, a stroke for each rotation, a striped bar where a
 * rotation was late, a square for a version written outside this system, and a dot for each other finding. Strokes keep
 * their width however the page stretches the picture; a dot is a stroke of no length with a round end.
 *
 * @param id unique in the page
 */
function timeline(audit: SecretAudit, axis: Axis, id: string): Html {
  const { versions, findings } = audit;
  const dates = (own: boolean): readonly Date[] =>
    versions.filter((version) => writtenByUs(version) === own).map(({ createdOn }) => createdOn);
  const dots = (severity: Severity): readonly Date[] =>
    findings.filter((finding) => finding.severity === severity && !isDrawn(finding)).map(({ from }) => from);
  const marks = (name: string, dates: readonly Date[], mark: (x: number) => string): Html =>
    path(name, [...new Set(dates.map(axis.x))].map(mark));
  return html`<svg role="img" aria-labelledby="${id}t ${id}d" viewBox="0 0 ${axisWidth} ${height}" preserveAspectRatio="none"><title id="${id}t">${audit.name}: ${count(versions.length, "version")}</title><desc id="${id}d">${description(audit)}</desc>${[
    path("grid", axis.ticks.map(({ x }) => x).map(line)),
    path("now", axis.now === undefined ? [] : [line(axis.now)]),
    path("young", barsWithinPeriod(audit, axis).map(bar)),
    path(
      "late",
      findings
        .filter(isLate)
        .map(({ from, to }): Bar => [axis.x(from), axis.x(to)])
        .map(bar),
    ),
    marks(
      versions.length > denseFrom ? "rotation dense" : "rotation",
      dates(true),
      (x) => `M${x} ${middle - 7}v14`,
    ),
    marks("foreign", dates(false), (x) => `M${x} ${middle}h0`),
    marks("dot problem", dots("problem"), (x) => `M${x} ${below}h0`),
    marks("dot warning", dots("warning"), (x) => `M${x} ${below}h0`),
  ]}</svg>`;
}

const isLate = ({ code }: Finding): boolean => code === "late" || code === "overdue";
const isDrawn = (finding: Finding): boolean => isLate(finding) || finding.code === "foreign-version";

/** A declared function, since {@link legend} calls it while the module loads. */
function path(name: string, lines: readonly string[]): Html {
  return lines.length === 0 ? nothing : html`<path class="${name}" d="${lines.join("")}"/>`;
}

type Bar = readonly [from: number, to: number];

const line = (x: number): string => `M${x} 0v${height}`;

const bar = ([from, to]: Bar): string => `M${from} ${middle}H${Math.max(to, from + 1)}`;

/** From each rotation until its key is as old as it may become, or until the next rotation. */
function barsWithinPeriod({ history, everyDays }: SecretAudit, axis: Axis): readonly Bar[] {
  if (everyDays === undefined) return [];
  const times = history.filter(writtenByUs).map(({ createdOn }) => createdOn.getTime());
  const bars = pairs([...times, Number.POSITIVE_INFINITY]).map(([from, next]): Bar => {
    const to = Math.min(next, from + everyDays * dayMs);
    return [axis.x(new Date(from)), axis.x(new Date(to))];
  });
  // A bar outside the axis has no length left on its edge.
  return joined(bars.filter(([from, to]) => from < to));
}

/** Bars that meet become one. */
function joined(bars: readonly Bar[]): readonly Bar[] {
  const result: Bar[] = [];
  for (const next of bars) {
    const last = result.at(-1);
    if (last === undefined || last[1] < next[0]) result.push(next);
    else result.splice(-1, 1, [last[0], Math.max(last[1], next[1])]);
  }
  return result;
}

function description({ versions, everyDays, findings }: SecretAudit): string {
  const [first, last] = [versions[0], versions.at(-1)];
  const serious = findings.filter(needsAttention).length;
  return [
    first === undefined || last === undefined
      ? "No version in this period."
      : `From ${utc(first.createdOn)} to ${utc(last.createdOn)}.`,
    everyDays === undefined
      ? "The rotation period is not known."
      : `The rotation period is ${count(everyDays, "day")}.`,
    serious === 0 ? "No problems." : `${count(serious, "problem or warning", "problems and warnings")}.`,
  ].join(" ");
}
