import { describe, expect, test } from "vitest";
import { fingerprint, redact } from "../../src/domain/redacted.ts";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { emptyJournal, type Intent, type Journal } from "../../src/journal/journal.ts";
import { type NextStep, nextStep, type RunRequest, type Situation } from "../../src/rotation/nextStep.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lastFailure } from "../support/journalParts.ts";

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

const disabled = (latest: LatestVersion): LatestVersion =>
  latest.kind === "enabled" ? { kind: "disabled", secret: latest.secret } : latest;

const request = (id: string, createdAt: number, terms: Partial<RunRequest> = {}): RunRequest => ({
  id,
  createdAt,
  mode: "standard",
  trigger: "schedule",
  isSettled: false,
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
  slots: { key: { at: now - ageMs, clientRequestId: "attempt-1", runId: "run-0", lateUntil: 0 } },
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
  gateway: of,
  journal: committed(of, { intent: intent(terms) }),
});
/** The gateway's journal names another secret than the gateway, which has no version yet. */
const elsewhere = (at: number, terms: Partial<Journal> = {}): Partial<Situation> => {
  const vaultUrl = terms.secretName === undefined ? "https://old.vault.azure.net" : gateway().secret.vaultUrl;
  return {
    journal: committed(gateway(), { vaultUrl, ...terms }, now - at),
    latest: { kind: "none" },
  };
};
const late = gateway(undefined, { rotateEveryDays: 30 });
const lateRuntime = runtime(undefined, { rotateEveryDays: 30 });
const withWindow = (from: string) => gateway(undefined, { window: { from, to: "04:00" } });
const opened = withWindow("02:00");
const soon = withWindow("03:01");
const later = withWindow("03:02");
const closed = gateway(undefined, { window: { days: ["Tue"] } });
const missed = request("run-1", now, { isLate: true });
/** A two-key gateway that is not due, whose key was committed, and found to work, so long ago. */
const compared = (ageMs: number, verifiedMs?: number, of = lateRuntime): Partial<Situation> => {
  const { commit, ...rest } = committed(of, {}, ageMs);
  const verified = verifiedMs === undefined ? {} : { verifiedAt: now - verifiedMs };
  return { gateway: of, journal: { ...rest, commit: commit && { ...commit, ...verified } } };
};

