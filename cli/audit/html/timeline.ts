import { writtenByUs } from "../../../src/domain/secretVersions.ts";
import type { Finding } from "../findings.ts";
import type { SecretAudit } from "../report.ts";
import { pairs, type Severity } from "../rule.ts";
import { count, dayMs, utc } from "../words.ts";
import { type Axis, axisWidth } from "./axis.ts";
import { type Html, html, nothing } from "./markup.ts";

const height = 28;
const middle = 12;
const below = 25;
/** Strokes of full width would run together. */
const denseFrom = 150;

/**
 * One secret's history as a picture: a bar for the time in which a key was as young as it should be, a stroke for each
 * rotation, a striped bar where one was late, a square for a version of somebody else, a dot for every other finding.
 * Strokes keep their width however the picture is stretched, and a dot is a stroke of no length with a round end.
 *
 * @param id unique in the page
 */
export function timeline(audit: SecretAudit, axis: Axis, id: string): Html {
  const { versions, findings } = audit;
  const dates = (own: boolean): readonly Date[] =>
    versions.filter((version) => writtenByUs(version) === own).map(({ createdOn }) => createdOn);
  const late = findings.filter(isLate);
  const dots = (severity: Severity): readonly Date[] =>
    findings.filter((finding) => finding.severity === severity && !isDrawn(finding)).map(({ from }) => from);
  const marks = (name: string, dates: readonly Date[], mark: (x: number) => string): Html =>
    path(name, [...new Set(dates.map(axis.x))].map(mark));
  return html`<svg role="img" aria-labelledby="${id}t ${id}d" viewBox="0 0 ${axisWidth} ${height}" preserveAspectRatio="none"><title id="${id}t">${titleOf(audit)}</title><desc id="${id}d">${describe(audit)}</desc>${[
    path("grid", axis.ticks.map(({ x }) => x).map(line)),
    path("now", axis.now === undefined ? [] : [line(axis.now)]),
    path("young", youngBars(audit, axis).map(bar)),
    path("late", late.map(({ from, to }): Bar => [axis.x(from), axis.x(to)]).map(bar)),
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

const path = (name: string, lines: readonly string[]): Html =>
  lines.length === 0 ? nothing : html`<path class="${name}" d="${lines.join("")}"/>`;

type Bar = readonly [from: number, to: number];

const line = (x: number): string => `M${x} 0v${height}`;

const bar = ([from, to]: Bar): string => `M${from} ${middle}H${Math.max(to, from + 1)}`;

/** From each rotation until its key is as old as it may become, or until the next one. */
function youngBars({ history, everyDays }: SecretAudit, axis: Axis): readonly Bar[] {
  if (everyDays === undefined) return [];
  const times = history.filter(writtenByUs).map(({ createdOn }) => createdOn.getTime());
  const bars = pairs([...times, Number.POSITIVE_INFINITY]).map(([from, next]): Bar => {
    const to = Math.min(next, from + everyDays * dayMs);
    return [axis.x(new Date(from)), axis.x(new Date(to))];
  });
  // Bars outside the axis have come to nothing at its edge.
  return joined(bars.filter(([from, to]) => from < to));
}

/** Bars that meet are one. */
function joined(bars: readonly Bar[]): readonly Bar[] {
  const result: Bar[] = [];
  for (const next of bars) {
    const last = result.at(-1);
    if (last === undefined || last[1] < next[0]) result.push(next);
    else result.splice(-1, 1, [last[0], Math.max(last[1], next[1])]);
  }
  return result;
}

function titleOf({ name, versions }: SecretAudit): string {
  return `${name}: ${count(versions.length, "version")}`;
}

function describe({ versions, everyDays, findings }: SecretAudit): string {
  const [first, last] = [versions[0], versions.at(-1)];
  const serious = findings.filter(({ severity }) => severity !== "information").length;
  return [
    first === undefined || last === undefined
      ? "None in this time."
      : `From ${utc(first.createdOn)} to ${utc(last.createdOn)}.`,
    everyDays === undefined ? "No period is known." : `To be rotated every ${count(everyDays, "day")}.`,
    serious === 0 ? "No problems." : `${count(serious, "problem or warning", "problems and warnings")}.`,
  ].join(" ");
}
