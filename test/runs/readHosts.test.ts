import { beforeEach, describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { TargetInspector } from "../../src/domain/inspection.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { gatewaysResponse } from "../../src/http/responses.ts";
import { journalName } from "../../src/journal/journal.ts";
import { readGatewayStates } from "../../src/runs/gatewayStates.ts";
import { readHosts } from "../../src/runs/readHosts.ts";
import { gateway } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { refusal, withoutEffect } from "../support/requests.ts";

const hour = 60 * minuteMs;

useLab();
/** Each test begins later than what the hosts did in the one before. */
let begin = 0;
beforeEach(() => {
  begin += 10 * 24 * hour;
  lab.advance(begin);
  lab.azure.simulator.setTime(lab.now());
});

const isStatus = ({ method, url }: RecordedRequest) => method === "GET" && /\/gateways\/[^/]+\?/.test(url);
const statusReads = () => lab.azure.simulator.requests.filter(isStatus).length;

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

  test("registers before the verification → one event, then none", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    lab.advance(10 * minuteMs);
    expect(register(of)).toBe(true);
    const reads = statusReads();
    await ticksFor(50 * hour, [of]);
    expect(seen()).toMatchObject([{ status: "Online", sinceRotation: true, nextAction: undefined }]);
    expect(statusReads() - reads).toBe(1);
    expect(await shown(of)).toMatchObject({
      host: { status: "Online", sinceRotation: true },
      nextAction: null,
    });
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

  test.each([
    ["403", refusal(403)],
    ["no status in the answer", withoutEffect(200, { body: '{"properties":{}}' })],
  ])("its status cannot be read (%s) → unknown in the log, and nothing else", async (_, fault) => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    await ticksFor(hour, [of]);
    const [known] = seen();
    const before = await shown(of);
    lab.inject("resourceManager", fault, isStatus, Number.POSITIVE_INFINITY);
    await ticksFor(2 * hour, [of]);
    expect(seen()).toEqual([
      known,
      ...Array.from({ length: 2 }, () =>
        expect.objectContaining({
          status: "unknown",
          registeredAt: undefined,
          sinceRotation: undefined,
          message: expect.stringContaining("Resource Manager"),
        }),
      ),
    ]);
    expect(await shown(of)).toEqual(before);
    expect(lab.events.filter(({ name }) => name === "GatewayKeyRotationFailed")).toEqual([]);
  });

  test("another runner writes the journal meanwhile → its journal stays, and nothing is reported", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    lab.advance(40 * minuteMs);
    await lab.resume();
    await tick([of], {
      async host(target) {
        await lab.editJournal(of, (journal) => ({ ...journal, verification: { at: 1, suspect: false } }));
        return lab.azure.keys.host(target);
      },
    });
    expect(seen()).toEqual([]);
    expect(await lab.journalOf(of)).toMatchObject({ verification: { at: 1 }, host: null });
  });

  test("two processes have the same list → one of them reads the host", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    lab.advance(40 * minuteMs);
    const { journals } = await lab.resume();
    if (journals.kind !== "read") throw new Error(journals.kind);
    const { services, storage, terms } = lab.invocation();
    const reads = statusReads();
    for (let process = 0; process < 2; process += 1)
      await readHosts({ ...services, inspector: lab.azure.keys }, storage, terms, [of], journals);
    expect(statusReads() - reads).toBe(1);
  });

  test("the host is recorded just before a rotation claims the gateway → the rotation reads again", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    lab.advance(40 * minuteMs);
    await lab.resume();
    let reads = 0;
    const blobs: BlobStore = {
      ...lab.blobs,
      async read(name) {
        const found = await lab.blobs.read(name);
        if (name === journalName(of) && ++reads === 1) await tick([of]);
        return found;
      },
    };
    const before = lab.regenerates();
    expect(await lab.rotate([of], {}, { blobs })).toMatchObject({ pending: 0, rotated: 1, failed: [] });
    expect(seen()).toHaveLength(1);
    expect(lab.regenerates()).toBe(before + 1);
    expect(lab.works(of)).toBe(true);
  });

  test("the journal names another secret than the configuration → the event names the journal's", async () => {
    const of = gateway(lab.azure.contoso);
    await rotate([of]);
    lab.advance(40 * minuteMs);
    await tick([{ ...of, secret: { ...of.secret, secretName: "moved" } }]);
    const nextAction = expect.stringContaining(of.secret.secretName);
    expect(seen()).toMatchObject([{ gateway: { secret: of.secret }, nextAction }]);
  });
});
