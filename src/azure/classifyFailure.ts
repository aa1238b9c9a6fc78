import type { CallProblem } from "../domain/attempt.ts";
import type { FailedCall, WireRecord } from "./wire.ts";

/**
 * - `refused`: the call had no effect. No request was sent, or the service refused it.
 * - `unclear`: the call may have an effect, now or in a moment.
 */
interface ClassifiedProblem {
  readonly kind: "refused" | "unclear";
  readonly problem: CallProblem;
}

interface Refusal {
  readonly code: string;
  /** The same call may succeed later by itself. */
  readonly transient: boolean;
}

/** Statuses with which a service refuses a request. Every other 4xx is a `bad-request`, except those of time-outs. */
const refusals: Readonly<Record<number, Refusal>> = {
  401: { code: "unauthenticated", transient: false },
  403: { code: "forbidden", transient: false },
  404: { code: "not-found", transient: false },
  409: { code: "conflict", transient: true },
  412: { code: "precondition-failed", transient: true },
  429: { code: "throttled", transient: true },
};

const badRequest: Refusal = { code: "bad-request", transient: false };

/** 499: the client closed the connection, as the service or a proxy saw it. */
const timeOuts: readonly number[] = [408, 499];

/**
 * Refusals that have a next action of their own, by the service's code or inner code. A 403 without one of them is
 * about a role: Key Vault's `ForbiddenByRbac` and `AccessDenied`, Resource Manager's `AuthorizationFailed`.
 */
const refusalsByCode: ReadonlyMap<string | undefined, Refusal> = new Map([
  ["ForbiddenByPolicy", { code: "forbidden-by-policy", transient: false }],
  ["ForbiddenByFirewall", { code: "forbidden-by-firewall", transient: false }],
  ["ForbiddenByConnection", { code: "forbidden-by-connection", transient: false }],
  ["RequestDisallowedByPolicy", { code: "disallowed-by-policy", transient: false }],
  ["ObjectIsDeletedButRecoverable", { code: "deleted-but-recoverable", transient: false }],
  ["ObjectIsBeingDeleted", { code: "being-deleted", transient: true }],
  ["ObjectIsBeingRecovered", { code: "being-recovered", transient: true }],
  ["ScopeLocked", { code: "scope-locked", transient: false }],
  ["MissingSubscriptionRegistration", { code: "provider-unregistered", transient: false }],
  ["ReadOnlyDisabledSubscription", { code: "subscription-disabled", transient: false }],
]);

/** Errors of name resolution and of connecting. No request is sent after them. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** Errors of the server's certificate. No request is sent after them. */
const untrustedCertificate = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** The names of the errors of `@azure/identity`. Loading the package for its classes would be slow. */
const tokenErrors = new Set([
  "AuthenticationError",
  "AuthenticationRequiredError",
  "AggregateAuthenticationError",
  "CredentialUnavailableError",
]);

/**
 * Classifies a failed call by its certain effect. Of an SDK's error it reads only the name and the code: the message and
 * the properties can contain a body, and with it a key. A refusal quotes the service, which has made no key.
 *
 * @param quote `code`: without the service's message, which could repeat a key that the request contains
 */
export function classifyFailure(
  service: string,
  { error, wire }: FailedCall,
  quote: "message" | "code" = "message",
): ClassifiedProblem {
  const { status } = wire;
  if (isTokenError(error)) {
    return refused("no-token", `No token for ${service}: ${tokenMessage(error)}`, true);
  }
  if (!wire.sent) {
    return wire.timedOut
      ? refused("no-token", `No token for ${service} within ${seconds(wire)}; nothing was sent.`, true)
      : refused("not-sent", `The request to ${service} was not sent (${errorName(error)}).`, true);
  }
  if (status !== undefined) return classifyStatus(service, status, wire, quote);
  const code = errorCode(error);
  if (code !== undefined && neverConnected.has(code)) {
    return refused("unreachable", `${service} could not be reached (${code}); nothing was sent.`, true);
  }
  if (code !== undefined && untrustedCertificate.has(code)) {
    const message = `The certificate of ${service} is not trusted (${code}); nothing was sent.`;
    return refused("certificate-untrusted", message, true);
  }
  return wire.timedOut
    ? unclear("timed-out", `${service} did not answer within ${seconds(wire)}.`)
    : unclear(
        "connection-lost",
        `The connection to ${service} broke before the answer was complete (${code ?? errorName(error)}).`,
      );
}

/** The outcome of a call without an effect. */
export const failedRead = (service: string, call: FailedCall) =>
  ({ kind: "failed", problem: classifyFailure(service, call).problem }) as const;

function classifyStatus(
  service: string,
  status: number,
  wire: WireRecord,
  quote: "message" | "code",
): ClassifiedProblem {
  const answered = `${service} answered ${status}`;
  const retryAfterMs = retryAfter(wire);
  if (timeOuts.includes(status)) return unclear("timed-out", `${answered} (request time-out).`, retryAfterMs);
  if (status >= 400 && status < 500) {
    const { message, innerCode } = serviceError(wire.errorBody);
    const code = serviceCode(wire);
    const codes = [code, innerCode && `(${innerCode})`].filter(Boolean).join(" ");
    const words = [codes, quote === "message" ? message : undefined].filter(Boolean).join(": ");
    const refusal =
      refusalsByCode.get(innerCode) ?? refusalsByCode.get(code) ?? refusals[status] ?? badRequest;
    return {
      kind: "refused",
      problem: {
        code: refusal.code,
        message: words === "" ? `${answered}.` : `${answered} ${words}`,
        transient: refusal.transient || wire.tokenRenewed,
        retryAfterMs,
      },
    };
  }
  if (status >= 500)
    return unclear("server-error", `${answered} ${serviceCode(wire) ?? ""}`.trim(), retryAfterMs);
  if (status === 200 && wire.timedOut)
    return unclear("timed-out", `${answered}, but its body was not complete within ${seconds(wire)}.`);
  if (status === 200) return unclear("unusable-answer", `${answered}, but its body cannot be parsed.`);
  return unclear("unexpected-status", `${answered}, which is not an answer of this operation.`);
}

/** Storage has its error code in a header too. Its error bodies are XML, which nothing here parses. */
const serviceCode = (wire: WireRecord): string | undefined =>
  serviceError(wire.errorBody).code ?? text(wire.header("x-ms-error-code"));

/** `Retry-After` in seconds or as a date, or one of Azure's own two headers in milliseconds. */
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

/** Parses `{"error":{"code","message","innererror":{"code"}}}`, the form that Azure's services share. */
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

/** The reason of each credential of a chain: the chain's own message only says that it failed. */
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
  return { kind: "refused", problem: { code, message, transient } };
}

function unclear(code: string, message: string, retryAfterMs?: number): ClassifiedProblem {
  const problem = { code, message, transient: true, retryAfterMs };
  return { kind: "unclear", problem };
}
