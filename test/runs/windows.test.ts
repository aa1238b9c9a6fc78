import { describe, expect, test } from "vitest";
import { createCron, nextTickOf } from "../../src/config/schedule.ts";
import { weekdays } from "../../src/domain/rotationWindow.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { readGatewayStates } from "../../src/runs/gatewayStates.ts";
import { startProcesses } from "../rotation/oneProcess.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";

const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

describe("hourly ticks in simulated time", () => {
  /** Ticks every hour, and returns when the gateway was rotated. */
  async function ticks(of: Gateway, from: string, to: string, isLate = false): Promise<readonly string[]> {
    const processes = startProcesses(of);
    const rotated: string[] = [];
    for (const cron = createCron("0 0 * * * *"); ; ) {
      const now = processes.clock.now();
      const tick = cron.nextRun(new Date(Math.max(now, Date.parse(from) - 1)));
      if (tick === null || tick.getTime() > Date.parse(to)) return rotated;
      await processes.wait(tick.getTime() - now);
      const { outcome } = await processes.rotate({ id: tick.toISOString(), isLate });
      if (outcome.kind === "rotated") rotated.push(tick.toISOString());
      else
        expect(outcome).toMatchObject({ kind: "skipped", reason: isLate ? "late-tick" : "outside-window" });
    }
  }

  const office = { from: "09:00", to: "10:00", timeZone: "Europe/Berlin" } as const;

  test("summer time begins → rotated at nine in Berlin each day, an hour earlier by UTC, as predicted", async () => {
    const of = gateway(undefined, { window: office });
    const rotated = await ticks(of, "2027-03-27T00:00:00Z", "2027-03-29T12:00:00Z");
    expect(rotated).toEqual([
      "2027-03-27T08:00:00.000Z",
      "2027-03-28T07:00:00.000Z",
      "2027-03-29T07:00:00.000Z",
    ]);
    const from = ["2027-03-27T00:00:00Z", ...rotated];
    const predicted = from.map((time) =>
      nextTickOf("0 0 * * * *")(of, undefined, Date.parse(time))?.toISOString(),
    );
    expect(predicted.slice(0, -1)).toEqual(rotated);
  });

  test("winter time begins → rotated at nine in Berlin each day, an hour later by UTC", async () => {
    const of = runtime(undefined, { window: office });
    expect(await ticks(of, "2027-10-30T00:00:00Z", "2027-10-31T12:00:00Z")).toEqual([
      "2027-10-30T07:00:00.000Z",
      "2027-10-31T08:00:00.000Z",
    ]);
  });

  test("a window over midnight, on the night of the change → rotated with every tick in it, once an hour", async () => {
    const of = runtime(undefined, {
      window: { days: ["Sat"], from: "23:00", to: "04:00", timeZone: "Europe/Berlin" },
    });
    expect(await ticks(of, "2027-03-27T12:00:00Z", "2027-03-28T12:00:00Z")).toEqual([
      "2027-03-27T22:00:00.000Z",
      "2027-03-27T23:00:00.000Z",
      "2027-03-28T00:00:00.000Z",
      "2027-03-28T01:00:00.000Z",
    ]);
  });

  test("late ticks → a one-key gateway is not rotated, a two-key gateway is", async () => {
    const [from, to] = ["2027-03-27T00:00:00Z", "2027-03-27T01:00:00Z"];
    expect(await ticks(gateway(), from, to, true)).toEqual([]);
    expect(await ticks(runtime(), from, to, true)).toHaveLength(2);
  });
});

describe("runs", () => {
  useLab();

  /** A window of one day, which is so many days from now. */
  const dayFromNow = (days: number) => {
    const name = weekdays[(new Date(lab.now()).getUTCDay() + 6 + days) % 7];
    return { days: name === undefined ? [] : [name] };
  };
  const reasonOf = async (id: string) => {
    const { gateways } = await lab.readStored(id);
    return gateways.map(({ name, outcome }) => [
      name,
      outcome?.kind === "skipped" ? outcome.reason : outcome?.kind,
    ]);
  };

  test("a late tick → its run reports the one-key gateway as skipped, and resume does not rotate it", async () => {
    const gateways = [gateway(lab.azure.contoso), runtime(lab.azure.contoso)];
    const run = { id: "timer-late", trigger: "schedule", isLate: true } as const;
    expect(await lab.rotate(gateways, run)).toMatchObject({ rotated: 1, skipped: 1 });
    const expected = [
      ["gatewaytest", "late-tick"],
      ["warehouse", "rotated"],
    ];
    expect(await reasonOf("timer-late")).toEqual(expected);
    await lab.ticks(2);
    expect(await reasonOf("timer-late")).toEqual(expected);
    expect(lab.events).toContainEqual(
      expect.objectContaining({
        name: "GatewayKeyRotationDecided",
        decision: "skip",
        decisionReason: "late-tick",
      }),
    );
    expect(lab.openRuns()).toBe(0);
  });

  test("a late tick runs out of time → resume skips the one-key gateway, too", async () => {
    const run = { id: "timer-late", trigger: "schedule", isLate: true } as const;
    const outOfTime = { deadline: lab.now() };
    expect(await lab.rotate([gateway(lab.azure.contoso)], run, {}, outOfTime)).toMatchObject({ pending: 1 });
    await lab.ticks(1);
    expect(await reasonOf("timer-late")).toEqual([["gatewaytest", "late-tick"]]);
  });

  test("a run is resumed after its gateway's window has closed → skipped, though the run began inside", async () => {
    const of = gateway(lab.azure.contoso, { window: dayFromNow(0) });
    const run = { id: "timer-long", trigger: "schedule" } as const;
    const outOfTime = { deadline: lab.now() };
    expect(await lab.rotate([of], run, {}, outOfTime)).toMatchObject({ pending: 1 });
    lab.advance(dayMs);
    await lab.resume();
    expect(await reasonOf("timer-long")).toEqual([["gatewaytest", "outside-window"]]);
  });

  test("a rotation is cut off, and its window closes → resume finishes it", async () => {
    const of = gateway(lab.azure.contoso, { window: dayFromNow(0) });
    lab.inject(
      "resourceManager",
      { kind: "drop", effect: "applied" },
      ({ url }) => /regeneratekey/i.test(url),
      1000,
    );
    await lab.rotate([of], { id: "timer-cut", trigger: "schedule" });
    lab.azure.simulator.clearFaults();
    expect((await lab.journalOf(of)).intent).not.toBeNull();
    lab.advance(dayMs);
    await lab.resume();
    expect(await reasonOf("timer-cut")).toEqual([["gatewaytest", "rotated"]]);
    expect(lab.works(of)).toBe(true);
  });

  test("due outside its window → overdue only once a tick has passed inside", async () => {
    const monthly = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    await lab.rotate([monthly]);
    lab.advance(30 * dayMs + 5 * hourMs);
    const stateOf = async (of: Gateway) => {
      const { storage } = lab.invocation();
      const read = await readGatewayStates(storage, [of], nextTickOf("0 0 * * * *"));
      return read.kind === "read" ? read.states.map(({ state }) => state) : read.kind;
    };
    const waiting = { ...monthly, window: dayFromNow(2) };
    expect(await stateOf(monthly)).toEqual(["overdue"]);
    expect(await stateOf(waiting)).toEqual(["rotated"]);
    lab.advance(3 * dayMs);
    expect(await stateOf(waiting)).toEqual(["overdue"]);
  });
});
