import { describe, expect, test } from "vitest";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import type { KnownOutcome, RotationOutcome } from "../../src/rotation/outcome.ts";
import { newDocument } from "../../src/runs/document.ts";
import { foldLog } from "../../src/runs/log.ts";
import {
  advance as advanceKnown,
  isRepeated,
  notBegun,
  type Progress,
  unite,
} from "../../src/runs/progress.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { gateway } from "../support/gateways.ts";

const trace = { clientRequestId: toClientRequestId("066b1a89-e84f-47a4-a784-a753b2e06623"), requestId: "r" };
const published = {
  rotationId: "rotation",
  slot: "key",
  trace,
  secretVersion: "v",
  fingerprint: "f",
  sequence: 3,
} as const;
const outcomes = {
  rotated: {
    kind: "rotated",
    gateway: gateway(),
    ...published,
    isCommitted: true,
    isSuspect: false,
    exposureMs: 1,
    dueAt: undefined,
    verifyAt: 5000,
  },
  notDue: {
    kind: "skipped",
    gateway: gateway(),
    reason: "not-due",
    message: "Not due.",
    verifyAt: undefined,
    published: undefined,
  },
  doneBefore: {
    kind: "skipped",
    gateway: gateway(),
    reason: "satisfied",
    message: "Done.",
    verifyAt: 5000,
    published,
  },
  outage: {
    kind: "failed",
    gateway: gateway(),
    code: "vault-unreachable",
    message: "Down.",
    effect: "unchanged",
    final: false,
    nextAction: "Wait.",
  },
  waiting: { kind: "pending", gateway: gateway(), reason: "claimed", message: "Another.", until: 3000 },
} as const satisfies Record<string, RotationOutcome>;
/** As the engine returns it, of a gateway whose key works. */
const known = (outcome: RotationOutcome): KnownOutcome => ({
  ...outcome,
  key: { works: true, isAtRisk: false },
  versions: outcome.kind === "rotated" ? [{ sequence: outcome.sequence, secretVersion: "v" }] : [],
});
const advance = (before: Progress, outcome: RotationOutcome, now: number, later: number): Progress =>
  advanceKnown(before, known(outcome), now, later);
const now = 2000;
const later = 9000;
const after = (...outcomes: readonly RotationOutcome[]): Progress =>
  outcomes.reduce((before, outcome) => advance(before, outcome, now, later), notBegun(1000));
const rotated = {
  kind: "rotated",
  rotationId: "rotation",
  slot: "key",
  secretVersion: "v",
  fingerprint: "f",
  sequence: 3,
  clientRequestId: trace.clientRequestId,
  requestId: "r",
};

