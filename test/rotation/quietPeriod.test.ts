import { describe, expect, test } from "vitest";
import { lastEffectMs } from "../simulation/engine/engineRunners.ts";
import { runtime } from "../support/gateways.ts";
import { minuteMs, startRotated } from "./oneProcess.ts";

type Processes = Awaited<ReturnType<typeof startRotated>>;

describe("a two-key gateway whose slots were both regenerated within the quiet period", () => {
  const rotatedTwice = async () => {
    const processes = await startRotated(runtime());
    await processes.wait(minuteMs);
    await processes.rotate({ id: "second" });
    await processes.wait(minuteMs);
    return processes;
  };
  const quietPeriodMs = lastEffectMs + 1000;

  test("another rotation → waits until no late write of the older key can take effect", async () => {
    const processes = await rotatedTwice();
    const older = processes.journal().slots.authKey2?.at ?? 0;
    const before = processes.regenerated();
    const { outcome } = await processes.rotate({ id: "third" });
    expect(outcome).toMatchObject({ kind: "pending", reason: "waiting", until: older + quietPeriodMs });
    expect(outcome.key?.works).toBe(true);
    await processes.wait(older + quietPeriodMs - 1 - processes.clock.now());
    expect((await processes.rotate({ id: "third" })).outcome).toMatchObject({ reason: "waiting" });
    expect(processes.regenerated()).toBe(before);
    await processes.wait(1);
    expect((await processes.rotate({ id: "third" })).outcome).toMatchObject({ kind: "rotated" });
    expect(processes.journal().commit?.slot).toBe("authKey2");
  });

  test("mode compromised → rotates at once", async () => {
    const processes = await rotatedTwice();
    const { outcome } = await processes.rotate({ id: "third", mode: "compromised" });
    expect(outcome.kind).toBe("rotated");
  });

  test.each<[string, (processes: Processes) => void]>([
    ["its secret was purged", (processes) => processes.purgeSecrets()],
    ["the published value is no key of the service", (processes) => processes.publish("written outside")],
  ])("%s → rotates at once, since consumers have no key", async (_, loseKey) => {
    const processes = await rotatedTwice();
    loseKey(processes);
    expect((await processes.rotate({ id: "third" })).outcome.kind).toBe("rotated");
  });
});
