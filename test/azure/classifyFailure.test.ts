import { describe, expect, test, vi } from "vitest";
import { classifyFailure, serviceError } from "../../src/azure/classifyFailure.ts";
import type { WireRecord } from "../../src/azure/wire.ts";

const wire = (
  record: Partial<WireRecord> = {},
  headers: Readonly<Record<string, string>> = {},
): WireRecord => ({
  service: "Key Vault",
  sent: true,
  status: undefined,
  header: (name) => headers[name],
  tokenRenewed: false,
  errorBody: undefined,
  timedOut: false,
  durationMs: 1234,
  ...record,
});
const coded = (code: unknown, name = "RestError") => Object.assign(new Error("secret"), { code, name });
const classify = (error: unknown, record: WireRecord) =>
  classifyFailure({ kind: "error", error, wire: record });
const answered = (status: number, body?: object, headers: Readonly<Record<string, string>> = {}) =>
  classify(coded(undefined), wire({ status, errorBody: body && JSON.stringify(body) }, headers));

describe("an answer with a status", () => {
  test.each([
    ...[400, 402, 405, 406, 407, 410, 413, 415, 422, 423, 428, 431, 451].map(
      (status) => [status, "refused", "bad-request", false] as const,
    ),
    [401, "refused", "unauthenticated", false],
    [403, "refused", "forbidden", false],
    [404, "refused", "not-found", false],
    [409, "refused", "conflict", true],
    [412, "refused", "precondition-failed", true],
    [429, "refused", "throttled", true],
    [408, "unclear", "timed-out", true],
    [499, "unclear", "timed-out", true],
    [500, "unclear", "server-error", true],
    [503, "unclear", "server-error", true],
    [200, "unclear", "unusable-answer", true],
    [202, "unclear", "unexpected-status", true],
    [302, "unclear", "unexpected-status", true],
    [399, "unclear", "unexpected-status", true],
  ] as const)("%i → %s, %s, transient: %s", (status, certainty, code, transient) => {
    expect(answered(status)).toMatchObject({ kind: certainty, problem: { code, transient } });
  });

  test.each([
    [403, "ForbiddenByRbac", "forbidden", false],
    [403, "AccessDenied", "forbidden", false],
    [403, "ForbiddenByPolicy", "forbidden-by-policy", false],
    [403, "ForbiddenByFirewall", "forbidden-by-firewall", false],
    [403, "ForbiddenByConnection", "forbidden-by-connection", false],
    [403, "RequestDisallowedByPolicy", "disallowed-by-policy", false],
    [409, "ObjectIsDeletedButRecoverable", "deleted-but-recoverable", false],
    [409, "ObjectIsBeingDeleted", "being-deleted", true],
    [409, "ObjectIsBeingRecovered", "being-recovered", true],
    [409, "ScopeLocked", "scope-locked", false],
    [409, "MissingSubscriptionRegistration", "provider-unregistered", false],
    [409, "ReadOnlyDisabledSubscription", "subscription-disabled", false],
    [409, "constructor", "conflict", true],
  ])("%i with the code %s → %s, transient: %s", (status, name, code, transient) => {
    const expected = { kind: "refused", problem: { code, transient } };
    expect(answered(status, { error: { code: name } })).toMatchObject(expected);
    const inner = { error: { code: "Forbidden", innererror: { code: name } } };
    expect(answered(status, inner)).toMatchObject(expected);
  });

  test("401 to a token that the next call renews → transient", () => {
    const record = wire({ status: 401, tokenRenewed: true });
    expect(classify(coded(undefined), record).problem).toMatchObject({
      code: "unauthenticated",
      transient: true,
    });
  });
});

