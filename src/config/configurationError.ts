import type { ConfigurationProblem } from "./configurationProblem.ts";

/** The configuration cannot be used. The message is a report for a terminal: every problem, grouped by source. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(report(problems));
    this.problems = problems;
  }
}

function report(problems: readonly ConfigurationProblem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const groups = Map.groupBy(problems, (problem) => problem.source);
  const sections = [...groups].map(([source, group]) => [source, ...group.map(block)].join("\n"));
  return [`The configuration has ${count}.`, ...sections].join("\n\n");
}

function block({ path, value, rule, remedy }: ConfigurationProblem): string {
  return [`  ${path}: ${value}`, `    rule: ${rule}`, `    remedy: ${remedy}`].join("\n");
}
