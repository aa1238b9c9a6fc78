import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Fault, RecordedRequest, SimulatedService } from "../../local/simulator/types.ts";
import type { RotationEvent, Run } from "../../src/domain/events.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { driveRun } from "../../src/rotation/driveRun.ts";
import { journalName } from "../../src/rotation/journal.ts";
import { readBacklog, resumeRuns } from "../../src/rotation/resume.ts";
import { createRun } from "../../src/rotation/runs.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/blobs.ts";
import { callTimeoutMs, startAzure, type TestAzure } from "../support/azure.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";

let azure: TestAzure;
let blobs: SimulatedBlobs;
/** By how much the clock runs ahead. */
let aheadMs = 0;
const events: RotationEvent[] = [];

beforeAll(async () => {
  azure = await startAzure();
});
afterAll(() => azure.simulator.stop());
beforeEach(() => {
  azure.simulator.clearFaults();
  azure.simulator.secrets("contoso-keys").clear();
  aheadMs = 0;
  events.length = 0;
  blobs = createSimulatedBlobs({ clock: now });
});

const now = () => Date.now() + aheadMs;
const minuteMs = 60_000;
const functionTimeoutMs = 30 * minuteMs;

function invocation() {
  const clock = {
    now,
    async sleep(ms: number) {
      aheadMs += ms;
    },
  };
  const deadline = now() + functionTimeoutMs - 4 * callTimeoutMs;
  return {
    services: {
      keys: azure.keys,
      secrets: azure.secrets,
      blobs,
      clock,
      events: { emit: (event: RotationEvent) => events.push(event) },
      newGuid: () => crypto.randomUUID(),
    },
    storage: { blobs, clock, lastStart: deadline, callTimeoutMs },
    terms: { deploymentName: "prod", functionTimeoutMs, deadline, callTimeoutMs, concurrency: 2 },
  };
}

async function rotate(gateways: readonly Gateway[], terms: Partial<Run> = {}) {
  const { services, storage, terms: invoked } = invocation();
  const run: Run = {
    id: `http-${crypto.randomUUID()}`,
    trigger: "http",
    reason: "leaked",
    requestedBy: "function-key",
    mode: "standard",
    takeOwnership: false,
    ...terms,
  };
  const created = await createRun(storage, run, gateways);
  if (created.kind !== "held") throw new Error(created.kind);
  const driven = await driveRun(services, storage, created.run, invoked);
  if (driven.kind !== "driven") throw new Error(driven.problem.message);
  return driven.result;
}

async function resume() {
  const { services, storage, terms } = invocation();
  return resumeRuns(services, storage, terms);
}

const openRuns = () => blobs.snapshot().blobs.filter(({ name }) => name.startsWith("open/")).length;
const isRegenerate = ({ url }: RecordedRequest) => /regenerate(auth)?key\?/i.test(url);
const regenerates = () => azure.simulator.requests.filter(isRegenerate).length;
const inject = (
  service: SimulatedService,
  fault: Fault,
  matches: (request: RecordedRequest) => boolean,
  times = 1,
) => azure.simulator.inject({ service, fault, matches, times });
const isPut = ({ method, headers }: RecordedRequest) =>
  method === "PUT" && headers["authorization"] !== undefined;
const latestOf = (of: Gateway) =>
  azure.simulator.secrets("contoso-keys").get(of.secret.secretName.toLowerCase())?.versions.at(-1);
const works = (of: Gateway) => azure.simulator.accepts(of.target.resourceId, latestOf(of)?.value ?? "");

