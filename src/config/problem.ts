/** One mistake in the configuration, with everything that it takes to mend it. */
export interface ConfigurationProblem {
  /** Where the value stands: `app settings`, `host.json`, `gateways.json` or `GATEWAYS`. */
  readonly source: string;
  /** Within the source: `ROTATION_SCHEDULE`, `gateways[2].resourceId`, `line 3, column 5`. */
  readonly path: string;
  /** The value as it may be shown: made by {@link shown}, or words in parentheses. */
  readonly value: string;
  readonly rule: string;
  readonly mend: string;
}

/** What a rule makes of a text. Neither `rule` nor `mend` repeats the text unless it was found to be harmless. */
export type Parsed<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "problem"; readonly rule: string; readonly mend: string };

/** Room for a whole resource id of the usual kind. */
const longestShown = 200;

/** A value fit for logs and responses: on one line, shortened, and left out where it looks like a secret. */
export function shown(value: unknown): string {
  if (value === undefined) return "(not set)";
  if (Array.isArray(value)) return `(a list of ${value.length})`;
  if (typeof value === "object" && value !== null) return "(an object)";
  if (typeof value !== "string") return String(value);
  if (looksSecret(value)) return "(not shown: it looks like a secret)";
  return JSON.stringify(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value);
}

/** Pasted in the wrong place, these must not reach a log: gateway keys, connection strings, tokens, signed URLs. */
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
