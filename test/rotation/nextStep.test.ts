import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { type NextStep, nextStep, type RunRequest, type Situation } from "../../src/rotation/nextStep.ts";
import { gateway, runtime } from "../support/gateways.ts";

const now = Date.parse("2026-11-23T03:00:00Z");
const minute = 60_000;
const day = 24 * 60 * minute;
const w = 30 * minute;
const ours = { "managed-by": "gateway-key-rotation/prod", "client-request-id": "attempt-1" };

function version(
  tags: Record<string, string>,
  id = "v1",
  terms: { ageMs?: number; ownedByCertificate?: boolean } = {},
): LatestVersion {
  const { ageMs = day, ownedByCertificate = false } = terms;
  const secret = { version: id, createdOn: new Date(now - ageMs), tags, ownedByCertificate };
  return { kind: "enabled", secret, key: redact("IR@1") };
}

const request = (runId: string, createdAt: number, terms: Partial<RunRequest> = {}): RunRequest => ({
  runId,
  createdAt,
  mode: "standard",
  trigger: "schedule",
  settled: false,
  takeOwnership: false,
  ...terms,
});

const intent = (terms: Partial<Intent> = {}): Intent => ({
  rotationId: "rotation-1",
  runId: "run-0",
  slot: "key",
  reason: "due",
  attempts: [{ clientRequestId: "attempt-2", at: now - minute, known: "open" }],
  claimedUntil: 0,
  ...terms,
});

const committed = (of: Gateway, terms: Partial<Journal> = {}, ageMs = day): Journal => ({
  ...emptyJournal(of),
  slots: { key: { at: now - ageMs, clientRequestId: "attempt-1", runId: "run-0" } },
  commit: { version: "v1", slot: "key", clientRequestId: "attempt-1", sequence: 1, at: now - ageMs },
  ...terms,
});

function step(terms: Partial<Situation> = {}): NextStep {
  const of = terms.gateway ?? gateway();
  return nextStep({
    gateway: of,
    journal: committed(of),
    latest: version(ours),
    request: request("run-1", now),
    deploymentName: "prod",
    now,
    quietPeriodMs: w,
    ...terms,
  });
}

const open = (terms: Partial<Intent> = {}, of = gateway()) => ({
  journal: committed(of, { intent: intent(terms) }),
});
const late = gateway(undefined, { rotateEveryDays: 30 });

describe("what to do with a gateway, first match wins", () => {
  test.each<[string, Partial<Situation>, string, string]>([
    ["an intent that is claimed", open({ claimedUntil: now + 1 }), "leave", "claimed"],
    [
      "a claimed one, though its version is stored",
      { ...open({ claimedUntil: now + 1 }), latest: version({ ...ours, "client-request-id": "attempt-2" }) },
      "leave",
      "claimed",
    ],
    [
      "a claim that has passed, version of the last attempt",
      { ...open(), latest: version({ ...ours, "client-request-id": "attempt-2" }, "v2") },
      "adopt",
      "adopt",
    ],
    [
      "version of an earlier attempt of the same rotation",
      {
        ...open({
          attempts: [
            { clientRequestId: "attempt-2", at: now - w, known: "unknown" },
            { clientRequestId: "attempt-3", at: now - w, known: "open" },
          ],
        }),
        latest: version({ ...ours, "client-request-id": "attempt-2", "rotation-id": "rotation-1" }, "v2"),
      },
      "takeOver",
      "take-over",
    ],
    ["an open intent of a one-key target", open(), "takeOver", "take-over"],
    [
      "an open intent of a two-key target, still landing",
      { gateway: runtime(), ...open({}, runtime()) },
      "leave",
      "waiting",
    ],
    [
      "the same, settled",
      {
        gateway: runtime(),
        ...open({ attempts: [{ clientRequestId: "attempt-2", at: now - w, known: "open" }] }, runtime()),
      },
      "takeOver",
      "take-over",
    ],
    [
      "the same, certainly unchanged",
      {
        gateway: runtime(),
        ...open({ attempts: [{ clientRequestId: "attempt-2", at: now, known: "unchanged" }] }, runtime()),
      },
      "takeOver",
      "take-over",
    ],
    [
      "a certificate's secret",
      { latest: version(ours, "v1", { ownedByCertificate: true }) },
      "refuse",
      "owned-by-certificate",
    ],
    [
      "another deployment's version",
      { latest: version({ ...ours, "managed-by": "gateway-key-rotation/test" }, "v2") },
      "refuse",
      "other-deployment",
    ],
    ["no journal, but our version", { journal: undefined }, "rebuild", "journal-lost"],
    [
      "no journal and a hand's version",
      { journal: undefined, latest: version({}) },
      "rotate",
      "foreign-version",
    ],
    ["no journal and no version", { journal: undefined, latest: { kind: "none" } }, "rotate", "no-version"],
    [
      "a check whose time has come",
      { journal: committed(gateway(), { verification: { at: now, suspect: true } }) },
      "verify",
      "verification-due",
    ],
    [
      "a check whose time has not come",
      { gateway: late, journal: committed(late, { verification: { at: now + 1, suspect: true } }) },
      "skip",
      "not-due",
    ],
    [
      "a version that was not committed",
      { gateway: late, latest: version(ours, "v2") },
      "rotate",
      "foreign-version",
    ],
    [
      "another tool's version",
      { gateway: late, latest: version({ "managed-by": "terraform" }, "v2") },
      "rotate",
      "foreign-version",
    ],
    ["rotated for this very run", { request: request("run-0", now) }, "skip", "satisfied"],
    ["rotated after this run was created", { request: request("run-1", now - 2 * day) }, "skip", "satisfied"],
    [
      "failed for good before, when a check was owed",
      { request: request("run-1", now, { trigger: "http", settled: true }) },
      "skip",
      "settled",
    ],
    [
      "failed for good before, and the check is due",
      {
        request: request("run-1", now, { settled: true }),
        journal: committed(gateway(), { verification: { at: now, suspect: false } }),
      },
      "verify",
      "verification-due",
    ],
    [
      "younger than the period, but somebody asks",
      { gateway: late, request: request("run-1", now, { trigger: "http" }) },
      "rotate",
      "asked",
    ],
    [
      "somebody asks again after it was rotated for that",
      { gateway: late, request: request("run-0", now, { trigger: "http" }) },
      "skip",
      "satisfied",
    ],
    ["no period", {}, "rotate", "every-tick"],
    ["younger than the period", { gateway: late, journal: committed(late, {}, 29 * day) }, "skip", "not-due"],
    ["older than the period", { gateway: late, journal: committed(late, {}, 30 * day) }, "rotate", "due"],
    [
      "half an hour short of the period",
      { gateway: late, journal: committed(late, {}, 30 * day - 30 * minute) },
      "rotate",
      "due",
    ],
    [
      "a minute more than that short",
      { gateway: late, journal: committed(late, {}, 30 * day - 31 * minute) },
      "skip",
      "not-due",
    ],
  ])("%s → decided", (_, terms, kind, reason) => {
    expect(step(terms)).toMatchObject({ kind, reason });
  });

  test("waiting → until the last attempt can no more land", () => {
    expect(step({ gateway: runtime(), ...open({}, runtime()) })).toMatchObject({ until: now - minute + w });
  });

  test("not due → the message says when it will be", () => {
    const { message } = step({ gateway: late, journal: committed(late, {}, 29 * day) });
    expect(message).toContain("due 2026-11-24T03:00:00.000Z");
  });
});