/** For each step and its reason: the situations in which it is next. */
const situations: Record<string, Record<string, Partial<Situation>>> = {
  "leave, claimed": {
    "the intent is claimed": open({ claimedUntil: now + 1 }),
    "the intent is claimed, and its last attempt's version is stored": {
      ...open({ claimedUntil: now + 1 }),
      latest: version({ ...ours, "client-request-id": "attempt-2" }),
    },
  },
  "takeOver, take-over": {
    "the claim on the intent has just run out": open({ claimedUntil: now }),
    "two keys, mode compromised, an intent is open, and its last attempt may take effect": {
      ...open({}, runtime()),
      request: request("run-1", now, { mode: "compromised" }),
    },
    "the claim has run out, and an earlier attempt's version is stored": {
      ...open({
        attempts: [
          { clientRequestId: "attempt-2", at: now - w, known: "unknown" },
          { clientRequestId: "attempt-3", at: now - w, known: "open" },
        ],
      }),
      latest: version({ ...ours, "client-request-id": "attempt-2", "rotation-id": "rotation-1" }, "v2"),
    },
    "one key, an intent is open": open(),
    "two keys, an intent is open, and its last attempt cannot take effect any more": open(
      { attempts: [{ clientRequestId: "attempt-2", at: now - w, known: "open" }] },
      runtime(),
    ),
    "two keys, an intent is open, and its last attempt is known unchanged": open(
      { attempts: [{ clientRequestId: "attempt-2", at: now, known: "unchanged" }] },
      runtime(),
    ),
    "outside the window, an intent is open": open({}, closed),
    "a late tick, one key, an intent is open": { request: missed, ...open() },
  },
  "skip, superseded": {
    "since this run, the key was moved to another vault": elsewhere(now + 1),
    "since this run, the key was moved to another secret of the vault": elsewhere(now + 1, {
      secretName: "another",
    }),
    "since this run, an attempt for another vault was journaled": elsewhere(now, {
      intent: intent({ attempts: [{ clientRequestId: "attempt-2", at: now + 1, known: "open" }] }),
    }),
  },
  "rotate, no-version": {
    "the journal has the secret's name in another spelling": elsewhere(now + 1, {
      ...gateway().secret,
      secretName: gateway().secret.secretName.toUpperCase(),
    }),
    "before this run, the key was moved from another vault": elsewhere(now),
    "there is no journal and no version": { journal: emptyJournal(gateway()), latest: { kind: "none" } },
  },
  "adopt, adopt": {
    "the claim has run out, and the last attempt's version is stored": {
      ...open(),
      latest: version({ ...ours, "client-request-id": "attempt-2" }, "v2"),
    },
    "outside the window, a stored key is not committed": {
      ...open({}, closed),
      latest: version({ ...ours, "client-request-id": "attempt-2" }, "v2"),
    },
  },
  "leave, waiting": {
    "two keys, an intent is open, and its last attempt may take effect": open({}, runtime()),
  },
  "refuse, owned-by-certificate": {
    "the secret belongs to a certificate": { latest: version(ours, "v1", { ownedByCertificate: true }) },
  },
  "refuse, other-deployment": {
    "another deployment wrote the latest version": {
      latest: version({ ...ours, "managed-by": "gateway-key-rotation/test" }, "v2"),
    },
  },
  "rotate, foreign-version": {
    "another deployment wrote the latest version, and the request takes ownership": {
      latest: version({ ...ours, "managed-by": "gateway-key-rotation/test" }, "v2"),
      request: request("run-1", now, { takeOwnership: true }),
    },
    "the journal holds a failure alone, and the latest version was written outside this system": {
      journal: { ...emptyJournal(gateway()), failure: lastFailure },
      latest: version({}),
    },
    "there is no journal, and the latest version was written outside this system": {
      journal: emptyJournal(gateway()),
      latest: version({}),
    },
    "the committed version's tags were copied to another value": {
      gateway: late,
      latest: version({ ...ours, fingerprint: fingerprint(redact("IR@2")) }, "v2"),
    },
    "another attempt's version has the committed key's fingerprint": {
      latest: version(
        { ...ours, "client-request-id": "attempt-9", fingerprint: fingerprint(redact("IR@1")) },
        "v2",
      ),
    },
    "the latest version was not committed": { gateway: late, latest: version(ours, "v2") },
    "another tool wrote the latest version": {
      gateway: late,
      latest: version({ "managed-by": "terraform" }, "v2"),
    },
  },
  "rebuild, journal-lost": {
    "the journal holds a failure alone, and this system wrote the latest version": {
      journal: { ...emptyJournal(gateway()), failure: lastFailure },
    },
    "there is no journal, and this system wrote the latest version": { journal: emptyJournal(gateway()) },
    "outside the window, the journal is lost": { gateway: closed, journal: emptyJournal(closed) },
  },
  "skip, settled": {
    "there is no journal, and the gateway is settled in this run": {
      journal: emptyJournal(gateway()),
      latest: version({}),
      request: request("run-1", now, { isSettled: true }),
    },
    "the gateway is settled in this run, and its verification is not due": {
      request: request("run-1", now, { trigger: "http", isSettled: true }),
    },
  },
  "recommit, written-twice": {
    "a second write of the committed attempt took effect late": {
      latest: version({ ...ours, fingerprint: fingerprint(redact("IR@1")) }, "v2"),
    },
  },
  "verify, verification-due": {
    "a verification is due": { journal: committed(gateway(), { verification: { at: now, suspect: true } }) },
    "the gateway is settled in this run, and its verification is due": {
      request: request("run-1", now, { isSettled: true }),
      journal: committed(gateway(), { verification: { at: now, suspect: false } }),
    },
    "outside the window, a verification is due": {
      gateway: closed,
      journal: committed(closed, { verification: { at: now, suspect: true } }),
    },
  },
  "skip, not-due": {
    "a verification is not due yet": {
      gateway: late,
      journal: committed(late, { verification: { at: now + 1, suspect: true } }),
    },
    "the key is younger than rotateEveryDays": { gateway: late, journal: committed(late, {}, 29 * day) },
    "the key is 31 minutes younger than rotateEveryDays": {
      gateway: late,
      journal: committed(late, {}, 30 * day - 31 * minute),
    },
    "two keys, not due, rotated 31 minutes less than 7 days ago": compared(7 * day - 31 * minute),
    "two keys, not due, compared 6 days ago": compared(20 * day, 6 * day),
    "two keys, not due, verifyEveryDays is 14, compared 8 days ago": compared(20 * day, 8 * day, {
      ...lateRuntime,
      verifyEveryDays: 14,
    }),
    "one key, not due, rotated 20 days ago": compared(20 * day, undefined, late),
    "two keys, not due, and the published version is disabled": {
      ...compared(20 * day),
      latest: disabled(version(ours)),
    },
  },
  "skip, satisfied": {
    "the key was regenerated for this run": { request: request("run-0", now) },
    "the key was regenerated after this run was created": { request: request("run-1", now - 2 * day) },
    "the key was regenerated for this HTTP request": {
      gateway: late,
      request: request("run-0", now, { trigger: "http" }),
    },
    "a tick outside the window, and this run has rotated the gateway": {
      gateway: closed,
      request: request("run-0", now),
    },
    "a late tick, one key, and this run has rotated the gateway": { request: { ...missed, id: "run-0" } },
  },
  "rotate, asked": {
    "the key is younger than rotateEveryDays, and an HTTP request asks for a rotation": {
      gateway: late,
      request: request("run-1", now, { trigger: "http" }),
    },
    "outside the window, an HTTP request": {
      gateway: closed,
      request: request("run-1", now, { trigger: "http" }),
    },
  },
  "rotate, compromised": {
    "two keys, mode compromised, and one of them was regenerated for this run": {
      gateway: runtime(),
      request: request("run-0", now, { mode: "compromised" }),
    },
  },
  "rotate, every-tick": {
    "no rotateEveryDays is set": {},
    "a tick in the window": { gateway: opened },
    "a tick a minute before the window opens": { gateway: soon },
    "a late tick, two keys": { gateway: runtime(), request: missed },
  },
  "skip, outside-window": {
    "a tick outside the window": { gateway: closed },
    "a tick two minutes before the window opens": { gateway: later },
    "a tick outside the window, and the secret has no version": {
      gateway: closed,
      journal: emptyJournal(closed),
      latest: { kind: "none" },
    },
    "a tick outside the window, and the latest version was not committed": {
      gateway: closed,
      latest: version(ours, "v2"),
    },
  },
  "skip, late-tick": {
    "a late tick, one key": { request: missed },
    "a late tick, one key, and the secret has no version": {
      request: missed,
      journal: emptyJournal(gateway()),
      latest: { kind: "none" },
    },
  },
  "rotate, due": {
    "the key is as old as rotateEveryDays": { gateway: late, journal: committed(late, {}, 30 * day) },
    "the key is half an hour younger than rotateEveryDays": {
      gateway: late,
      journal: committed(late, {}, 30 * day - 30 * minute),
    },
    "two keys, due, rotated 30 days ago": compared(30 * day),
  },
  "compare, comparison-due": {
    "two keys, not due, rotated 7 days ago": compared(7 * day),
    "two keys, not due, rotated half an hour less than 7 days ago": compared(7 * day - 30 * minute),
    "two keys, not due, compared 7 days ago": compared(20 * day, 7 * day),
    "two keys, not due, verifyEveryDays is 2, compared 2 days ago": compared(20 * day, 2 * day, {
      ...lateRuntime,
      verifyEveryDays: 2,
    }),
  },
};

