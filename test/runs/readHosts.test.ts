import { beforeEach, describe, expect, test } from "vitest";
import type { TargetInspector } from "../../src/domain/inspection.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { gatewaysResponse } from "../../src/http/responses.ts";
import { readGatewayStates } from "../../src/runs/gatewayStates.ts";
import { readHosts } from "../../src/runs/readHosts.ts";
import { gateway } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";

const hour = 60 * minuteMs;

useLab();
/** Each test begins later than what the hosts did in the one before. */
let begin = 0;
beforeEach(() => {
  begin += 10 * 24 * hour;
  lab.advance(begin);
  lab.azure.simulator.setTime(lab.now());
});

/** A tick of resumeRotations; Resource Manager's clock shows the lab's time. */
async function tick(
  configured: readonly Gateway[],
  inspector: Pick<TargetInspector, "host"> = lab.azure.keys,
) {
  lab.azure.simulator.setTime(lab.now());
  const { journals } = await lab.resume();
  if (journals.kind !== "read") throw new Error(journals.kind);
  const { services, storage, terms } = lab.invocation();
  await readHosts({ ...services, inspector }, storage, terms, configured, journals);
}

/** Ticks of five minutes. */
async function ticksFor(ms: number, configured: readonly Gateway[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * minuteMs) {
    lab.advance(5 * minuteMs);
    await tick(configured);
  }
}

async function rotate(gateways: readonly Gateway[]): Promise<void> {
  lab.azure.simulator.setTime(lab.now());
  const result = await lab.rotate(gateways);
  if (result.rotated !== gateways.length) throw new Error(JSON.stringify(result));
}

const seen = () => lab.events.flatMap((event) => (event.name === "GatewayHostSeen" ? [event] : []));

const register = (of: Gateway) => {
  lab.azure.simulator.setTime(lab.now());
  return lab.azure.simulator.registerHost(of.target.resourceId, lab.latestOf(of)?.value ?? "");
};

async function shown(of: Gateway) {
  const read = await readGatewayStates(lab.invocation().storage, [of], () => undefined);
  if (read.kind !== "read") throw new Error(read.kind);
  return JSON.parse(gatewaysResponse(read.states).body).gateways[0];
}

describe("the host of a version 1 gateway", () => {
  test("does not register → reported hourly from the verification on, for two days, and shown", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    const rotatedAt = lab.now();
    expect(await shown(of)).toMatchObject({ host: null, nextAction: null });
    const before = lab.regenerates();

    await ticksFor(30 * minuteMs, [of]);
    expect(seen()).toEqual([]);
    await ticksFor(5 * minuteMs, [of]);
    expect(seen()).toMatchObject([
      { status: "NeedRegistration", sinceRotation: false, message: undefined, gateway: of },
    ]);
    expect(seen()[0]?.nextAction).toMatch(
      /^Give the new key to the gateway's host: .*adf-gatewaytest-key in /,
    );
    await ticksFor(3 * hour, [of]);
    expect(seen()).toHaveLength(4);
    await ticksFor(60 * hour, [of]);
    expect(seen()).toHaveLength(48);
    expect(lab.now() - rotatedAt).toBeGreaterThan(60 * hour);

    const answer = await shown(of);
    expect(answer).toMatchObject({
      state: "rotated",
      keyWorks: true,
      nextAction: seen()[0]?.nextAction,
      host: { status: "NeedRegistration", sinceRotation: false },
    });
    expect(Date.parse(answer.host.registeredAt)).toBeLessThan(rotatedAt);
    expect(lab.regenerates()).toBe(before);
    expect(lab.openRuns()).toBe(0);
  });

  test("registers hours later → reported once more, then quiet until the next rotation", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    await ticksFor(3 * hour, [of]);
    register(of);
    await ticksFor(6 * hour, [of]);
    expect(seen().map(({ sinceRotation }) => sinceRotation)).toEqual([false, false, false, true]);
    await rotate([of]);
    expect(await shown(of)).toMatchObject({ host: null });
    await ticksFor(hour, [of]);
    expect(seen().map(({ sinceRotation }) => sinceRotation)).toEqual([false, false, false, true, false]);
  });
});
