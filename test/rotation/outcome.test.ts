import { describe, expect, test } from "vitest";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import { emptyJournal, type Journal } from "../../src/journal/journal.ts";
import { failure } from "../../src/rotation/failures.ts";
import {
  compared,
  outOfTime,
  publishedFor,
  type RotationOutcome,
  readAgain,
} from "../../src/rotation/outcome.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { gateway } from "../support/gateways.ts";

const clientRequestId = "066b1a89-e84f-47a4-a784-a753b2e06623";
const tags = {
  "rotation-id": "rotation",
  fingerprint: "f",
  "request-id": "request",
  "correlation-request-id": "correlation",
};
const latest = (version: string): LatestVersion => ({
  kind: "disabled",
  secret: { version, createdOn: new Date(0), tags, ownedByCertificate: false },
});
const commit = { version: "v", slot: "key", clientRequestId, sequence: 3, at: 1 } as const;
const slots = { key: { at: 1, clientRequestId, runId: "a", lateUntil: 0 } };
const journal = (terms: Partial<Journal>): Journal => ({ ...emptyJournal(gateway()), ...terms });

test("this run committed the latest version → that version, with the ids of its request", () => {
  expect(publishedFor(runNamed("a"), journal({ commit, slots }), latest("v"))).toEqual({
    rotationId: "rotation",
    slot: "key",
    trace: { clientRequestId, requestId: "request", correlationRequestId: "correlation" },
    secretVersion: "v",
    fingerprint: "f",
    sequence: 3,
  });
});

test.each<[string, Journal, LatestVersion]>([
  ["there is no commit", journal({}), latest("v")],
  ["the secret has no version", journal({ commit, slots }), { kind: "none" }],
  ["another version was written since", journal({ commit, slots }), latest("w")],
  ["the journal was rebuilt, and names no run", journal({ commit }), latest("v")],
  [
    "another run committed it",
    journal({ commit, slots: { key: { ...slots.key, runId: "b" } } }),
    latest("v"),
  ],
])("%s → nothing", (_, known, version) => {
  expect(publishedFor(runNamed("a"), known, version)).toBeUndefined();
});

describe("the published key was compared with the service's keys", () => {
  const skipped: RotationOutcome = {
    kind: "skipped",
    gateway: gateway(),
    reason: "satisfied",
    message: "M.",
    verifyAt: undefined,
    published: undefined,
  };

  test.each([true, false])(
    "dead: %s, and the gateway is not rotated → the outcome says which",
    (isKeyDead) => {
      expect(compared(outOfTime(gateway()), isKeyDead)).toMatchObject({ isKeyDead });
      expect(compared(failure("keyUnstored", gateway()), isKeyDead)).toMatchObject({ isKeyDead });
    },
  );

  test("dead, and nothing is left to do → the outcome says nothing of the replaced key", () => {
    expect(compared(skipped, true)).toEqual(skipped);
  });

  test("dead, and the state must be read again → no outcome yet", () => {
    expect(compared(readAgain, true)).toBe(readAgain);
  });

  test("it was not → a failure keeps what it says of the key itself", () => {
    expect(compared(failure("secretSoftDeleted", gateway()), undefined)).toMatchObject({ isKeyDead: true });
  });
});
