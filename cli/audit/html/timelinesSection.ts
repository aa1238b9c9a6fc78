import { writtenByUs } from "../../../src/domain/secretStore.ts";
import { count, dayMs, relative, utc } from "../../words.ts";
import type { Finding } from "../findings.ts";
import { type AuditReport, needsAttention, type SecretAudit, worst } from "../report.ts";
import { pairs, rotateEveryDaysOf, type Severity } from "../rule.ts";
import { type Axis, axisWidth, createAxis } from "./axis.ts";
import { type Html, html, nothing } from "./markup.ts";

/** A picture of each secret's history, one below the other, on one axis of time. */
export function timelinesSection(report: AuditReport): Html {
  const { secrets, createdAt } = report;
  if (secrets.length === 0) return nothing;
  const axis = createAxis(...span(report), createdAt);
  const rows = secrets.map((secret) => ({ secret, marks: marksOf(secret, axis) }));
  return html`<section aria-labelledby="timelines"><h2 id="timelines">Timelines</h2>
${secrets.length === 1 ? nothing : html`<p class="soft">Gateways with the most severe findings first.</p>`}
${legend(rows.map(({ marks }) => marks))}
<table class="timelines" role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col" class="what">Gateway</th><th role="columnheader" scope="col" class="along"><span class="unseen">Rotations along time</span>${axisLabels(axis)}</th><th role="columnheader" scope="col" class="last">Last rotated</th></tr></thead>
<tbody role="rowgroup">${rows.map(({ secret, marks }, index) => row(secret, marks, index, axis, createdAt))}</tbody></table></section>`;
}

/** From the period's beginning, or the first version, to the period's end, or now. */
function span({ secrets, period, createdAt }: AuditReport): [Date, Date] {
  const dates = secrets.flatMap(({ versions }) => versions.map(({ createdOn }) => createdOn.getTime()));
  const to = period.until === undefined || period.until > createdAt ? createdAt : period.until;
  const first = period.since?.getTime() ?? dates.reduce((one, other) => Math.min(one, other), to.getTime());
  return [new Date(Math.min(first, to.getTime())), to];
}

function row(secret: SecretAudit, marks: Marks, index: number, axis: Axis, now: Date): Html {
  const last = secret.history.findLast(writtenByUs);
  return html`<tr role="row" class="item ${worst(secret)}"><th role="rowheader" scope="row"><a href="#h${index}">${secret.name}</a></th><td role="cell" class="along">${timeline(secret, marks, axis, `t${index}`)}</td><td role="cell" class="last">${last === undefined ? "never" : relative(last.createdOn, now)}</td></tr>
`;
}

const percent = (x: number): string => `${(x / axisWidth) * 100}%`;

/** Placed in percent and not stretched, so that the text keeps its size. Hidden from screen readers: the tables have the dates. */
function axisLabels({ ticks, now }: Axis): Html {
  const anchor = (x: number): string => (x < 40 ? "start" : x > 950 ? "end" : "middle");
  const fromNow = (x: number): number => (now === undefined ? axisWidth : Math.abs(now - x));
  const readable = ticks.filter(({ x }) => fromNow(x) > 90);
  return html`<svg class="axis" aria-hidden="true">${readable.map(
    ({ x, label }, index) =>
      html`<text class="${index % 3 === 0 && fromNow(x) > 250 ? "major" : "minor"}" x="${percent(x)}" y="14" text-anchor="${anchor(x)}">${label}</text>`,
  )}${now === undefined ? nothing : html`<text class="today" x="${percent(now)}" y="14" text-anchor="${anchor(now)}">today</text>`}</svg>`;
}

type Bar = readonly [from: number, to: number];

/** What one timeline shows, in the axis's units. */
interface Marks {
  readonly rotations: readonly number[];
  readonly young: readonly Bar[];
  readonly late: readonly Bar[];
  readonly foreign: readonly number[];
  readonly problems: readonly number[];
  readonly warnings: readonly number[];
}

function marksOf(audit: SecretAudit, axis: Axis): Marks {
  const { versions, findings } = audit;
  const places = (dates: readonly Date[]): readonly number[] => [...new Set(dates.map(axis.x))];
  const written = (own: boolean) =>
    places(versions.filter((version) => writtenByUs(version) === own).map(({ createdOn }) => createdOn));
  const dots = (severity: Severity) =>
    places(
      findings
        .filter((finding) => finding.severity === severity && !isDrawn(finding))
        .map(({ from }) => from),
    );
  return {
    rotations: written(true),
    young: barsWithinPeriod(audit, axis),
    late: findings.filter(isLate).map(({ from, to }): Bar => [axis.x(from), axis.x(to)]),
    foreign: written(false),
    problems: dots("problem"),
    warnings: dots("warning"),
  };
}

