import * as z from "zod/mini";

/** One mistake in the configuration or in a request, and how to correct it. */
export interface ConfigurationProblem {
  /** What the value was read from: `app settings`, `host.json`, `gateways.json`, `GATEWAYS` or `request`. */
  readonly source: string;
  /** Within the source: `ROTATION_SCHEDULE`, `gateways[2].resourceId`, `line 3, column 5`. */
  readonly path: string;
  /** The value as it may be shown: made by {@link shown}, or words in parentheses. */
  readonly value: string;
  readonly rule: string;
  /** What to do. A value in quotes that it proposes passes the rule. */
  readonly remedy: string;
}

/** A problem whose source is known to the caller alone. */
export type Mistake = Omit<ConfigurationProblem, "source">;

/** What a problem reports about the rule that a value breaks. */
export type Words = Pick<ConfigurationProblem, "rule" | "remedy">;

/** The result of reading a text. `rule` and `remedy` repeat no part of a text that looks like a secret. */
export type Parsed<T> = { readonly kind: "value"; readonly value: T } | ParsingProblem;

interface ParsingProblem extends Words {
  readonly kind: "problem";
  /** The part of the text that breaks the rule; undefined: the whole text. It is not yet safe to show. */
  readonly value?: string;
}

export const value = <T>(value: T): Parsed<T> => ({ kind: "value", value });

export const problem = (rule: string, remedy: string): Parsed<never> => ({ kind: "problem", rule, remedy });

/** Room for a whole resource id of the usual kind. */
const longestShown = 200;

/** Invisible characters, and spaces that look like a plain one. Texts copied from a web page or a chat have them. */
const deceptive = /\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/gu;

/**
 * Formats a value for logs and responses: on one line, with every invisible character as its code, shortened, and left
 * out if it looks like a secret.
 */
export function shown(value: unknown): string {
  if (value === undefined) return "(not set)";
  if (Array.isArray(value)) return `(a list of ${value.length})`;
  if (typeof value === "object" && value !== null) return "(an object)";
  if (typeof value !== "string") return String(value);
  if (looksSecret(value)) return "(not shown: it looks like a secret)";
  const text = value.length > longestShown ? `${value.slice(0, longestShown)}…` : value;
  return JSON.stringify(text).replace(deceptive, (character) => {
    const code = character.codePointAt(0)?.toString(16) ?? "";
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** Recognises gateway keys, connection strings, tokens and signed URLs that were pasted in the wrong place. */
export function looksSecret(text: string): boolean {
  return secretLike.some((pattern) => pattern.test(text));
}

const secretLike = [
  /\b(?:ADF#|DMG@|IR@)/i,
  /\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|InstrumentationKey|client_secret|password|pwd|sig|code)=/i,
  /:\/\/[^/?#\s]*@/,
  /\beyJ[\w-]{10}/,
  /[A-Za-z0-9+/]{40}=/,
];

/** `["gateways", 2, "resourceId"]` → `gateways[2].resourceId` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    if (typeof key === "symbol" || !/^[\w$-]{1,60}$/.test(key)) return `${text}[${shown(String(key))}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** A property whose text a parser of ours reads. The issue's `params` carry the problem that the parser finds. */
export function parsedText<T>(parse: (text: string) => Parsed<T>) {
  const parsing = z.transform((text: string, context): T => {
    const parsed = parse(text);
    if (parsed.kind === "value") return parsed.value;
    const { kind, ...params } = parsed;
    context.issues.push({ code: "custom", input: text, message: parsed.rule, params });
    return z.NEVER;
  });
  return z.pipe(z.string(), parsing);
}

const foundByParser = z.object({ value: z.optional(z.string()), rule: z.string(), remedy: z.string() });

/**
 * Explains what a schema refuses.
 *
 * @param issue with its input (zod's option `reportInput`)
 * @param words by the name of the property that breaks its rule: `days`, or `days[]` for an item of that list. The empty
 * name stands for the whole
 * @param whole the path of the whole, such as `(the whole document)`
 */
export function explainIssue(
  issue: z.core.$ZodIssue,
  words: Readonly<Record<string, Words>>,
  whole: string,
): readonly Mistake[] {
  const [parent, last = ""] = ["", ...issue.path].slice(-2);
  const name = typeof last === "number" ? `${String(parent)}[]` : String(last);
  const { rule = "", remedy = "" } = words[name] ?? {};
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: formatPath([...issue.path, key]),
      value: "(no such property)",
      rule,
      remedy: "remove it, or correct its name",
    }));
  }
  const found = issue.code === "custom" ? foundByParser.safeParse(issue.params).data : undefined;
  const path = formatPath(issue.path) || whole;
  return [{ path, rule, remedy, ...found, value: shown(found?.value ?? issue.input) }];
}

export const objectRule = (schema: z.core.$ZodObject): string =>
  `an object; its known properties are ${Object.keys(schema._zod.def.shape).join(", ")}`;

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
