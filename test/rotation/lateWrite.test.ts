import { describe, expect, test } from "vitest";
import { keyWorksUnread } from "../../src/journal/journalSummary.ts";
import { lastEffectMs } from "../simulation/engine/engineRunners.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  afterStore,
  answering,
  callTimeoutMs,
  clockOff,
  type Deliver,
  forbidden,
  isJournalWrite,
  isRegenerate,
  isStore,
  minuteMs,
  named,
  replaced,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const second = 1000;

describe("a two-key gateway whose slots were both regenerated shortly before", () => {
  /** The first runner cannot commit its rotation, so the second one adopts its version. */
  async function rotatedTwice() {
    const processes = startProcesses(runtime());
    const startedAt = processes.clock.now();
    const unconfirmed = afterStore(isJournalWrite, forbidden);
    const deadline = processes.clock.now() + 6 * minuteMs;
    await processes.rotate({ id: "first" }, unconfirmed, { terms: { deadline } });
    await processes.wait(2 * minuteMs);
    await processes.rotate({ id: "second" });
    await processes.rotate({ id: "second" });
    await processes.wait(minuteMs);
    return { processes, quietAt: startedAt + lastEffectMs };
  }
  const shows = (processes: ReturnType<typeof startProcesses>) =>
    keyWorksUnread(runtime(), processes.journal());

  test("another rotation → waits until no late write of the adopted key can take effect", async () => {
    const { processes, quietAt } = await rotatedTwice();
    expect(processes.journal().commit?.slot).toBe("authKey1");
    const before = processes.regenerated();
    const { outcome, events } = await processes.rotate({ id: "third" });
    expect(outcome).toMatchObject({ kind: "pending", reason: "waiting", key: { works: true } });
    expect(named(events, "GatewayKeyRotationDecided")).toMatchObject([{ decisionReason: "waiting" }]);
    await processes.wait(quietAt - 1 - processes.clock.now());
    expect((await processes.rotate({ id: "third" })).outcome).toMatchObject({ reason: "waiting" });
    expect(processes.regenerated()).toBe(before);
    await processes.wait(3 * second);
    expect((await processes.rotate({ id: "third" })).outcome.kind).toBe("rotated");
    expect(processes.journal().commit?.slot).toBe("authKey2");
    expect(shows(processes)).toBe(true);
  });

  test("a clock that is ten minutes fast → waits as long", async () => {
    const { processes, quietAt } = await rotatedTwice();
    await processes.wait(quietAt - 5 * minuteMs - processes.clock.now());
    const { outcome } = await processes.rotate({ id: "third" }, undefined, { alter: clockOff(10) });
    expect(outcome).toMatchObject({ reason: "waiting" });
  });

  test("an operator wrote the published key again → waits, and does not touch it", async () => {
    const { processes } = await rotatedTwice();
    processes.publish(liveKeys(processes.holder.world, runtime().target)["authKey1"] ?? "");
    expect((await processes.rotate({ id: "third" })).outcome).toMatchObject({ reason: "waiting" });
    expect(processes.works()).toBe(true);
  });

  test("mode compromised → rotates at once, and shows the key as unknown until its verification", async () => {
    const { processes } = await rotatedTwice();
    expect((await processes.rotate({ id: "third", mode: "compromised" })).outcome.kind).toBe("rotated");
    expect(shows(processes)).toBe("unknown");
  });

  test("its secret was purged → rotates at once, since consumers have no key", async () => {
    const { processes } = await rotatedTwice();
    processes.purgeSecrets();
    expect((await processes.rotate({ id: "third" })).outcome.kind).toBe("rotated");
    expect(shows(processes)).toBe("unknown");
  });

  test("the published value is no key of the service → rotates at once", async () => {
    const { processes } = await rotatedTwice();
    processes.publish("written outside");
    expect((await processes.rotate({ id: "third" })).outcome.kind).toBe("rotated");
  });
});

describe.each([gateway(), runtime()])(
  "$target.kind: the claim's answer takes 29 s, so the time of storage is uncertain",
  (of) => {
    test("the first store lands after two more requests → no dead key, or a doubt", async () => {
      const processes = await startRotated(of);
      await processes.wait(60 * minuteMs);
      const slow = replaced("blobs", "write", (write, clock) => async (...call) => {
        const done = await write(...call);
        if (call[1].includes('"known":"open"')) await clock.sleep(29 * second);
        return done;
      });
      let sentAt: number | undefined;
      const late: (() => void)[] = [];
      await processes.rotate(
        { id: "second" },
        (call) => {
          if (!isStore(call) || sentAt !== undefined) return undefined;
          sentAt = processes.clock.now();
          return { kind: "late", release: (effect) => void late.push(effect) };
        },
        { alter: slow },
      );
      for (const id of ["third", "fourth"]) {
        await processes.wait(4 * second);
        await processes.rotate({ id });
      }
      expect(processes.clock.now() - (sentAt ?? 0)).toBeLessThan(callTimeoutMs);
      for (const effect of late) effect();
      const isTwoKeys = of.target.kind === "integrationRuntime";
      expect(processes.works()).toBe(isTwoKeys);
      expect(keyWorksUnread(of, processes.journal())).toBe(isTwoKeys ? true : "unknown");
    });
  },
);

describe("mode compromised, two keys: what the list shows at each regenerate", () => {
  const of = runtime();
  async function shownBy(processes: ReturnType<typeof startProcesses>, deliver?: Deliver) {
    const shown: unknown[] = [];
    await processes.rotate({ id: "leak", mode: "compromised" }, (call, afterMs) => {
      if (isRegenerate(call)) shown.push(keyWorksUnread(of, processes.journal()));
      return deliver?.(call, afterMs);
    });
    return shown;
  }

  test("no other rotation shortly before → true", async () => {
    const processes = await startRotated(of);
    await processes.wait(minuteMs);
    expect(await shownBy(processes)).toEqual([true, true]);
  });

  test("a rotation 10 s before → true, then unknown where that rotation's key is replaced", async () => {
    const processes = await startRotated(of);
    await processes.wait(10 * second);
    expect(await shownBy(processes)).toEqual([true, "unknown"]);
  });

  test("another run's attempt is taken over → unknown", async () => {
    const processes = await startRotated(of);
    await processes.wait(60 * minuteMs);
    await processes.rotate({ id: "b" }, answering(isRegenerate, "lostAfter"));
    await processes.wait(minuteMs);
    expect(new Set(await shownBy(processes))).toEqual(new Set(["unknown"]));
  });
});

test.each([gateway(), runtime()])(
  "$target.kind: three rotations, each committed by its own runner → no wait, and the key works",
  async (of) => {
    const processes = await startRotated(of);
    for (const id of ["second", "third"]) {
      await processes.wait(minuteMs);
      expect((await processes.rotate({ id })).outcome.kind).toBe("rotated");
      expect(keyWorksUnread(of, processes.journal())).toBe(true);
    }
  },
);
