import type { CallCode, CallProblem, Failed, NotWritten } from "../domain/attempt.ts";
import type { FailedCall, WireRecord } from "./wire.ts";

/** What a refusal means, and whether the same call may succeed later by itself. */
type Refusal = Pick<CallProblem, "code" | "transient">;

/**
 * Refusals by the service's inner code, its code, or the status: the first of the three that this table has decides. A
 * 403 without one of these codes is about a role: Key Vault's `ForbiddenByRbac` and `AccessDenied`, Resource Manager's
 * `AuthorizationFailed`.
 */
const refusals = new Map<string | number | undefined, Refusal>([
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
  [401, { code: "unauthenticated", transient: false }],
  [403, { code: "forbidden", transient: false }],
  [404, { code: "not-found", transient: false }],
  [409, { code: "conflict", transient: true }],
  [412, { code: "precondition-failed", transient: true }],
  [429, { code: "throttled", transient: true }],
]);

/** Every other 4xx, except those of time-outs. */
const badRequest: Refusal = { code: "bad-request", transient: false };

/** 499: the client closed the connection, as the service or a proxy saw it. */
const timeOuts: readonly number[] = [408, 499];

/** Errors of name resolution and of connecting. No request is sent after them. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/**
 * Errors of the server's certificate (nodejs.org/api/tls.html#x509-certificate-error-codes, without those of revocation
 * lists, which this system does not load). No request is sent after them.
 */
const untrustedCertificate = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "PATH_LENGTH_EXCEEDED",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  // Node's code for every other error of a certificate, such as a key that is too weak.
  "UNSPECIFIED",
]);

/** The names of the errors of `@azure/identity`. Loading the package for its classes would be slow. */
const tokenErrors = new Set([
  "AuthenticationError",
  "AuthenticationRequiredError",
  "AggregateAuthenticationError",
  "CredentialUnavailableError",
]);

/** What to quote of a refusal: only its `code` if the request holds a key, which the `message` could repeat. */
type Quote = "message" | "code";

/**
 * Classifies a failed call by its certain effect. It reads only the name and the code of an SDK's error: the message and
 * the properties can contain a body, and with it a key. It quotes the service's message of a refusal, which makes no key.
 */
export function classifyFailure({ error, wire }: FailedCall, quote: Quote = "message"): NotWritten {
  const { service } = wire;
  const errorName = error instanceof Error ? error.name : typeof error;
  if (error instanceof Error && tokenErrors.has(errorName))
    return refused("no-token", `No token for ${service}: ${tokenMessage(error)}`);
  if (!wire.sent) {
    return wire.timedOut
      ? refused("no-token", `No token for ${service} within ${seconds(wire)}; nothing was sent.`)
      : refused("not-sent", `The request to ${service} was not sent (${errorName}).`);
  }
  if (wire.status !== undefined) return classifyAnswer(wire, wire.status, quote);
  const code = errorCode(error);
  if (neverConnected.has(code ?? ""))
    return refused("unreachable", `${service} could not be reached (${code}); nothing was sent.`);
  if (untrustedCertificate.has(code ?? "")) {
    const message = `The certificate of ${service} is not trusted (${code}); nothing was sent.`;
    return refused("certificate-untrusted", message);
  }
  if (wire.timedOut) return unclear("timed-out", `${service} did not answer within ${seconds(wire)}.`);
  const lost = `The connection to ${service} broke before the answer was complete`;
  return unclear("connection-lost", `${lost} (${code ?? errorName}).`);
}

/** The outcome of a call without an effect. */
export const failedRead = (call: FailedCall): Failed => ({
  kind: "failed",
  problem: classifyFailure(call).problem,
});

function classifyAnswer(wire: WireRecord, status: number, quote: Quote): NotWritten {
  const answered = `${wire.service} answered ${status}`;
  const retryAfterMs = retryAfter(wire);
  const { code, innerCode, message } = serviceError(wire);
  if (timeOuts.includes(status)) return unclear("timed-out", `${answered} (request time-out).`, retryAfterMs);
  if (status >= 400 && status < 500) {
    const codes = [code, innerCode && `(${innerCode})`].filter(Boolean).join(" ");
    const words = [codes, quote === "message" ? message : undefined].filter(Boolean).join(": ");
    const refusal = refusals.get(innerCode) ?? refusals.get(code) ?? refusals.get(status) ?? badRequest;
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
  if (status >= 500) return unclear("server-error", `${answered} ${code ?? ""}`.trim(), retryAfterMs);
  if (status !== 200)
    return unclear("unexpected-status", `${answered}, which is not an answer of this operation.`);
  return wire.timedOut
    ? unclear("timed-out", `${answered}, but its body was not complete within ${seconds(wire)}.`)
    : unclear("unusable-answer", `${answered}, but its body cannot be parsed.`);
}

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

/**
 * Parses `{"error":{"code","message","innererror":{"code"}}}`, the form that Azure's services share. Storage has its
 * code in a header too; its bodies are XML, which nothing here parses.
 */
export function serviceError({ errorBody, header }: Pick<WireRecord, "errorBody" | "header">) {
  const error = property(parseJson(errorBody), "error");
  return {
    code: text(property(error, "code")) ?? text(header("x-ms-error-code")),
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

const firstLine = (message: string): string => {
  const line = message.split("\n", 1)[0] ?? "";
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
};

/** The reason of each credential of a chain: the chain's own message only says that it failed. */
function tokenMessage(error: Error): string {
  const errors = property(error, "errors");
  const reasons = (Array.isArray(errors) ? errors : []).flatMap((each) =>
    each instanceof Error ? [each.message] : [],
  );
  return (reasons.length > 0 ? reasons : [error.message]).map(firstLine).join("; ");
}

function errorCode(error: unknown): string | undefined {
  const code = property(error, "code");
  return typeof code === "string" && /^[A-Z_0-9]{1,40}$/.test(code) ? code : undefined;
}

const seconds = ({ durationMs }: WireRecord): string => `${Math.round(durationMs / 100) / 10} s`;

function refused(code: CallCode, message: string): NotWritten {
  return { kind: "refused", problem: { code, message, transient: true } };
}

function unclear(code: CallCode, message: string, retryAfterMs?: number): NotWritten {
  return { kind: "unclear", problem: { code, message, transient: true, retryAfterMs } };
}
