import { describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type Intent, journalName } from "../../src/journal/journal.ts";
import { createJournals } from "../../src/journal/journals.ts";
import {
  callsOfRotation,
  type RotationServices,
  type RunTerms,
  storageTerms,
} from "../../src/rotation/context.ts";
import { createPreflight } from "../../src/rotation/preflight.ts";
import { rotateGateway } from "../../src/rotation/rotateGateway.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { functionTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import { createModelServices } from "../simulation/models/modelServices.ts";
import { createWorld } from "../simulation/models/world.ts";
import { claimedRun } from "../support/claimedRun.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { httpRun, lab, minuteMs, useLab } from "../support/lab.ts";
import { refusal } from "../support/requests.ts";
import {
  answering,
  callTimeoutMs,
  type Deliver,
  isRead as isReadCall,
  isRegenerate as isRegenerateCall,
  isStore,
  named,
  forbidden as refused,
  refusing,
  startProcesses,
  startRotated,
} from "./oneProcess.ts";

useLab();

const forbidden = refusal(403);
const isRead = ({ method, url }: RecordedRequest) => method === "GET" && url.startsWith("/secrets/");

/** Rotates the gateway, and leaves an intent with one attempt whose effect is this. */
async function leaveIntent(of: Gateway, known: Intent["attempts"][number]["known"]): Promise<void> {
  await lab.rotate([of]);
  await lab.editJournal(of, (journal) => ({
    ...journal,
    intent: {
      rotationId: "rotation",
      runId: "run",
      slot: "key",
      reason: "asked",
      attempts: [{ clientRequestId: "attempt", at: lab.now(), known }],
      claimedUntil: 0,
    },
  }));
}

describe("a failure while an intent is open", () => {
  const secretOf = (of: Gateway) =>
    lab.azure.simulator.secrets("contoso-keys").get(of.secret.secretName.toLowerCase());

  describe.each(["unknown", "unchanged"] as const)("whose attempt is %s → so is the failure", (effect) => {
    test("the vault refuses the read → not final", async () => {
      const of = gateway(lab.azure.contoso);
      await leaveIntent(of, effect);
      lab.inject("keyVault", forbidden, isRead, Infinity);
      expect((await lab.rotate([of])).failed).toMatchObject([
        { code: "vault-forbidden", effect, final: false },
      ]);
    });

    test("the secret belongs to a certificate now → not final", async () => {
      const of = gateway(lab.azure.contoso);
      await leaveIntent(of, effect);
      const secret = secretOf(of);
      if (secret !== undefined) secret.managed = true;
      const before = lab.regenerates();
      expect((await lab.rotate([of])).failed).toMatchObject([
        { code: "owned-by-certificate", effect, final: false },
      ]);
      expect(lab.regenerates()).toBe(before);
    });
  });

  test("no intent is open → the same failures are final", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.rotate([of]);
    lab.inject("keyVault", forbidden, isRead, Infinity);
    expect((await lab.rotate([of])).failed).toMatchObject([{ effect: "unchanged", final: true }]);
    lab.azure.simulator.clearFaults();
    const secret = secretOf(of);
    if (secret !== undefined) secret.managed = true;
    expect((await lab.rotate([of])).failed).toMatchObject([{ effect: "unchanged", final: true }]);
  });
});

test("another runner rotates for its own run after this one was created → this one has rotated nothing", async () => {
  const of = gateway(lab.azure.contoso);
  const { services, storage, terms } = lab.invocation();
  const run = httpRun();
  const claimed = await claimedRun(storage, run, [of]);
  lab.advance(minuteMs);
  await lab.rotate([of]);
  await driveRun(services, storage, claimed, terms);
  expect(await lab.gatewaysOf(run.id)).toMatchObject([
    { state: "done", sequence: 0, outcome: { kind: "skipped", reason: "satisfied" } },
  ]);
  expect(lab.named("GatewayKeyRotated")).toHaveLength(1);
});

