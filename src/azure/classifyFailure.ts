import type { CallProblem } from "../domain/attempt.ts";
import type { WireRecord } from "./wire.ts";

/**
 * - `refused`: certainly without effect; no request was sent, or the service said no.
 * - `unclear`: it may have taken effect, now or in a moment.
 */
export interface ClassifiedProblem {
  readonly certainty: "refused" | "unclear";
  readonly problem: CallProblem;
}

/** Answers after which nothing was done, and whether the same call may succeed later without anybody's help. */
const refusals: Readonly<Record<number, { readonly code: string; readonly transient: boolean }>> = {
  400: { code: "bad-request", transient: false },
  401: { code: "unauthenticated", transient: false },
  403: { code: "forbidden", transient: false },
  404: { code: "not-found", transient: false },
  409: { code: "conflict", transient: true },
  412: { code: "precondition-failed", transient: true },
  429: { code: "throttled", transient: true },
};

/** Errors of name resolution and of connecting: no connection, so no request. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** What `@azure/identity` throws; by name, because loading the package only to ask would be slow. */
const tokenErrors = new Set([
  "AuthenticationError",
  "AuthenticationRequiredError",
  "AggregateAuthenticationError",
  "CredentialUnavailableError",
]);

/**
 * Sorts a failed call by what is certain of its effect. An SDK's own error is looked at for its name and its
 * code only: its message and its properties can hold the answer's body, and so a key. The service's own words are
 * quoted where it certainly made no key, and where it was not sent one either.
 */
export function classifyFailure(
  service: string,
  error: unknown,
  wire: WireRecord,
  quote: "its words" | "its code" = "its words",
): ClassifiedProblem {
  const { status } = wire;
  if (isTokenError(error)) {
    return refused("no-token", `No token for ${service}: ${tokenMessage(error)}`, true);
  }
  if (!wire.sent) {
    return wire.timedOut
      ? refused("no-token", `No token for ${service} within ${seconds(wire)}; nothing was sent.`, true)
      : refused(
          "not-sent",
          `The request to ${service} did not leave the process (${errorName(error)}).`,
          true,
        );
  }
  if (status !== undefined) return classifyStatus(service, status, wire, quote);
  const code = errorCode(error);
  if (code !== undefined && neverConnected.has(code)) {
    return refused("unreachable", `${service} could not be reached (${code}); nothing was sent.`, true);
  }
  return wire.timedOut
    ? unclear("timed-out", `${service} did not answer within ${seconds(wire)}.`)
    : unclear(
        "connection-lost",
        `The connection to ${service} was lost before a whole answer came (${code ?? errorName(error)}).`,
      );
}

function classifyStatus(
  service: string,
  status: number,
  wire: WireRecord,
  quote: "its words" | "its code",
): ClassifiedProblem {
  const refusal = refusals[status];
  if (refusal !== undefined) {
    const { message } = serviceError(wire.errorBody);
    const words = [serviceCode(wire), quote === "its words" ? message : undefined].filter(Boolean).join(": ");
    const sentence = `${service} answered ${status}${words === "" ? "" : ` ${words}`}`;
    const retryAfterMs = retryAfter(wire);
    return {
      certainty: "refused",
      problem: { ...refusal, message: sentence, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    };
  }
  const answered = `${service} answered ${status}`;
  if (status === 408) return unclear("timed-out", `${answered} (request time-out).`);
  if (status >= 500) return unclear("server-error", `${answered} ${serviceCode(wire) ?? ""}`.trim());
  if (status === 200 && wire.timedOut)
    return unclear(
      "timed-out",
      `${answered}, but the whole of its body did not come within ${seconds(wire)}.`,
    );
  if (status === 200) return unclear("unusable-answer", `${answered}, but its body cannot be read.`);
  return unclear("unexpected-status", `${answered}, which it never should.`);
}

/** Storage's error bodies are XML; its codes are in a header too. */
const serviceCode = (wire: WireRecord): string | undefined =>
  serviceError(wire.errorBody).code ?? text(wire.header("x-ms-error-code"));

/** `Retry-After` in seconds or as a date, and Azure's own two headers in milliseconds. */
function retryAfter(wire: WireRecord): number | undefined {
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const ms = Number(wire.header(name) ?? Number.NaN);
    if (Number.isFinite(ms) && ms >= 0) return ms;
  }
  const value = wire.header("retry-after");
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

interface ServiceError {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly innerCode?: string | undefined;
}

/** `{"error":{"code","message","innererror":{"code"}}}`, the form that Azure's services share. */
export function serviceError(body: string | undefined): ServiceError {
  const error = property(parseJson(body), "error");
  return {
    code: text(property(error, "code")),
    message: text(property(error, "message")),
    innerCode: text(property(property(error, "innererror"), "code")),
  };
}

function parseJson(body: string | undefined): unknown {
  try {
    return JSON.parse(body ?? "");
  } catch {
    return undefined;
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? firstLine(value) : undefined;

/** Of a chain of credentials each one's own reason: the chain itself only says that it failed. */
function tokenMessage(error: Error): string {
  const errors = property(error, "errors");
  const reasons = (Array.isArray(errors) ? errors : []).flatMap((each) =>
    each instanceof Error ? [each.message] : [],
  );
  return (reasons.length > 0 ? reasons : [error.message]).map(firstLine).join("; ");
}

const firstLine = (message: string): string => {
  const line = message.split("\n", 1)[0] ?? "";
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
};

function isTokenError(error: unknown): error is Error {
  return error instanceof Error && tokenErrors.has(error.name);
}

const errorName = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

function errorCode(error: unknown): string | undefined {
  const code = property(error, "code");
  return typeof code === "string" && /^[A-Z_0-9]{1,40}$/.test(code) ? code : undefined;
}

const seconds = (wire: WireRecord): string => `${Math.round(wire.durationMs / 100) / 10} s`;

function refused(code: string, message: string, transient: boolean): ClassifiedProblem {
  return { certainty: "refused", problem: { code, message, transient } };
}

function unclear(code: string, message: string): ClassifiedProblem {
  return { certainty: "unclear", problem: { code, message, transient: true } };
}
