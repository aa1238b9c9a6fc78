import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { type Deliver, forbidden, isRegenerate, minuteMs, startProcesses } from "./oneProcess.ts";

const lost: Deliver = (call) => (isRegenerate(call) ? "lostAfter" : undefined);
const moved = (of: Gateway): Gateway => ({ ...of, secret: { ...of.secret, secretName: "moved" } });
const hourMs = 60 * minuteMs;

/** Loses the first regenerate's answer, and forbids the later ones. */
function lostThenForbidden(): Deliver {
  let sent = 0;
  return (call) => {
    if (!isRegenerate(call)) return undefined;
    sent += 1;
    return sent === 1 ? "lostAfter" : forbidden;
  };
}

describe("an unknown effect, then a refusal", () => {
  test("in one invocation → the intent stays open, unknown, and the refusal marks its own attempt alone", async () => {
    const processes = startProcesses(gateway());
    const { outcome } = await processes.rotate({}, lostThenForbidden());
    expect(outcome).toMatchObject({
      kind: "failed",
      code: "regenerate-forbidden",
      effect: "unknown",
      final: false,
    });
    const attempts = processes.journal().intent?.attempts.map(({ known }) => known);
    expect(attempts).toEqual(["unknown", "unchanged"]);
  });

  test.each([
    ["one key", gateway()],
    ["two keys", runtime()],
  ])("%s, in two invocations → the same", async (_, of) => {
    const processes = startProcesses(of);
    await processes.rotate();
    await processes.rotate({ id: "b" }, lost);
    await processes.wait(hourMs);
    const { outcome } = await processes.rotate({ id: "b" }, (call) =>
      isRegenerate(call) ? forbidden : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", effect: "unknown", final: false });
    const attempts = processes.journal().intent?.attempts.map(({ known }) => known);
    expect(attempts?.at(-1)).toBe("unchanged");
    expect(new Set(attempts?.slice(0, -1))).toEqual(new Set(["unknown"]));
  });
});

test("refusals alone → the intent is withdrawn, and the journal is as it was but for the failure", async () => {
  const processes = startProcesses(gateway());
  await processes.rotate();
  const before = processes.journal();
  const { outcome } = await processes.rotate({ id: "b" }, (call) =>
    isRegenerate(call) ? forbidden : undefined,
  );
  expect(outcome).toMatchObject({ kind: "failed", effect: "unchanged" });
  expect(before).toMatchObject({ failure: null });
  expect(processes.journal()).toEqual({
    ...before,
    failure: expect.objectContaining({ code: "regenerate-forbidden", keyWorks: true }),
  });
});

describe("the gateway was given another secret", () => {
  test("a rotation into it stays open → the journal names it, and an older run leaves the gateway alone", async () => {
    const processes = startProcesses(runtime());
    await processes.rotate();
    const createdAt = processes.clock.now();
    await processes.wait(minuteMs);
    const as = moved(runtime());
    await processes.rotate({ id: "b" }, lost, {}, undefined, as);
    expect(processes.journal()).toMatchObject({ secretName: "moved", intent: {} });
    const older = await processes.rotate({ id: "a" }, undefined, { createdAt });
    expect(older.outcome).toMatchObject({ kind: "skipped", reason: "superseded" });
  });

  test("a rotation into it is refused → the journal names the secret that has the key", async () => {
    const processes = startProcesses(runtime());
    await processes.rotate();
    const refused: Deliver = (call) => (isRegenerate(call) ? forbidden : undefined);
    await processes.rotate({ id: "b" }, refused, {}, undefined, moved(runtime()));
    expect(processes.journal()).toMatchObject({ secretName: runtime().secret.secretName, intent: null });
  });
});

describe("the verification of the last commit", () => {
  /** A commit that is suspect: the attempt before it may still take effect. */
  async function suspect() {
    const processes = startProcesses(gateway());
    let first = true;
    await processes.rotate({}, (call) => {
      const isLost = first && isRegenerate(call);
      first &&= !isLost;
      return isLost ? "lostAfter" : undefined;
    });
    expect(processes.journal().verification).toMatchObject({ suspect: true });
    return processes;
  }

  test("not due yet, and the next rotation stays open → it stays due", async () => {
    const processes = await suspect();
    const due = processes.journal().verification;
    await processes.rotate({ id: "b" }, lost);
    expect(processes.journal()).toMatchObject({ intent: {}, verification: due });
  });

  test("not due yet, and the gateway is rotated again → the new commit is suspect too", async () => {
    const processes = await suspect();
    await processes.wait(minuteMs);
    expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
    expect(processes.journal().verification).toMatchObject({ suspect: true });
  });

  test("due, and the gateway is rotated in its place → the new commit is not suspect", async () => {
    const processes = await suspect();
    await processes.wait(hourMs);
    expect((await processes.rotate({ id: "b" })).outcome.kind).toBe("rotated");
    expect(processes.journal().verification).toMatchObject({ suspect: false });
  });

  test("the run that published the version → it has to do it; another run has not", async () => {
    const processes = startProcesses(gateway(undefined, { rotateEveryDays: 30 }));
    const { outcome } = await processes.rotate();
    const verifyAt = processes.journal().verification?.at;
    expect(outcome).toMatchObject({ kind: "rotated", verifyAt });
    expect((await processes.rotate()).outcome).toMatchObject({
      kind: "skipped",
      reason: "satisfied",
      verifyAt,
    });
    const other = await processes.rotate({ id: "b" });
    expect(other.outcome).toMatchObject({ kind: "skipped", reason: "not-due", verifyAt: undefined });
  });
});