describe("what the message quotes of an answer", () => {
  const body = { error: { code: "Forbidden", message: "Not you.", innererror: { code: "ByRule" } } };

  test.each<[string, object | undefined, string]>([
    ["nothing", undefined, "Key Vault answered 403."],
    ["a code", { error: { code: "Forbidden" } }, "Key Vault answered 403 Forbidden"],
    ["a message", { error: { message: "Not you." } }, "Key Vault answered 403 Not you."],
    ["code, inner code and message", body, "Key Vault answered 403 Forbidden (ByRule): Not you."],
    ["empty texts", { error: { code: "", message: "" } }, "Key Vault answered 403."],
    ["texts that are none", { error: { code: 5, message: null } }, "Key Vault answered 403."],
    ["a message of several lines", { error: { message: "One.\nTwo." } }, "Key Vault answered 403 One."],
    ["an error that is none", { error: null }, "Key Vault answered 403."],
  ])("a refusal with %s", (_, answer, message) => {
    expect(answered(403, answer).problem.message).toBe(message);
  });

  test("a service that might repeat the key → its codes, not its message", () => {
    const record = wire({ status: 403, errorBody: JSON.stringify(body) });
    const { problem } = classifyFailure({ kind: "error", error: coded(undefined), wire: record }, "code");
    expect(problem.message).toBe("Key Vault answered 403 Forbidden (ByRule)");
  });

  test("a body that is not JSON → nothing of it", () => {
    const record = wire({ status: 403, errorBody: "<html>" });
    expect(classify(coded(undefined), record).problem.message).toBe("Key Vault answered 403.");
  });

  test.each([
    [400, "a".repeat(400)],
    [401, `${"a".repeat(399)}…`],
  ])("a message of %i characters → at most 400", (length, quoted) => {
    const errorBody = JSON.stringify({ error: { message: "a".repeat(length) } });
    expect(serviceError(wire({ errorBody })).message).toBe(quoted);
  });

  test("Storage's error code in a header → quoted, for a refusal and for a server error", () => {
    const headers = { "x-ms-error-code": "AuthorizationFailure" };
    expect(answered(403, undefined, headers).problem.message).toBe(
      "Key Vault answered 403 AuthorizationFailure",
    );
    expect(answered(500, undefined, headers).problem.message).toBe(
      "Key Vault answered 500 AuthorizationFailure",
    );
  });

  test("a server error without a code → the status alone", () => {
    expect(answered(500).problem.message).toBe("Key Vault answered 500");
  });

  test("200, and the time was up before the body was complete → timed out, and after how long", () => {
    const { kind, problem } = classify(coded(undefined), wire({ status: 200, timedOut: true }));
    expect(kind).toBe("unclear");
    expect(problem).toMatchObject({ code: "timed-out", message: expect.stringContaining("within 1.2 s") });
  });
});

test.each<[string, Readonly<Record<string, string>>, number | undefined]>([
  ["no header", {}, undefined],
  ["seconds", { "retry-after": "7" }, 7000],
  ["many seconds", { "retry-after": "120" }, 120_000],
  ["a date ahead", { "retry-after": "Mon, 23 Nov 2026 03:00:09 GMT" }, 9000],
  ["a date that has passed", { "retry-after": "Mon, 23 Nov 2026 02:59:00 GMT" }, 0],
  ["a text that is neither", { "retry-after": "soon" }, undefined],
  ["a number with a letter before it", { "retry-after": "x7" }, undefined],
  ["a number with a letter after it", { "retry-after": "7x" }, undefined],
  ["milliseconds", { "retry-after-ms": "250", "retry-after": "7" }, 250],
  ["Azure's own milliseconds", { "x-ms-retry-after-ms": "300", "retry-after": "7" }, 300],
  ["no milliseconds at all", { "retry-after-ms": "0", "retry-after": "7" }, 0],
  ["negative milliseconds", { "retry-after-ms": "-5", "retry-after": "7" }, 7000],
  ["endless milliseconds", { "retry-after-ms": "Infinity", "retry-after": "7" }, 7000],
])("a service asks to wait by %s, with 429, 503 or 408 → that time", (_, headers, retryAfterMs) => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-23T03:00:00Z") });
  try {
    for (const status of [429, 503, 408])
      expect(answered(status, undefined, headers).problem.retryAfterMs).toBe(retryAfterMs);
  } finally {
    vi.useRealTimers();
  }
});