describe("a run, from its creation to its end", () => {
  test("without a fault → open until the check that is owed is done, and then it ends", async () => {
    const of = gateway(azure.contoso);
    expect(await rotate([of])).toMatchObject({ rotated: 1 });
    expect(openRuns()).toBe(1);
    aheadMs += 10 * minuteMs;
    const before = regenerates();
    await resume();
    expect(openRuns()).toBe(1);
    aheadMs += 30 * minuteMs;
    await resume();
    expect(openRuns()).toBe(0);
    expect(regenerates()).toBe(before);
    expect(works(of)).toBe(true);
  });

  test("an idle tick → one list of the open runs, and nothing else", async () => {
    const before = azure.simulator.requests.length;
    expect(await resume()).toEqual({
      result: { rotated: 0, skipped: 0, unsettled: 0, failed: [] },
      problems: [],
    });
    expect(azure.simulator.requests.length).toBe(before);
  });

  test("a stale writer's version is the latest when the check comes → rotated again", async () => {
    const of = gateway(azure.contoso);
    await rotate([of]);
    await azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    aheadMs += 31 * minuteMs;
    expect((await resume()).result.rotated).toBe(1);
    expect(works(of)).toBe(true);
  });

  test("mode compromised → both keys of a two-key target are dead at the end, and the published one works", async () => {
    const of = runtime(azure.contoso);
    await rotate([of]);
    const leaked = Object.values(azure.simulator.keys(of.target.resourceId));
    expect(await rotate([of], { mode: "compromised" })).toMatchObject({ rotated: 1 });
    expect(leaked.map((key) => azure.simulator.accepts(of.target.resourceId, key))).toEqual([false, false]);
    expect(works(of)).toBe(true);
    expect(events.filter(({ name }) => name === "GatewayKeyRotated")).toHaveLength(3);
  });

  test("another deployment's secret → refused, and taken over where somebody said so", async () => {
    const of = gateway(azure.contoso);
    const tags = { "managed-by": "gateway-key-rotation/other" };
    await azure.secrets.write(of.secret, { key: (await listed()).authKey1, contentType: "text/plain", tags });
    expect((await rotate([of])).failed).toMatchObject([{ code: "other-deployment", effect: "unchanged" }]);
    expect(await rotate([of], { takeOwnership: true })).toMatchObject({ rotated: 1 });
    expect(latestOf(of)?.tags["managed-by"]).toBe("gateway-key-rotation/prod");
  });
});

async function listed() {
  const of = runtime(azure.contoso);
  if (of.target.kind !== "integrationRuntime") throw new Error("not a runtime");
  const keys = await azure.keys.listKeys(of.target);
  if (keys.kind !== "listed") throw new Error(keys.kind);
  return keys.keys;
}

describe("where a key could not be kept, none is regenerated: not in the run, and not in ten ticks of resume", () => {
  async function expectUntouched(of: Gateway, code: string) {
    const before = regenerates();
    const failed = [...(await rotate([of])).failed];
    for (let tick = 0; tick < 10; tick += 1) {
      aheadMs += 61 * minuteMs;
      failed.push(...(await resume()).result.failed);
    }
    expect(regenerates()).toBe(before);
    expect(failed.length).toBeGreaterThan(0);
    for (const failure of failed) expect(failure).toMatchObject({ code, effect: "unchanged" });
  }

  test("the vault is down", async () => {
    inject("keyVault", { kind: "answer", status: 503, effect: "none" }, () => true, Infinity);
    await expectUntouched(gateway(azure.contoso), "vault-server-error");
  });

  test("the vault does not let us set", async () => {
    inject("keyVault", { kind: "answer", status: 403, effect: "none" }, isPut, Infinity);
    await expectUntouched(gateway(azure.contoso), "vault-takes-no-writes");
  });

  test("the secret's name is soft-deleted", async () => {
    const of = gateway(azure.contoso);
    await azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    const secret = azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret.deleted = true;
    await expectUntouched(of, "secret-soft-deleted");
  });

  test("the secret's name belongs to a certificate", async () => {
    const of = gateway(azure.contoso);
    await azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    const secret = azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret.managed = true;
    await expectUntouched(of, "owned-by-certificate");
  });

  test("storage is down → no run is begun, and nothing is asked of anybody else", async () => {
    const down = {
      kind: "failed" as const,
      problem: { code: "unreachable", message: "Blob Storage is down.", transient: true },
    };
    blobs = {
      ...blobs,
      read: async () => down,
      write: async () => ({ kind: "refused", problem: down.problem }),
      list: async () => down,
    };
    const before = azure.simulator.requests.length;
    await expect(rotate([gateway(azure.contoso)])).rejects.toThrow("failed");
    for (let tick = 0; tick < 10; tick += 1)
      expect((await resume()).problems).toEqual([expect.stringContaining("Blob Storage is down.")]);
    expect(azure.simulator.requests.length).toBe(before);
  });

  test("the journal cannot be read → that gateway alone is left, the journal is not overwritten, and the others go on", async () => {
    const of = gateway(azure.contoso);
    await blobs.write(journalName(of), '{"schema":2}', { kind: "absent" });
    const result = await rotate([of, runtime(azure.contoso)]);
    expect(result.rotated).toBe(1);
    expect(result.failed).toMatchObject([{ code: "journal-unreadable", effect: "unchanged", final: true }]);
    const blob = blobs.snapshot().blobs.find(({ name }) => name === journalName(of));
    expect(blob?.text).toBe('{"schema":2}');
  });
});

