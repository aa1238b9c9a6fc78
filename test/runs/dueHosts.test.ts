import { describe, expect, test } from "vitest";
import type { HostOutcome } from "../../src/domain/inspection.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type Journal, journalName, parseJournal } from "../../src/journal/journal.ts";
import { readSummaries } from "../../src/journal/journalSummary.ts";
import { readHosts } from "../../src/runs/readHosts.ts";
import { callTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { namedGateway } from "../support/gateways.ts";
import { storeJournal } from "../support/journalParts.ts";
import { type Deliver, minuteMs, refusingCall, startStoredRuns } from "./storedRuns.ts";

const hourMs = 60 * minuteMs;
const a = namedGateway("a");
const b = namedGateway("b");
const online = (registeredAt?: number): HostOutcome => ({
  kind: "read",
  host: {
    status: "Online",
    registeredAt: registeredAt === undefined ? undefined : new Date(registeredAt),
  },
});
const failed: HostOutcome = {
  kind: "failed",
  problem: { code: "server-error", message: "Resource Manager answered 500.", transient: true },
};

/** Gateways that were committed, each so long ago as it says, and a tick that reads their hosts. */
async function start(rotated: readonly (readonly [Gateway, number])[], changes: Partial<Journal> = {}) {
  const lab = startStoredRuns(rotated.map(([of]) => of));
  const begun = lab.clock.now();
  for (const [of, agoMs] of rotated) {
    const at = begun - agoMs;
    const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at } as const;
    const slots = { key: { at: at - 1000, clientRequestId: "c", runId: "run", lateUntil: 0 } };
    await storeJournal(lab.invocation().storage, of, { slots, commit, ...changes });
  }

  return {
    lab,
    begun,
    /**
     * @param host what the service shows; it takes `tookMs`
     * @param change `leftMs`: until the invocation's deadline; `meanwhile`: what happens after the list of journals; `during`:
     *   while the service is asked
     */
    async tick(
      host: HostOutcome = online(),
      change: {
        deliver?: Deliver;
        configured?: readonly Gateway[];
        leftMs?: number;
        offMs?: number;
        tookMs?: number;
        meanwhile?: () => Promise<unknown>;
        during?: () => Promise<unknown>;
      } = {},
    ) {
      const { deliver, configured = rotated.map(([of]) => of), leftMs = hourMs, offMs, tookMs } = change;
      const { services, storage, terms, calls, events } = lab.invocation(deliver, offMs);
      const asked: string[] = [];
      const inspector = {
        async host({ name }: Gateway["target"]) {
          asked.push(name);
          await lab.clock.sleep(tookMs ?? 0);
          await change.during?.();
          return host;
        },
      };
      const work = async () => {
        const read = await readSummaries(storage);
        if (read.kind !== "read") throw new Error(read.kind);
        await change.meanwhile?.();
        calls.length = 0;
        const deadline = services.clock.now() + leftMs;
        await readHosts({ ...services, inspector }, storage, { ...terms, deadline }, configured, read);
      };
      await lab.clock.run(work());
      return {
        asked,
        calls: calls.length,
        seen: events.flatMap((event) => (event.name === "GatewayHostSeen" ? [event] : [])),
      };
    },
  };
}

async function hostIn(lab: Awaited<ReturnType<typeof start>>["lab"]) {
  const found = await lab.blobs().read(journalName(a));
  const parsed = parseJournal(found.kind === "found" ? found.text : "");
  return parsed.kind === "journal" ? parsed.journal.host : parsed.problem;
}

