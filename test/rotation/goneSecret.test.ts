import { describe, expect, test } from "vitest";
import { callsOfRotation, type RotationServices } from "../../src/rotation/context.ts";
import { softDelete } from "../simulation/models/outsideChanges.ts";
import { gateway } from "../support/gateways.ts";
import {
  forbidden,
  isDeletedRead,
  isRegenerate,
  minuteMs,
  refusing,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const second = 1000;
const hourMs = 60 * minuteMs;

test("the verification finds the secret gone and purged → rotated, and the vault has a key again", async () => {
  const of = gateway(undefined, { rotateEveryDays: 30 });
  const processes = await startRotated(of);
  await processes.wait(hourMs);
  processes.purgeSecrets();
  expect(processes.versions()).toEqual([]);
  expect((await processes.rotate({ id: "b", trigger: "schedule" })).outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
});

/** Does this at the end of each pause. */
const afterEachPause =
  (act: () => void) =>
  (services: RotationServices): RotationServices => ({
    ...services,
    clock: {
      ...services.clock,
      async sleep(ms) {
        await services.clock.sleep(ms);
        act();
      },
    },
  });

describe("a secret is gone, and not among the deleted ones", () => {
  const of = gateway();
  async function gone() {
    const processes = await startRotated(of);
    processes.purgeSecrets();
    return processes;
  }

  test("for a minute → counts as purged, and is rotated then", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" });
    expect(outcome.kind).toBe("rotated");
    expect(timesOf(isRegenerate)).toEqual([minuteMs]);
  });

  test("too little time is left for that minute → pending at once", async () => {
    const processes = await gone();
    const now = processes.clock.now();
    const terms = { callTimeoutMs: 10 * second, deadline: now + callsOfRotation * 10 * second };
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, undefined, { terms });
    expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
    expect(timesOf(isRegenerate)).toEqual([]);
    expect(processes.clock.now() - now).toBe(20 * second);
  });

  test("its deletion ends within that minute → failed: recover it, and no key is regenerated", async () => {
    const processes = await startRotated(of);
    processes.holder.world = softDelete(processes.holder.world, of.secret, 30 * second);
    const { outcome } = await processes.rotate({ id: "b" });
    expect(outcome).toMatchObject({ kind: "failed", code: "secret-soft-deleted", effect: "unchanged" });
    expect(processes.regenerated()).toBe(1);
  });

  test("it is back within that minute → rotated at once, as its next version", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, undefined, {
      alter: afterEachPause(() => {
        if (processes.versions().length === 0) processes.publish("x", { sequence: "7" });
      }),
    });
    expect(timesOf(isRegenerate)).toEqual([5 * second]);
    expect(outcome).toMatchObject({ kind: "rotated", sequence: 8 });
  });

  test("it is recovered within that minute → decided again: not due", async () => {
    const processes = await startRotated(gateway(undefined, { rotateEveryDays: 30 }));
    const { vaults } = processes.holder.world;
    processes.purgeSecrets();
    const { outcome } = await processes.rotate({ id: "b", trigger: "schedule" }, undefined, {
      alter: afterEachPause(() => {
        processes.holder.world = { ...processes.holder.world, vaults };
      }),
    });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
    expect(processes.regenerated()).toBe(1);
  });

  test("it cannot be read again → failed, and no key is regenerated", async () => {
    const processes = await gone();
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, ({ operation }, afterMs) =>
      operation === "readLatest" && afterMs > 0 ? forbidden : undefined,
    );
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unchanged" });
    expect(timesOf(isRegenerate)).toEqual([]);
  });

  test("the key goes to another secret now, which was never written → rotated without a wait", async () => {
    const processes = await gone();
    const as = { ...of, secret: { ...of.secret, secretName: "moved" } };
    const { outcome, timesOf } = await processes.rotate({ id: "b" }, undefined, { as });
    expect(outcome.kind).toBe("rotated");
    expect(timesOf(isRegenerate)).toEqual([0]);
  });

  test.each([
    ["it was never written", async () => startProcesses(of)],
    ["it was committed", gone],
  ])("%s, and the deleted secrets cannot be read → failed, and no key is regenerated", async (_, start) => {
    const { outcome, timesOf } = await (await start()).rotate({ id: "b" }, refusing(isDeletedRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unchanged" });
    expect(timesOf(isRegenerate)).toEqual([]);
  });
});