test("storage accepts the log but not the commit → reported as pending, then committed silently", async () => {
  const of = gateway(lab.azure.contoso);
  const isCommit = (name: string, text: string) =>
    name === journalName(of) && JSON.parse(text).commit !== null;
  const problem = { code: "forbidden" as const, message: "403", transient: false };
  const blobs: BlobStore = {
    ...lab.blobs,
    write: async (name, text, ...rest) =>
      isCommit(name, text) ? { kind: "refused", problem } : lab.blobs.write(name, text, ...rest),
  };
  const run = httpRun();
  const before = lab.regenerates();
  expect(await lab.rotate([of], run, { blobs })).toMatchObject({ rotated: 1, failed: [] });
  const secretVersion = lab.latestOf(of)?.version;
  expect(lab.named("GatewayKeyRotated")).toMatchObject([{ isCommitted: false, secretVersion }]);
  expect(await lab.gatewaysOf(run.id)).toMatchObject([{ state: "unverified", outcome: { secretVersion } }]);
  lab.advance(5 * minuteMs);
  await lab.resume();
  expect(lab.named("GatewayKeyRotated")).toHaveLength(1);
  expect(await lab.journalOf(of)).toMatchObject({ intent: null, commit: { version: secretVersion } });
  await lab.ticks(2);
  expect(await lab.gatewaysOf(run.id)).toMatchObject([
    { state: "done", outcome: { kind: "rotated", secretVersion } },
  ]);
  expect(lab.openRuns()).toBe(0);
  expect(lab.regenerates()).toBe(before + 1);
});

describe("what this run has made of the gateway", () => {
  const refuseKey =
    (slot: string): Deliver =>
    (call) =>
      isRegenerateCall(call) && call.subject.endsWith(slot) ? refused : undefined;

  test("both keys, in mode compromised → the last rotation, and both versions", async () => {
    const processes = startProcesses(runtime());
    const { outcome, events } = await processes.rotate({ mode: "compromised" });
    expect(named(events, "GatewayKeyRotated").map(({ slot }) => slot)).toEqual(["authKey2", "authKey1"]);
    const versions = processes.versions().map(({ id }, i) => ({ sequence: i + 1, secretVersion: id }));
    expect(outcome).toMatchObject({
      kind: "rotated",
      sequence: 2,
      versions: expect.arrayContaining(versions),
    });
    expect(versions).toHaveLength(2);
  });

  test("a rotation in an earlier invocation → its version", async () => {
    const processes = await startRotated(gateway());
    const { outcome } = await processes.rotate();
    const versions = [{ sequence: 1, secretVersion: processes.versions()[0]?.id }];
    expect(outcome).toMatchObject({ kind: "skipped", reason: "satisfied", versions });
  });

  test("one of two keys, and the other is refused → the failure names the one that is stored", async () => {
    const processes = startProcesses(runtime());
    const { outcome, events } = await processes.rotate({ mode: "compromised" }, refuseKey("authKey1"));
    const { verification } = processes.journal();
    expect(outcome).toMatchObject({
      kind: "failed",
      committed: 1,
      versions: [{ sequence: 1 }],
      message: expect.stringContaining("this run regenerated authKey2 and stored it"),
      verifyAt: verification?.at,
    });
    expect(verification?.at).toBeGreaterThan(processes.clock.now());
    expect(named(events, "GatewayKeyRotated")).toMatchObject([{ slot: "authKey2", sequence: 1 }]);
    expect(named(events, "GatewayKeyRotationFailed")).toMatchObject([
      { code: "regenerate-forbidden", slot: "authKey1" },
    ]);
  });

  test("nothing, after another run's rotation → the failure names no key, and no version", async () => {
    const processes = await startRotated(runtime());
    const { outcome } = await processes.rotate({ id: "b" }, refuseKey("authKey1"));
    expect(outcome).toMatchObject({
      kind: "failed",
      committed: 1,
      versions: [],
      message: expect.not.stringContaining("this run regenerated"),
    });
  });
});