describe("the next step of a gateway", () => {
  test.each(
    Object.entries(situations).flatMap(([expected, each]) =>
      Object.entries(each).map(([situation, terms]) => [situation, expected, terms] as const),
    ),
  )("%s → %s", (_, expected, terms) => {
    const { kind, reason } = step(terms);
    expect(`${kind}, ${reason}`).toBe(expected);
  });

  test.each<[string, Intent["attempts"], number]>([
    ["its only attempt may take effect", intent().attempts, now - minute + w],
    [
      "its first attempt cannot take effect any more, and its last may",
      [
        { clientRequestId: "attempt-2", at: now - 2 * w, known: "unknown" },
        { clientRequestId: "attempt-3", at: now - minute, known: "open" },
      ],
      now - minute + w,
    ],
    [
      "its first attempt may take effect, and its last is known unchanged",
      [
        { clientRequestId: "attempt-2", at: now - minute, known: "open" },
        { clientRequestId: "attempt-3", at: now, known: "unchanged" },
      ],
      now - minute + w,
    ],
  ])("a waiting intent, %s → left as long as that one may", (_, attempts, until) => {
    expect(step(open({ attempts }, runtime()))).toMatchObject({
      kind: "leave",
      reason: "waiting",
      until,
    });
  });

  test("a gateway is not due → the message has the time at which it will be", () => {
    const { message } = step({ gateway: late, journal: committed(late, {}, 29 * day) });
    expect(message).toContain("due 2026-11-24T03:00:00.000Z");
  });
});
