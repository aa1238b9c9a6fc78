import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { writeOutside } from "../simulation/models/outsideChanges.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  afterStore,
  answering,
  forbidden,
  isJournalWrite,
  isRegenerate,
  isStore,
  minuteMs,
  named,
  refusing,
  replaced,
  startProcesses,
  startRotated,
  throttled,
} from "./oneProcess.ts";

const second = 1000;

describe("a version whose commit is missing", () => {
  /** A process that stores the key five seconds after the regenerate, and cannot commit it. */
  async function uncommitted(of: Gateway) {
    const processes = await startRotated(of);
    const unconfirmed = afterStore(isJournalWrite, forbidden);
    await processes.rotate({ id: "b" }, (call, afterMs) =>
      isStore(call) && afterMs < 5 * second ? throttled : unconfirmed(call, afterMs),
    );
    return processes;
  }

  test.each([
    ["one key → reported, with how long no key worked", gateway(), 5 * second],
    ["two keys → reported, and a key always worked", runtime(), 0],
  ])("%s", async (_, of, leastMs) => {
    const processes = await uncommitted(of);
    const { outcome, events } = await processes.rotate({ id: "b" });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "satisfied" });
    const [reported, ...more] = named(events, "GatewayKeyRotated");
    expect(more).toEqual([]);
    expect(reported).toMatchObject({ isCommitted: true, sequence: 2 });
    expect(reported?.exposureMs).toBeGreaterThanOrEqual(leastMs);
    expect(reported?.exposureMs).toBeLessThanOrEqual(2 * leastMs);
    expect(processes.journal()).toMatchObject({
      commit: { sequence: 2, version: processes.versions().at(-1)?.id },
    });
  });

  test("two keys → the journal keeps when the other one was regenerated", async () => {
    const processes = await uncommitted(runtime());
    const { slots } = processes.journal();
    await processes.rotate({ id: "b" });
    expect(processes.journal().slots).toEqual({
      ...slots,
      authKey1: expect.objectContaining({ runId: "b" }),
    });
    expect(slots.authKey2).toMatchObject({ runId: "run" });
  });

  test("an earlier attempt may still take effect → committed as suspect", async () => {
    const processes = startProcesses(gateway());
    const first = answering(isRegenerate, "lostBefore", undefined);
    const unconfirmed = afterStore(isJournalWrite, forbidden);
    await processes.rotate({}, (...call) => first(...call) ?? unconfirmed(...call));
    expect((await processes.rotate()).outcome).toMatchObject({ kind: "skipped", reason: "satisfied" });
    expect(processes.journal()).toMatchObject({ intent: null, verification: { suspect: true } });
  });

  test("two runners find it at once → one commits and reports it", async () => {
    const processes = await uncommitted(gateway());
    const reading = replaced("secrets", "readLatest", (read, clock) => async (address) => {
      await clock.sleep(2 * second);
      return read(address);
    });
    const runs = await processes.together((rotate, later) => [
      rotate({ id: "b" }, undefined, { alter: reading }),
      later(second, () => rotate({ id: "b" }, undefined, { alter: reading })),
    ]);
    const satisfied = { kind: "skipped", reason: "satisfied" };
    expect(runs.map((ran) => ran?.outcome)).toMatchObject([satisfied, satisfied]);
    expect(runs.flatMap((ran) => named(ran?.events ?? [], "GatewayKeyRotated"))).toHaveLength(1);
    expect(processes.regenerated()).toBe(2);
  });

  test("the secret was restored elsewhere, and the gateway has that one now → committed there", async () => {
    const of = gateway();
    const processes = await uncommitted(of);
    const as = { ...of, secret: { ...of.secret, secretName: "restored" } };
    const { value = "", tags = {} } = processes.versions().at(-1) ?? {};
    processes.holder.world = writeOutside(processes.holder.world, as.secret, { value, tags });
    const { outcome } = await processes.rotate({ id: "b" }, undefined, { as });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "satisfied" });
    expect(processes.journal()).toMatchObject({ ...as.secret, intent: null, commit: { sequence: 2 } });
    expect(processes.regenerated()).toBe(2);
  });

  test("storage refuses the commit → failed, and no key is regenerated", async () => {
    const processes = await uncommitted(gateway());
    const { outcome, events } = await processes.rotate({ id: "b" }, refusing(isJournalWrite));
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden" });
    expect(named(events, "GatewayKeyRotated")).toEqual([]);
    expect(processes.regenerated()).toBe(2);
  });
});

test("a takeover cannot read the journal again → the effect is unknown", async () => {
  const processes = await startRotated(gateway());
  await processes.rotate({ id: "b" }, answering(isRegenerate, "lostAfter"));
  await processes.wait(10 * minuteMs);
  let reads = 0;
  const { outcome, events } = await processes.rotate(
    { id: "c" },
    // The first read, and one after each of four writes.
    ({ operation }) => (operation === "readBlob" && ++reads > 5 ? forbidden : undefined),
    { alter: replaced("blobs", "write", () => async () => ({ kind: "conflict" })) },
  );
  expect(named(events, "GatewayKeyRotationDecided")).toMatchObject([{ decision: "takeOver" }]);
  expect(outcome).toMatchObject({
    kind: "failed",
    code: "storage-forbidden",
    effect: "unknown",
    final: false,
  });
});
