import os from "node:os";

export type Row = Readonly<Record<string, string | number>>;

/** What was to be shown, and whether it was. */
export interface Goal {
  readonly goal: string;
  readonly measured: string;
  readonly reached: boolean;
}

/** A part of the benchmark, as it is shown in the terminal and in docs/benchmark.md. */
export interface Section {
  readonly title: string;
  /** How it was measured, a paragraph each. */
  readonly text: readonly string[];
  /** The first one's names are the columns. */
  readonly rows: readonly Row[];
  readonly goals: readonly Goal[];
}

/** Goals first: what was reached, and what was not. */
export const goalRows = (sections: readonly Section[]): readonly Row[] =>
  sections
    .flatMap(({ goals }) => goals)
    .map(({ goal, measured, reached }) => ({ goal, measured, reached: reached ? "yes" : "**no**" }));

/** @param load of the machine before the benchmark, per processor */
export function toMarkdown(sections: readonly Section[], load: number): string {
  return `${[
    "# Benchmark",
    "The time, memory and calls that a run takes, beside their goals. `npm run bench` writes this page. Results in virtual time are the same on every machine. The others depend on the machine and on its load.",
    `Node ${process.versions.node}, ${os.availableParallelism()} processors, load per processor before the benchmark ${load.toFixed(1)}${
      load > 0.5 ? ": **other work kept this machine busy**, so times are too long" : ""
    }.`,
    "## Goals",
    table(goalRows(sections)),
    ...sections.flatMap(({ title, text, rows }) => [`## ${title}`, ...text, table(rows)]),
  ].join("\n\n")}\n`;
}

function table(rows: readonly Row[]): string {
  const [first = {}] = rows;
  const columns = Object.keys(first);
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    `|${columns.map((column) => (typeof first[column] === "number" ? "---:" : "---")).join("|")}|`,
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ""))),
  ].join("\n");
}

/** The middle one of so many values, the higher of two; NaN of none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
