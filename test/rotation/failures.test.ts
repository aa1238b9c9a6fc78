import { describe, expect, test } from "vitest";
import { type CallProblem, toClientRequestId } from "../../src/domain/attempt.ts";
import * as failures from "../../src/rotation/failures.ts";
import type { FailedRotation } from "../../src/rotation/outcome.ts";
import { gateway, runtime } from "../support/gateways.ts";

const problem = (code: string, transient = false): CallProblem => ({
  code,
  message: "What happened.",
  transient,
});
const attempt = {
  rotationId: "rotation-1",
  slot: "key",
  trace: { clientRequestId: toClientRequestId(crypto.randomUUID()), durationMs: 1 },
} as const;
const unknown = { kind: "unknown", problem: problem("timed-out", true) } as const;
const unchanged = (code: string, transient = false) =>
  ({ kind: "unchanged", problem: problem(code, transient) }) as const;

/** What the person who is woken by it must not read the other way round. */
const runbook: readonly (readonly [string, FailedRotation, Partial<FailedRotation>, RegExp])[] = [
  [
    "version 1, outcome unknown",
    failures.notRegenerated(gateway(), attempt, unknown),
    { effect: "unknown", code: "regenerate-timed-out" },
    /^Take the key in the vault for dead: rotate again now .* give the gateway's host the new key\.$/,
  ],
  [
    "version 2, outcome unknown",
    failures.notRegenerated(runtime(), attempt, unknown),
    { effect: "unknown", code: "regenerate-timed-out" },
    /^The published key is the other one, which was not touched: its consumers are safe\./,
  ],
  [
    "version 1, key made and not stored",
    failures.keyUnstored(gateway(), attempt, problem("forbidden")),
    { effect: "applied", code: "store-forbidden" },
    /^The key in the vault is dead\. Give this function's identity .*setSecret.* rotate once more/,
  ],
  [
    "version 2, key made and not stored",
    failures.keyUnstored(runtime(), attempt, problem("server-error", true)),
    { effect: "applied", code: "store-server-error" },
    /its consumers are safe\. Make the vault take writes again\./,
  ],
  [
    "regenerate refused, may pass by itself",
    failures.notRegenerated(gateway(), attempt, unchanged("throttled", true)),
    { effect: "unchanged", code: "regenerate-throttled" },
    /^Nothing is broken: the key in the vault still works\. The next tick tries again\.$/,
  ],
  [
    "regenerate refused, needs somebody",
    failures.notRegenerated(gateway(), attempt, unchanged("bad-request")),
    { effect: "unchanged", code: "regenerate-bad-request" },
    /^Mend what the message names; the key in the vault still works meanwhile\.$/,
  ],
  [
    "no permission to regenerate",
    failures.notRegenerated(gateway(), attempt, unchanged("forbidden")),
    { effect: "unchanged" },
    /^Give this function's identity the permission to regenerate/,
  ],
  [
    "no such gateway",
    failures.notRegenerated(gateway(), attempt, unchanged("not-found")),
    { effect: "unchanged" },
    /^Check resourceId in gateways\.json/,
  ],
  [
    "no token",
    failures.notRegenerated(gateway(), attempt, unchanged("no-token", true)),
    { effect: "unchanged" },
    /^Check that the function has a managed identity, and that AZURE_CLIENT_ID names it/,
  ],
  [
    "the vault cannot be read",
    failures.vaultUnreadable(gateway(), problem("forbidden")),
    { effect: "unchanged", code: "vault-forbidden" },
    /^Give this function's identity a role on the vault/,
  ],
  [
    "the vault refused another gateway's key",
    failures.vaultTakesNoWrites(gateway(), problem("forbidden")),
    { effect: "unchanged", code: "vault-takes-no-writes" },
    /^Nothing is broken here: the key in the vault still works\. Give .*setSecret/,
  ],
  [
    "the two keys cannot be listed",
    failures.keysUnlistable(runtime(), problem("server-error", true)),
    { effect: "unchanged", code: "list-keys-server-error" },
    /^Nothing is broken: both keys still work\./,
  ],
];

describe("what a failure tells the person who is woken by it", () => {
  test.each(runbook)("%s → effect on the key and next action", (_, failure, facts, nextAction) => {
    expect(failure).toMatchObject(facts);
    expect(failure.nextAction).toMatch(nextAction);
    expect(failure.message).toContain("What happened.");
  });
});