describe("the progress of a gateway in a run", () => {
  const { rotated: done, notDue, doneBefore, outage, waiting } = outcomes;
  test.each([
    ["rotated", [done], { state: "unverified", at: 5000, outcome: rotated }],
    ["not due", [notDue], { state: "done", at: 1000, outcome: { kind: "skipped", reason: "not-due" } }],
    [
      "rotated for it by a runner that died before it could report",
      [doneBefore],
      { state: "unverified", at: 5000, outcome: rotated },
    ],
    ["rotated, then verified", [done, notDue], { state: "done", outcome: rotated }],
    [
      "failed, and its retry falls outside its window",
      [outage, { ...notDue, reason: "outside-window" }],
      { state: "done", outcome: { code: "vault-unreachable" } },
    ],
    [
      "failed, and its retry is left to a tick that is not late",
      [outage, { ...notDue, reason: "late-tick" }],
      { state: "done", outcome: { code: "vault-unreachable" } },
    ],
    [
      "rotated, and at its verification an outage",
      [done, outage],
      { state: "unverified", at: later, outcome: rotated },
    ],
    [
      "rotated, and at its verification an attempt of unknown effect",
      [done, { ...outage, effect: "unknown", committed: 3 }],
      { state: "unverified", sequence: 4, outcome: { kind: "failed", effect: "unknown" } },
    ],
    [
      "rotated, in doubt since its verification, and then its journal cannot be read",
      [done, { ...outage, code: "regenerate-timed-out", effect: "unknown", committed: 3 }, outage],
      { state: "unverified", sequence: 4, outcome: { code: "regenerate-timed-out", effect: "unknown" } },
    ],
    [
      "rotated, and at its verification claimed by another runner",
      [done, waiting],
      { state: "unverified", at: 3000, outcome: rotated },
    ],
    [
      "failed for good, and the verification has made another key",
      [{ ...outage, final: true, verifyAt: 2000 }, done],
      { state: "unverified", at: 5000, outcome: { code: "vault-unreachable" } },
    ],
    [
      "failed for now",
      [outage],
      { state: "open", at: later, outcome: { code: "vault-unreachable", nextAction: "Wait." } },
    ],
    [
      "verified, and later another runner's intent fails for now",
      [done, notDue, { ...outage, effect: "unknown", committed: 3 }],
      { state: "unverified", at: later, sequence: 4, outcome: { effect: "unknown" } },
    ],
    [
      "in doubt, and then its journal cannot be read",
      [{ ...outage, effect: "unknown", committed: 3 }, outage],
      { state: "open", outcome: { code: "vault-unreachable", effect: "unknown" } },
    ],
    [
      "in doubt, and then its journal cannot be understood",
      [
        { ...outage, effect: "unknown", committed: 3 },
        { ...outage, final: true },
      ],
      { state: "open", outcome: { effect: "unknown" } },
    ],
    [
      "in doubt, and then its journal shows that nothing is open",
      [
        { ...outage, effect: "unknown", committed: 3 },
        { ...outage, committed: 4 },
      ],
      { state: "open", outcome: { effect: "unchanged" } },
    ],
    [
      "failed for good",
      [{ ...outage, final: true }],
      { state: "done", at: later, outcome: { code: "vault-unreachable" } },
    ],
    [
      "failed for good, and an earlier commit's verification is due",
      [{ ...outage, final: true, verifyAt: 2000 }],
      { state: "unverified", at: later },
    ],
    [
      "failed for good, and an earlier commit's verification is not due yet",
      [{ ...outage, final: true, verifyAt: later + 1 }],
      { state: "unverified", at: later + 1 },
    ],
    [
      "failed after a newer commit than the one that this run made",
      [{ ...outage, committed: 5 }, doneBefore],
      { sequence: 5, outcome: rotated },
    ],
    [
      "claimed by another runner, then it has to wait",
      [waiting, { ...waiting, reason: "waiting" }],
      { state: "open", outcome: { kind: "pending", reason: "waiting" } },
    ],
    [
      "failed, then not due",
      [outage, notDue],
      { state: "done", outcome: { kind: "skipped", reason: "not-due" } },
    ],
    [
      "claimed by another runner",
      [waiting],
      { state: "open", at: 3000, outcome: { kind: "pending", reason: "claimed" } },
    ],
    [
      "failed, then claimed by another runner",
      [outage, waiting],
      { state: "open", at: 3000, outcome: { code: "vault-unreachable" } },
    ],
  ] satisfies [string, RotationOutcome[], object][])("%s", (_situation, outcomesInOrder, expected) => {
    expect(after(...outcomesInOrder)).toMatchObject(expected);
  });
});

describe("what a run keeps of a gateway's key", () => {
  const made = (sequence: number) => ({ sequence, secretVersion: `v${sequence}` });

  test("each drive checks whether the key works → the last drive that found out counts", () => {
    const doubtful = advanceKnown(
      notBegun(1000),
      { ...known(outcomes.outage), key: { works: "unknown", isAtRisk: true } },
      now,
      later,
    );
    expect(doubtful).toMatchObject({ keyWorks: "unknown", isAtRisk: true });
    const unread = { ...known(outcomes.outage), key: undefined };
    expect(advanceKnown(notBegun(1000), unread, now, later)).toMatchObject({
      keyWorks: "unknown",
      isAtRisk: false,
    });
    expect(advanceKnown(doubtful, unread, now, later)).toMatchObject({ keyWorks: "unknown", isAtRisk: true });
    expect(advance(doubtful, outcomes.rotated, now, later).keyWorks).toBe(true);
  });

  test("two drives made a version each, the second saw both → each version once, oldest first", () => {
    const first = advanceKnown(
      notBegun(1000),
      { ...known(outcomes.rotated), versions: [made(3)] },
      now,
      later,
    );
    const second = { ...known(outcomes.rotated), versions: [made(4), made(3)] };
    expect(advanceKnown(first, second, now, later).versions).toEqual([made(3), made(4)]);
  });

  test("one rotation wrote two versions → both, in the same order for every driver", () => {
    const [v, w] = ["v", "w"].map((secretVersion) => ({ sequence: 3, secretVersion }));
    if (v === undefined || w === undefined) throw new Error("Two versions are needed");
    expect(unite([w], [v, w])).toEqual([v, w]);
    expect(unite([v], [w])).toEqual([v, w]);
  });
});

