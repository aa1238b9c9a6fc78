import { describe, expect, test } from "vitest";
import { disableLatest, softDelete } from "../simulation/models/outsideChanges.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  answering,
  callTimeoutMs,
  closedAt,
  type Deliver,
  forbidden,
  isBlobRead,
  isJournalWrite,
  isList,
  isRead,
  isRegenerate,
  isStore,
  minuteMs,
  refusing,
  replaced,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const oneKey = gateway();
const twoKeys = runtime();

describe("the last failure in the journal", () => {
  test("the secret was soft-deleted and is recovered → the next failure calls the key fine", async () => {
    const processes = await startRotated(oneKey);
    const { vaults } = processes.holder.world;
    processes.holder.world = softDelete(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" });
    expect(processes.journal().failure).toMatchObject({ code: "secret-soft-deleted", keyWorks: false });
    processes.holder.world = { ...processes.holder.world, vaults };
    await processes.rotate({ id: "c" }, refusing(isRegenerate));
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: true });
  });

  test("a regenerate is refused → what happened and what to do, until the next commit", async () => {
    const processes = await startRotated(oneKey);
    const { outcome } = await processes.rotate({ id: "b" }, refusing(isRegenerate));
    expect(outcome).toMatchObject({ kind: "failed", key: { works: true } });
    expect(processes.journal()).toMatchObject({
      failure: {
        code: "regenerate-forbidden",
        effect: "unchanged",
        keyWorks: true,
        nextAction: expect.stringContaining("role"),
        clientRequestId: expect.any(String),
      },
    });
    await processes.rotate({ id: "c" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("the same failure again → the journal is written once", async () => {
    const processes = await startRotated(oneKey);
    const refuse = () => processes.rotate({ id: "b" }, refusing(isRegenerate));
    await refuse();
    const first = processes.journal()?.failure;
    await processes.wait(callTimeoutMs);
    await refuse();
    expect(processes.journal()?.failure).toEqual(first);
  });

  test("another failure, then one with another effect → each replaces the one before", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, refusing(isRegenerate));
    await processes.rotate({ id: "b" }, refusing(isRead));
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unchanged" });
    await processes.rotate({ id: "b" }, answering(isRegenerate, "lostBefore"));
    await processes.rotate({ id: "b" }, refusing(isRead));
    expect(processes.journal().failure).toMatchObject({ code: "vault-forbidden", effect: "unknown" });
  });

  test("the latest version was disabled and is enabled again → the next failure says that the key works", async () => {
    const processes = await startRotated(oneKey);
    const refused = (code: "forbidden" | "not-found"): Deliver =>
      answering(isRegenerate, { kind: "refused", code });
    const { vaults } = processes.holder.world;
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" }, refused("forbidden"));
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    processes.holder.world = { ...processes.holder.world, vaults };
    const { outcome } = await processes.rotate({ id: "c" }, refused("not-found"));
    expect(outcome).toMatchObject({ code: "regenerate-not-found", key: { works: true } });
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-not-found", keyWorks: true });
  });

  test("the same refusal again, and the version is disabled now → recorded: no key can be read", async () => {
    const processes = await startRotated(oneKey);
    const refuse = () => processes.rotate({ id: "b" }, refusing(isRegenerate));
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: true });
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
  });

  test("the same refusal again, now after an unknown effect → the record says unknown", async () => {
    const processes = await startRotated(oneKey);
    processes.holder.world = disableLatest(processes.holder.world, oneKey.secret);
    await processes.rotate({ id: "b" }, refusing(isRegenerate));
    const failed = { code: "regenerate-forbidden", keyWorks: false };
    expect(processes.journal().failure).toMatchObject({ ...failed, effect: "unchanged" });
    let sent = 0;
    await processes.rotate({ id: "b" }, (call) => {
      if (!isRegenerate(call)) return undefined;
      return ++sent === 1 ? "lostBefore" : forbidden;
    });
    expect(processes.journal().failure).toMatchObject({ ...failed, effect: "unknown" });
  });

  test("the version was disabled, and holds a dead value now → dead, also when it cannot be read", async () => {
    const processes = await startRotated(twoKeys);
    const refuse = () => processes.rotate({ id: "b" }, refusing(isRegenerate));
    processes.holder.world = disableLatest(processes.holder.world, twoKeys.secret);
    await refuse();
    const before = processes.journal().failure;
    expect(before).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    expect(before?.isKeyDead).toBeUndefined();
    processes.publish("a value by hand");
    await refuse();
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden", isKeyDead: true });
  });

  test("another runner commits before a failure is recorded → that failure is not recorded", async () => {
    const processes = await startRotated(oneKey);
    const refusedLate = replaced("secrets", "readLatest", (read, clock) => async (address) => {
      const latest = await read(address);
      await clock.sleep(minuteMs);
      return latest;
    });
    const [first, second] = await processes.together((rotate, later) => [
      rotate({ id: "b" }, refusing(isRead), { alter: refusedLate }),
      later(30_000, () => rotate({ id: "c" })),
    ]);
    expect(first?.outcome).toMatchObject({ kind: "failed", code: "vault-forbidden" });
    expect(second?.outcome.kind).toBe("rotated");
    expect(processes.journal().failure).toBeNull();
  });

  test("storage could not be read, and then it can → the failure is recorded", async () => {
    const processes = await startRotated(oneKey);
    let reads = 0;
    await processes.rotate({ id: "b" }, ({ operation }) =>
      operation === "readBlob" && ++reads === 1 ? forbidden : undefined,
    );
    expect(processes.journal().failure).toMatchObject({ code: "storage-forbidden" });
  });

  test("a tick outside the gateway's window → the last failure stays", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, refusing(isRegenerate));
    const as = { ...oneKey, window: closedAt(processes.clock.now()) };
    const tick = { id: "c", trigger: "schedule" } as const;
    const { outcome } = await processes.rotate(tick, undefined, { as });
    expect(outcome).toMatchObject({ kind: "skipped", reason: "outside-window" });
    expect(processes.journal().failure).toMatchObject({ code: "regenerate-forbidden" });
  });

  test.each([
    ["vault-forbidden", ({ operation }: Parameters<Deliver>[0]) => operation === "readLatest"],
    ["regenerate-forbidden", isRegenerate],
  ])("the only key was replaced and not stored, then %s → still dead", async (code, isRefused) => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, refusing(isStore));
    await processes.wait(10 * minuteMs);
    const { outcome } = await processes.rotate({ id: "c" }, refusing(isRefused));
    expect(outcome).toMatchObject({ code, effect: "unknown", key: { works: false } });
    expect(processes.journal().failure).toMatchObject({ code, keyWorks: false });
  });

  test("a published value that the service does not have → dead until a comparison finds another", async () => {
    const processes = await startRotated(twoKeys);
    const failWith = async (isRefused: (call: Parameters<Deliver>[0]) => boolean) => {
      await processes.rotate({ id: "b" }, refusing(isRefused));
      return processes.journal().failure;
    };
    processes.publish("a value by hand");
    expect(await failWith(isRegenerate)).toMatchObject({ code: "regenerate-forbidden", keyWorks: false });
    expect(await failWith(isList)).toMatchObject({ code: "list-keys-forbidden", keyWorks: false });
    processes.publish(processes.versions()[0]?.value ?? "");
    expect(processes.works()).toBe(true);
    expect(await failWith(isRegenerate)).toMatchObject({ code: "regenerate-forbidden", keyWorks: "unknown" });
  });

  test("the published value is a working key in quotes, and the regenerate is refused → not dead", async () => {
    const processes = startProcesses(twoKeys);
    const { authKey1 = "" } = liveKeys(processes.holder.world, twoKeys.target);
    processes.publish(`"${authKey1}"`);
    const { outcome } = await processes.rotate({}, refusing(isRegenerate));
    expect(outcome).toMatchObject({ kind: "failed", slot: "authKey2", isKeyDead: false });
    expect(processes.journal().failure).toMatchObject({ keyWorks: "unknown" });
  });

  test("a tick finds nothing to do, and nothing has failed → the journal is not written", async () => {
    const processes = await startRotated({ ...oneKey, rotateEveryDays: 30 });
    const { timesOf } = await processes.rotate({ id: "b", trigger: "schedule" });
    expect(timesOf(isJournalWrite)).toEqual([]);
  });

  test("an open intent whose claim has run out, and the vault cannot be read → recorded", async () => {
    const processes = await startRotated(oneKey);
    await processes.rotate({ id: "b" }, answering(isRegenerate, "lostBefore"));
    await processes.rotate({ id: "c" }, refusing(isRead));
    expect(processes.journal()).toMatchObject({ intent: {}, failure: { code: "vault-forbidden" } });
  });

  test("storage cannot be read → the outcome alone has the failure", async () => {
    const processes = await startRotated(oneKey);
    const { outcome } = await processes.rotate({ id: "b" }, refusing(isBlobRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "storage-forbidden", key: undefined });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("another runner holds the claim → its intent does not change, and the failure is not recorded", async () => {
    const processes = await startRotated(oneKey);
    const [first, second] = await processes.together((rotate) => [
      // It holds a key for two minutes.
      rotate({ id: "b" }, (call, afterMs) =>
        isStore(call) && afterMs < 2 * minuteMs ? forbidden : undefined,
      ),
      (async () => {
        await processes.clock.sleep(minuteMs);
        const { outcome } = await rotate({ id: "c" }, refusing(isRead));
        return { outcome, failure: processes.journal()?.failure };
      })(),
    ]);
    expect(second).toMatchObject({ outcome: { kind: "failed", key: { works: "unknown" } }, failure: null });
    expect(first?.outcome).toMatchObject({ kind: "rotated", key: { works: true } });
  });

  test("a tick could not read the vault → a later tick that finds nothing to do ends the failure", async () => {
    const of = { ...oneKey, rotateEveryDays: 30 };
    const processes = await startRotated(of);
    const tick = { id: "b", trigger: "schedule" } as const;
    const { outcome } = await processes.rotate(tick, refusing(isRead));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden" });
    expect(processes.journal()).toMatchObject({ failure: { code: "vault-forbidden" } });
    const after = await processes.rotate({ ...tick, id: "c" });
    expect(after.outcome).toMatchObject({ kind: "skipped", reason: "not-due" });
    expect(processes.journal()).toMatchObject({ failure: null });
  });

  test("storage loses the record → the outcome is the same", async () => {
    const processes = await startRotated(oneKey);
    let writes = 0;
    const { outcome } = await processes.rotate({ id: "b" }, (call) => {
      if (isRegenerate(call)) return forbidden;
      // The third write of the journal: after the claim and its withdrawal.
      if (isJournalWrite(call) && ++writes === 3) return forbidden;
      return undefined;
    });
    expect(outcome).toMatchObject({ kind: "failed", code: "regenerate-forbidden", key: { works: true } });
    expect(processes.journal()).toMatchObject({ failure: null });
  });
});
