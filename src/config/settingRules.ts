import type { Parsed } from "./configurationProblem.ts";
import { type Origin, parseOrigin } from "./urls.ts";

/** A rule in words, and the function that holds a text against it. */
export interface Rule<T> {
  readonly rule: string;
  readonly parse: (text: string) => Parsed<T>;
}

export function text(rule: string, pattern: RegExp, remedy: string): Rule<string> {
  return {
    rule,
    parse: (value) => (pattern.test(value) ? { kind: "value", value } : { kind: "problem", rule, remedy }),
  };
}

export const anyText: Rule<string> = {
  rule: "any text",
  parse: (value) => ({ kind: "value", value }),
};

export function wholeNumber(minimum: number, maximum: number): Rule<number> {
  const rule = `a whole number from ${minimum} to ${maximum}`;
  return {
    rule,
    parse: (value) => {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= minimum && number <= maximum
        ? { kind: "value", value: number }
        : { kind: "problem", rule, remedy: `write digits alone, from ${minimum} to ${maximum}` };
    },
  };
}

/** In any casing, as the platform writes it. */
export const trueOrFalse: Rule<boolean> = {
  rule: "True or False",
  parse: (value) =>
    /^(?:true|false)$/i.test(value)
      ? { kind: "value", value: value.toLowerCase() === "true" }
      : { kind: "problem", rule: "True or False", remedy: "write one of the two, or remove the setting" },
};

export const guid = text(
  "a GUID",
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  "write the Client ID that the portal shows for the managed identity, not its name or resource id",
);

const durationRule = "a time span hh:mm:ss, of one second to a day";

/** Milliseconds from `hh:mm:ss`. The host's `-1` (unlimited) is refused. */
export const duration: Rule<number> = {
  rule: durationRule,
  parse: (value) => {
    if (/^-|^(?:unlimited|infinite)$/i.test(value)) {
      return {
        kind: "problem",
        rule: "a time-out that ends: every claim and every wait is derived from the longest that an invocation can take",
        remedy: 'write a time span such as "00:30:00"',
      };
    }
    const [, hours, minutes, seconds] = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)$/.exec(value) ?? [];
    const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
    return total > 0
      ? { kind: "value", value: total * 1000 }
      : {
          kind: "problem",
          rule: durationRule,
          remedy: 'write hours, minutes and seconds, such as "00:30:00"',
        };
  },
};

const resourceManagerScope = "https://management.azure.com/.default";

export interface ResourceManagerEndpoint {
  readonly url: string;
  readonly scope: string;
  readonly loopback: boolean;
}

export const resourceManagerEndpoint: Rule<ResourceManagerEndpoint> = {
  rule: "an https origin, such as https://management.azure.com",
  parse: (value) => {
    const origin = parseOrigin(value);
    return origin.kind === "problem" ? origin : { kind: "value", value: endpointOf(origin.value) };
  },
};

function endpointOf({ url, loopback }: Origin): ResourceManagerEndpoint {
  return { url, loopback, scope: loopback ? resourceManagerScope : `${url}/.default` };
}

const connectionStringRule =
  "Key=Value pairs joined by semicolons, among them InstrumentationKey (a GUID) and, if it is given, an https IngestionEndpoint";

/** Pairs without the empty ones: one semicolon too many makes the exporter complain about the whole string. */
export const connectionString: Rule<string> = {
  rule: connectionStringRule,
  parse: (value) => {
    const pairs = parsePairs(value);
    const remedy = connectionStringRemedy(pairs);
    return remedy === undefined
      ? { kind: "value", value: [...pairs.values()].map((pair) => pair.text).join(";") }
      : { kind: "problem", rule: connectionStringRule, remedy };
  },
};

function connectionStringRemedy(pairs: ReadonlyMap<string, Pair>): string | undefined {
  const key = pairs.get("instrumentationkey")?.value;
  const endpoint = pairs.get("ingestionendpoint")?.value;
  if ([...pairs.values()].some((pair) => pair.value === undefined)) {
    return "a part of it is not Key=Value: copy the Connection String of the Application Insights resource again, whole";
  }
  if (key === undefined || guid.parse(key).kind === "problem") {
    return "its InstrumentationKey is missing or is not a GUID: copy the Connection String of the Application Insights resource";
  }
  if (endpoint !== undefined && URL.parse(endpoint)?.protocol !== "https:") {
    return "its IngestionEndpoint is not an https URL: copy the Connection String of the Application Insights resource";
  }
  return undefined;
}

export type TelemetryAuthentication =
  | { readonly kind: "instrumentation-key" }
  /** With a token: of the user-assigned identity `clientId`, else of the identity that all other calls use. */
  | { readonly kind: "entra"; readonly clientId?: string | undefined };

const authenticationRule = "Authorization=AAD, with ClientId=… (a GUID) for a user-assigned identity";

/**
 * As strict as the platform is with the same setting, which refuses a client id that is not a GUID.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-app-settings#applicationinsights_authentication_string
 */
export const telemetryAuthentication: Rule<TelemetryAuthentication> = {
  rule: authenticationRule,
  parse: (value) => {
    const problem = (remedy: string): Parsed<never> => ({
      kind: "problem",
      rule: authenticationRule,
      remedy,
    });
    const pairs = parsePairs(value.replace(/\s*=\s*/g, "="));
    if (pairs.get("authorization")?.value?.toUpperCase() !== "AAD") {
      return problem("write Authorization=AAD, or remove the setting where local authentication is on");
    }
    const identity = pairs.get("clientid");
    if (identity === undefined) return { kind: "value", value: { kind: "entra" } };
    const clientId = guid.parse(identity.value ?? "");
    return clientId.kind === "value"
      ? { kind: "value", value: { kind: "entra", clientId: clientId.value } }
      : problem(`its ClientId is not a GUID: ${clientId.remedy}`);
  },
};

interface Pair {
  readonly text: string;
  /** Undefined where there is no `=`, or more than one. */
  readonly value: string | undefined;
}

function parsePairs(value: string): ReadonlyMap<string, Pair> {
  const pairs = value.split(";").map((pair) => pair.trim());
  return new Map(
    pairs
      .filter((pair) => pair !== "")
      .map((pair) => [pairKeyOf(pair), { text: pair, value: pairValueOf(pair) }]),
  );
}

function pairKeyOf(pair: string): string {
  return (pair.split("=")[0] ?? "").toLowerCase();
}

function pairValueOf(pair: string): string | undefined {
  const [, value, ...more] = pair.split("=");
  return more.length === 0 ? value : undefined;
}