describe("a call without an answer", () => {
  test.each([
    ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"].map((code) => [code, "refused", "unreachable"] as const),
    ...[
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
      "UNSPECIFIED",
    ].map((code) => [code, "refused", "certificate-untrusted"] as const),
    ["ECONNRESET", "unclear", "connection-lost"],
    ["EPIPE", "unclear", "connection-lost"],
    [undefined, "unclear", "connection-lost"],
  ] as const)("the error %s → %s, %s", (error, certainty, code) => {
    expect(classify(coded(error), wire())).toMatchObject({
      kind: certainty,
      problem: { code, transient: true },
    });
  });

  test("the time was up → unclear, and after how long", () => {
    const { kind, problem } = classify(coded("ABORT_ERR"), wire({ timedOut: true, durationMs: 30_049 }));
    expect([kind, problem.code, problem.message]).toEqual([
      "unclear",
      "timed-out",
      "Key Vault did not answer within 30 s.",
    ]);
  });

  test.each<[unknown, string]>([
    ["ECONNRESET", "(ECONNRESET)"],
    ["key: IR@secret", "(RestError)"],
    ["XIR@SECRET", "(RestError)"],
    ["A".repeat(41), "(RestError)"],
    ["", "(RestError)"],
    [5, "(RestError)"],
  ])("a lost connection with the code %j → only a code of capitals is quoted", (code, quoted) => {
    const { message } = classify(coded(code), wire()).problem;
    expect(message).toContain(quoted);
    expect(message).not.toContain("secret");
  });

  test("what was thrown is no error → its type", () => {
    expect(classify("secret", wire()).problem.message).toContain("(string)");
    expect(classify(null, wire()).problem.message).toContain("(object)");
  });

  test("nothing was sent → refused, by the error's name", () => {
    expect(classify(coded("ECONNRESET"), wire({ sent: false }))).toMatchObject({
      kind: "refused",
      problem: { code: "not-sent", transient: true, message: expect.stringContaining("(RestError)") },
    });
  });

  test("the time was up before a token was there → refused, no token", () => {
    expect(classify(coded("ABORT_ERR"), wire({ sent: false, timedOut: true }))).toMatchObject({
      kind: "refused",
      problem: { code: "no-token", transient: true, message: expect.stringContaining("within 1.2 s") },
    });
  });
});

describe("no token", () => {
  const named = (name: string, terms: object = {}) =>
    Object.assign(new Error("One.\nTwo."), { name, ...terms });

  test.each([
    "AuthenticationError",
    "AuthenticationRequiredError",
    "AggregateAuthenticationError",
    "CredentialUnavailableError",
  ])("%s → refused, and the first line of its reason", (name) => {
    const { kind, problem } = classify(named(name), wire({ sent: false }));
    expect(kind).toBe("refused");
    expect(problem).toMatchObject({
      code: "no-token",
      message: "No token for Key Vault: One.",
      transient: true,
    });
  });

  test("a chain of credentials → the reason of each", () => {
    const errors = [new Error("First.\nMore."), "no error", new Error("Second.")];
    const chain = named("AggregateAuthenticationError", { errors });
    expect(classify(chain, wire({ sent: false })).problem.message).toBe(
      "No token for Key Vault: First.; Second.",
    );
  });

  test("a chain without reasons → its own", () => {
    const chain = named("AggregateAuthenticationError", { errors: [] });
    expect(classify(chain, wire({ sent: false })).problem.message).toBe("No token for Key Vault: One.");
  });

  test("a token error by name that is no error → not quoted", () => {
    const { problem } = classify({ name: "AuthenticationError", message: "secret" }, wire({ sent: false }));
    expect(problem).toMatchObject({ code: "not-sent", message: expect.not.stringContaining("secret") });
  });
});