const isLate = ({ code }: Finding): boolean => code === "late" || code === "overdue";
const isDrawn = (finding: Finding): boolean => isLate(finding) || finding.code === "foreign-version";

/**
 * Each bar begins with a rotation, and ends when the key reaches its longest age, or with the next version. A version of
 * another writer ends it too, since consumers then read that value.
 */
function barsWithinPeriod({ history, everyDays }: SecretAudit, axis: Axis): readonly Bar[] {
  const bars = pairs([...history, undefined]).flatMap(([version, next]): Bar[] => {
    const days = version && (rotateEveryDaysOf(version) ?? everyDays);
    if (version === undefined || days === undefined || !writtenByUs(version)) return [];
    const from = version.createdOn.getTime();
    const to = Math.min(next?.createdOn.getTime() ?? Number.POSITIVE_INFINITY, from + days * dayMs);
    return [[axis.x(new Date(from)), axis.x(new Date(to))]];
  });
  // A bar outside the axis has no length left on its edge.
  return bars.filter(([from, to]) => from < to);
}

const height = 32;
const middle = 13;
const below = 24;
/** With this many versions or more, strokes of full width would run together. */
const denseFrom = 150;

/**
 * One secret's history: a bar while a key is within its period, a stroke for each rotation, a striped bar where a
 * rotation was late, a square for a version written outside this system, and a dot for each other finding. Bars and
 * strokes are in a picture that the page stretches. Squares and dots are placed in percent, so that they keep their
 * shape; a PDF shows no stroke without a length, so they are shapes with an area.
 *
 * @param id unique in the page
 */
const timeline = (audit: SecretAudit, marks: Marks, axis: Axis, id: string): Html =>
  html`<svg role="img" aria-labelledby="${id}t ${id}d"><title id="${id}t">${audit.name}: ${count(audit.versions.length, "version")}</title><desc id="${id}d">${description(audit)}</desc><svg viewBox="0 0 ${axisWidth} ${height}" preserveAspectRatio="none">${[
    path("grid", axis.ticks.map(({ x }) => x).map(line)),
    path("now", axis.now === undefined ? [] : [line(axis.now)]),
    path("young", marks.young.map(bar)),
    path("late", marks.late.map(bar)),
    path(marks.rotations.length > denseFrom ? "rotation dense" : "rotation", marks.rotations.map(stroke)),
  ]}</svg>${[
    ...marks.foreign.map((x) => square(percent(x))),
    ...marks.problems.map((x) => dot("problem", percent(x))),
    ...marks.warnings.map((x) => dot("warning", percent(x))),
  ]}</svg>`;

const path = (name: string, lines: readonly string[]): Html =>
  lines.length === 0 ? nothing : html`<path class="${name}" d="${lines.join("")}"/>`;

const line = (x: number): string => `M${x} 0v${height}`;
const stroke = (x: number): string => `M${x} ${middle - 7}v14`;
const bar = ([from, to]: Bar): string => `M${from} ${middle}H${Math.max(to, from + 1)}`;

/** The style moves it to the left by half its width. */
const square = (x: string): Html =>
  html`<rect class="foreign" x="${x}" y="${middle - 5}" width="10" height="10"/>`;

const dot = (name: Severity, x: string, y = below): Html =>
  html`<circle class="${name}" cx="${x}" cy="${y}" r="3"/>`;

/** The marks that the timelines have. */
function legend(rows: readonly Marks[]): Html {
  const has = (name: keyof Marks): boolean => rows.some((marks) => marks[name].length > 0);
  const sign = (picture: Html, text: string): Html =>
    html`<li><svg aria-hidden="true" viewBox="0 ${middle - 15} 30 30">${picture}</svg>${text}</li>`;
  return html`<ul class="legend">${[
    ...(has("rotations") ? [sign(path("rotation", [stroke(15)]), "rotated")] : []),
    ...(has("young") ? [sign(path("young", [bar([0, 30])]), "key within its period")] : []),
    ...(has("late") ? [sign(path("late", [bar([0, 30])]), "rotation late or overdue")] : []),
    ...(has("foreign") ? [sign(square("15"), "version written outside this system")] : []),
    ...(has("problems") ? [sign(dot("problem", "15", middle), "other problem")] : []),
    ...(has("warnings") ? [sign(dot("warning", "15", middle), "other warning")] : []),
  ]}</ul>`;
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