describe("what stops one run", () => {
  test.each(["", "null", "{}"])(
    "a marker of %j that is nobody's → is removed, and the other runs go on",
    async (text) => {
      const of = gateway(azure.contoso);
      await rotate([of]);
      await blobs.write("open/0-foreign", text, { kind: "absent" });
      aheadMs += 31 * minuteMs;
      expect((await resume()).problems).toEqual([]);
      expect(openRuns()).toBe(0);
    },
  );

  test("a run's blob that cannot be understood → is told and left, and the other runs go on", async () => {
    await rotate([gateway(azure.contoso)]);
    await blobs.write("open/0-foreign", '{"createdAt":1}', { kind: "absent" });
    await blobs.write("runs/0-foreign.json", '{"schema":9}', { kind: "absent" });
    aheadMs += 31 * minuteMs;
    expect((await resume()).problems).toEqual([
      expect.stringContaining("runs/0-foreign.json is left as it is"),
    ]);
    expect(openRuns()).toBe(1);
  });

  test("the gateway was given another secret and rotated there → the older run leaves it alone, and both end", async () => {
    const old = gateway(azure.contoso);
    const moved = { ...old, secret: { ...old.secret, secretName: "moved" } };
    await rotate([old]);
    aheadMs += 5 * minuteMs;
    await rotate([moved]);
    const before = regenerates();
    for (let tick = 0; tick < 6; tick += 1) {
      aheadMs += 31 * minuteMs;
      await resume();
    }
    expect(regenerates()).toBe(before);
    expect(openRuns()).toBe(0);
    expect(works(moved)).toBe(true);
  });
});

describe("the heartbeat", () => {
  test("journals → how many gateways, overdue, unfinished, and the earliest expiry, from one list", async () => {
    const of = gateway(azure.contoso, { rotateEveryDays: 30, expireAfterDays: 90 });
    await rotate([of, runtime(azure.contoso)]);
    inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate, Infinity);
    aheadMs += 31 * 24 * 60 * minuteMs;
    await rotate([of]);
    const backlogOf = async (configured: readonly Gateway[] | undefined) => {
      const read = await readBacklog(invocation().storage, configured);
      if (read.kind !== "read") throw new Error(read.kind);
      return read.backlog;
    };
    const backlog = await backlogOf([of, runtime(azure.contoso)]);
    expect(backlog).toMatchObject({ gateways: 2, overdue: 1, unfinished: 1 });
    expect(await backlogOf(undefined)).toEqual(backlog);
    // One that was taken out is looked after as long as it is unfinished, and one that was never rotated is overdue.
    const other = gateway(azure.contoso, { name: "other", target: anotherTarget("other") });
    expect(await backlogOf([runtime(azure.contoso), other])).toEqual({
      gateways: 2,
      overdue: 1,
      unfinished: 1,
      earliestExpiry: undefined,
    });
    const expiry = (backlog.earliestExpiry?.getTime() ?? 0) - now();
    expect(expiry / (24 * 60 * minuteMs)).toBeCloseTo(59, 0);
  });
});
