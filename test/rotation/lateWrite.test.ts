import { describe, expect, test } from "vitest";
import { keyWorksUnread } from "../../src/journal/journalSummary.ts";
import { lastEffectMs } from "../simulation/engine/engineRunners.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime } from "../support/gateways.ts";
import {
  clockOff,
  type Deliver,
  forbidden,
  isJournalWrite,
  isStore,
  minuteMs,
  named,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

const second = 1000;

describe("a two-key gateway whose slots were both regenerated shortly before", () => {
  /** The first runner cannot commit its rotation, so the second one adopts its version. */
  async function rotatedTwice() {
    const processes = startProcesses(runtime());
    let isStored = false;
    const unconfirmed: Deliver = (call) => {
      isStored ||= isStore(call);
      return isStored && isJournalWrite(call) ? forbidden : undefined;
    };
    const deadline = processes.clock.now() + 6 * minuteMs;
    await processes.rotate({ id: "first" }, unconfirmed, { terms: { deadline } });
    await processes.wait(2 * minuteMs);
    const adoptedAt = processes.clock.now();
    await processes.rotate({ id: "second" });
    await processes.rotate({ id: "second" });
    await processes.wait(minuteMs);
    return { processes, quietAt: adoptedAt + lastEffectMs };
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