describe("which hosts a tick reads", () => {
  test("its verification is to come → no call is made; at its time its host is read", async () => {
    const at = (begun: number) => ({ verification: { at: begun + minuteMs, suspect: false } });
    const first = await start([[a, minuteMs]]);
    const { tick, lab } = await start([[a, minuteMs]], at(first.begun));
    expect(await tick()).toEqual({ asked: [], calls: 0, seen: [] });
    await lab.wait(minuteMs);
    expect((await tick()).asked).toEqual(["a"]);
  });

  test("its host has registered, and another gateway was never rotated → no call is made", async () => {
    const seen = { status: "Online", registeredAt: 1, sinceRotation: true };
    const { tick } = await start([[a, hourMs]], { host: { checkedAt: 1, seen } });
    expect(await tick(online(), { configured: [a, b] })).toEqual({ asked: [], calls: 0, seen: [] });
  });

  test("201 hosts of one subscription, written in two ways, and one of another → the last due is left", async () => {
    const ofOne = Array.from({ length: 201 }, (_, i): readonly [Gateway, number] => {
      const of = namedGateway(`g${i}`);
      const subscriptionId = i % 2 === 0 ? "ABC" : "abc";
      return [{ ...of, target: { ...of.target, subscriptionId } }, hourMs + i * 1000];
    });
    const other = { ...a, target: { ...a.target, subscriptionId: "other" } };
    const { tick } = await start([...ofOne, [other, hourMs]]);
    const { asked } = await tick();
    expect(asked).toHaveLength(201);
    expect(asked).toContain("a");
    expect(asked).not.toContain("g0");
    expect((await tick()).asked).toEqual(["g0"]);
  });

  test.each([
    ["journal, status and journal still fit in", 0, ["a"]],
    ["no time is left for them", -1, []],
  ])("%s → $2 is read", async (_, moreMs, asked) => {
    const { tick } = await start([[a, hourMs]]);
    expect((await tick(online(), { leftMs: 3 * callTimeoutMs + moreMs })).asked).toEqual(asked);
  });

  test.each([
    [minuteMs, ["a", "b"]],
    [minuteMs + 1, ["a"]],
  ])("each status takes %i ms → one that is begun within a minute is the last", async (tookMs, asked) => {
    const { tick } = await start(["a", "b", "c"].map((name, i) => [namedGateway(name), hourMs - i * 1000]));
    expect((await tick(online(), { tookMs })).asked).toEqual(asked);
  });

  test.each<
    [string, Deliver | undefined, (lab: Awaited<ReturnType<typeof start>>["lab"]) => Promise<unknown>]
  >([
    ["cannot be read", refusingCall("readBlob", journalName(a)), async () => {}],
    ["was deleted by hand", undefined, (lab) => lab.blobs().remove(journalName(a))],
    [
      "cannot be understood by now",
      undefined,
      async (lab) => {
        await lab.blobs().remove(journalName(a));
        await lab.blobs().write(journalName(a), "{}", { kind: "absent" });
      },
    ],
  ])("a journal %s → its host is left, and the others are read", async (_, deliver, meanwhile) => {
    const { tick, lab } = await start([
      [a, hourMs],
      [b, hourMs],
    ]);
    const { seen } = await tick(online(), {
      ...(deliver === undefined ? {} : { deliver }),
      meanwhile: () => meanwhile(lab),
    });
    expect(seen.map(({ gateway }) => gateway.name)).toEqual(["b"]);
  });

  test("another process has read the host since the list → not read again", async () => {
    const { tick, lab, begun } = await start([[a, hourMs]]);
    const host = { checkedAt: begun, seen: null };
    const meanwhile = () => lab.editJournal(a, (journal) => ({ ...journal, host }));
    expect(await tick(online(), { meanwhile })).toMatchObject({ asked: [], seen: [] });
  });

  test.each([-10, 0, 10])("our clock is %i minutes off → read hourly by storage's", async (minutes) => {
    const { tick, lab } = await start([[a, hourMs]]);
    const offMs = minutes * minuteMs;
    expect((await tick(online(), { offMs })).asked).toEqual(["a"]);
    await lab.wait(hourMs - 5 * minuteMs);
    expect((await tick(online(), { offMs })).asked).toEqual([]);
    await lab.wait(5 * minuteMs);
    expect((await tick(online(), { offMs })).asked).toEqual(["a"]);
  });
});

describe("what is reported of a host", () => {
  const rotatedAt = (begun: number) => begun - hourMs;
  test.each<[string, number | undefined, Partial<Journal>, boolean]>([
    ["never registered", undefined, {}, false],
    ["registered before its key was made", -2000, {}, false],
    ["registered with its key before the commit", -500, {}, true],
    ["registered before the commit of a journal that was rebuilt", -500, { slots: {} }, false],
    ["registered after the commit of a journal that was rebuilt", 500, { slots: {} }, true],
  ])("it %s → sinceRotation $3", async (_, afterMs, changes, sinceRotation) => {
    const { tick, begun } = await start([[a, hourMs]], changes);
    const registeredAt = afterMs === undefined ? undefined : rotatedAt(begun) + afterMs;
    const { seen } = await tick(online(registeredAt));
    expect(seen).toMatchObject([
      {
        status: "Online",
        registeredAt: registeredAt === undefined ? undefined : new Date(registeredAt),
        sinceRotation,
        message: undefined,
        nextAction: sinceRotation ? undefined : expect.stringContaining("a in https://"),
      },
    ]);
  });

  test("its first read fails → unknown, and read again in an hour", async () => {
    const { tick, lab } = await start([[a, hourMs]]);
    expect((await tick(failed)).seen).toMatchObject([
      { status: "unknown", message: "Resource Manager answered 500.", nextAction: undefined },
    ]);
    expect((await tick()).asked).toEqual([]);
    await lab.wait(hourMs);
    expect((await tick()).asked).toEqual(["a"]);
  });

  test("a later read fails → unknown in the log, and the last known status stays", async () => {
    const { tick, lab } = await start([[a, hourMs]]);
    await tick(online(1));
    await lab.wait(hourMs);
    expect((await tick(failed)).seen).toMatchObject([
      { status: "unknown", registeredAt: undefined, sinceRotation: undefined },
    ]);
    expect(await hostIn(lab)).toMatchObject({ seen: { status: "Online", registeredAt: 1 } });
  });

  test("another runner writes the journal meanwhile → its journal stays, and nothing is reported", async () => {
    const { tick, lab } = await start([[a, hourMs]]);
    const verification = { at: 1, suspect: false };
    const during = () => lab.editJournal(a, (journal) => ({ ...journal, verification }));
    expect((await tick(online(), { during })).seen).toEqual([]);
    expect(await hostIn(lab)).toBeNull();
  });

  test("the journal names another secret than the configuration → the event names the journal's", async () => {
    const { tick } = await start([[a, hourMs]]);
    const { seen } = await tick(online(), {
      configured: [{ ...a, secret: { ...a.secret, secretName: "moved" } }],
    });
    const nextAction = expect.stringContaining(`${a.secret.secretName} in https://`);
    expect(seen).toMatchObject([{ gateway: { secret: a.secret }, nextAction }]);
  });

  test("the service's status is a long text → sixty characters of it are kept", async () => {
    const { tick } = await start([[a, hourMs]]);
    const { seen } = await tick({ kind: "read", host: { status: "x".repeat(500), registeredAt: undefined } });
    expect(seen[0]?.status).toBe("x".repeat(60));
  });
});