test.each(Object.entries(outcomes))("%s → its line in the log can be read, and shows it", (_, outcome) => {
  const target = { name: "a", resourceId: gateway().target.resourceId, ...gateway().secret };
  const document = { ...newDocument(runNamed("run"), [], 1000), gateways: [target] };
  // A driver advances the gateways of the fold, which have their destination too.
  const [before] = foldLog(document, "").gateways;
  if (before === undefined) throw new Error("the fold lost the gateway");
  const state = advance(before, outcome, now, later);
  const line = { run: 1000, gateway: "a", driver: "one", when: now, ...state };
  expect(foldLog(document, JSON.stringify(line))).toEqual({
    gateways: [{ ...target, ...state }],
    unreadable: 0,
  });
});

describe("a gateway that is refused by role", () => {
  const hourMs = 3_600_000;
  const refused = { ...outcomes.outage, code: "regenerate-forbidden", final: true, refusedByRole: true };

  test("within an hour of the first refusal → stays open, and says until when it is tried again", () => {
    const first = advance(notBegun(1000), refused, now, later);
    const until = new Date(now + hourMs).toISOString();
    expect(first).toMatchObject({
      state: "open",
      at: later,
      outcome: {
        code: "regenerate-forbidden",
        nextAction: expect.stringContaining(`tries again until ${until}`),
      },
    });
    expect(advance(first, refused, now + hourMs - 1, later)).toMatchObject({ state: "open" });
  });

  test("an hour after the first refusal, whatever failed between → final, and no longer tried", () => {
    const between = advance(advance(notBegun(1000), refused, now, later), outcomes.outage, now + 1, later);
    expect(advance(between, refused, now + hourMs, later)).toMatchObject({
      state: "done",
      outcome: { code: "regenerate-forbidden", nextAction: "Wait." },
    });
  });

  test("refused at its verification → its outcome stays, and a due verification stays due", () => {
    const settled = after(outcomes.rotated);
    expect(advance(settled, { ...refused, verifyAt: 5000 }, now, later)).toMatchObject({
      state: "unverified",
      outcome: rotated,
    });
    expect(advance(settled, refused, now, later)).toMatchObject({ state: "done", outcome: rotated });
  });
});

describe("a state that the log holds already", () => {
  const { outage, waiting } = outcomes;
  const { rotated: done } = outcomes;
  const first = after(outage);
  test.each([
    [
      "the same failure later, with other ids and another text",
      true,
      { ...outage, message: "Still down.", trace },
    ],
    ["another code", false, { ...outage, code: "vault-timed-out" }],
    ["another effect", false, { ...outage, effect: "unknown" }],
    ["the first refusal by role under the same code", false, { ...outage, refusedByRole: true }],
    ["final now", false, { ...outage, final: true }],
    ["rotated", false, done],
    ["claimed by another runner, which hides no failure", true, waiting],
  ] satisfies [string, boolean, RotationOutcome][])("%s → %s", (_situation, expected, outcome) => {
    expect(isRepeated(first, advance(first, outcome, now, later))).toBe(expected);
  });

  test("the same code, and the cause is no missing role any more → a new line", () => {
    const refused = { ...outage, code: "vault-takes-no-writes" };
    const byRole = advance(notBegun(1000), { ...refused, refusedByRole: true }, now, later);
    const otherwise = advance(byRole, refused, now, later);
    expect(isRepeated(byRole, otherwise)).toBe(false);
  });
});