describe("a rotation that another runner left open", () => {
  const lostThenRefused = (): Deliver => {
    let sent = 0;
    return (call) => (isRegenerateCall(call) ? (++sent === 1 ? "lostAfter" : refused) : undefined);
  };

  test("an unknown effect, then a refusal, and the vault cannot be read → unknown", async () => {
    const processes = startProcesses(gateway());
    await processes.rotate({}, lostThenRefused());
    expect(processes.journal().intent?.attempts).toMatchObject([
      { known: "unknown" },
      { known: "unchanged" },
    ]);
    const { outcome } = await processes.rotate({}, refusing(isReadCall));
    expect(outcome).toMatchObject({ kind: "failed", code: "vault-forbidden", effect: "unknown" });
  });

  test("its next attempt makes a key that the vault refuses → applied: the only key is dead", async () => {
    const processes = startProcesses(gateway());
    await processes.rotate({}, lostThenRefused());
    const { outcome } = await processes.rotate({}, answering(isStore, refused));
    expect(outcome).toMatchObject({ kind: "failed", effect: "applied", key: { works: false } });
  });
});

test("a run that finishes another run's rotations → has to do their verification", async () => {
  const monthly = gateway(undefined, { rotateEveryDays: 30 });
  const processes = await startRotated(monthly);
  const verifyAt = processes.journal().verification?.at;
  expect(verifyAt).toBeDefined();
  const { outcome } = await processes.rotate({ id: "b", trigger: "resume" });
  expect(outcome).toMatchObject({ kind: "skipped", verifyAt });
});

test("less time is left than a rotation may take → pending, and no service is called", async () => {
  const processes = startProcesses(gateway());
  const deadline = processes.clock.now() + callsOfRotation * callTimeoutMs - 1;
  const { outcome, timesOf } = await processes.rotate({}, undefined, { terms: { deadline } });
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time" });
  expect(timesOf(() => true)).toEqual([]);
});

test("other runners change the journal before each write → pending, and nothing is regenerated", async () => {
  const processes = startProcesses(gateway());
  const { outcome } = await processes.rotate({}, undefined, {
    alter: (services) => ({
      ...services,
      blobs: { ...services.blobs, write: async () => ({ kind: "conflict" }) },
    }),
  });
  expect(outcome).toMatchObject({ kind: "pending", reason: "overtaken", until: 0, key: undefined });
  expect(processes.regenerated()).toBe(0);
});

test("the limits have no room in time → pending, and no key is touched", async () => {
  const of = gateway();
  const now = Date.parse("2026-11-23T03:00:00Z");
  const world = createWorld({ now, targets: [of.target], vaultUrls: [of.secret.vaultUrl] });
  const clock = { now: () => now, sleep: async () => {} };
  const asked: string[] = [];
  const models = createModelServices(
    { world },
    async (call) => {
      asked.push(call.operation);
      return { kind: "normal" };
    },
    { runner: "process" },
  );
  const services: RotationServices = {
    ...models,
    clock,
    events: { emit() {} },
    newGuid: () => crypto.randomUUID(),
    random: () => 0.5,
  };
  const terms: RunTerms = {
    ...{ run: runNamed("run"), createdAt: now, deploymentName: "prod", concurrency: 1 },
    ...{ functionTimeoutMs, callTimeoutMs, deadline: now + functionTimeoutMs },
  };
  const outcome = await rotateGateway(services, of, terms, {
    journals: createJournals(storageTerms(services, terms)),
    preflight: createPreflight(services, terms),
    pace: {
      toRegenerate: async () => undefined,
      toStore: () => 0,
      listKeys: async () => ({
        kind: "failed",
        problem: { code: "forbidden", message: "x", transient: false },
      }),
      end() {},
    },
    isSettled: false,
    reported: [],
    yield() {},
  });
  expect(outcome).toMatchObject({ kind: "pending", reason: "out-of-time", versions: [] });
  expect(asked).toEqual(["readBlob", "readLatest"]);
});
