import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type Intent, journalName } from "../../src/journal/journal.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { createRun } from "../../src/runs/runs.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { httpRun, type Lab, minuteMs, startLab } from "../support/lab.ts";
import { isRegenerate } from "../support/requests.ts";

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.azure.simulator.stop());
beforeEach(() => lab.reset());

const forbidden = { kind: "answer", status: 403, effect: "none" } as const;
const isRead = ({ method, url }: RecordedRequest) => method === "GET" && url.startsWith("/secrets/");
const named = <N extends RotationEvent["name"]>(name: N) =>
  lab.events.filter((event): event is Extract<RotationEvent, { name: N }> => event.name === name);

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

  test.each([
    ["unknown", "unknown"],
    ["unchanged", "unchanged"],
  ] as const)("its attempt is %s, the vault refuses the read → %s, and not final", async (known, effect) => {
    const of = gateway(lab.azure.contoso);
    await leaveIntent(of, known);
    lab.inject("keyVault", forbidden, isRead, Infinity);
    expect((await lab.rotate([of])).failed).toMatchObject([
      { code: "vault-forbidden", effect, final: false },
    ]);
  });

  test.each([
    ["unknown", "unknown"],
    ["unchanged", "unchanged"],
  ] as const)(
    "its attempt is %s, the secret belongs to a certificate now → %s, and not final",
    async (known, effect) => {
      const of = gateway(lab.azure.contoso);
      await leaveIntent(of, known);
      const secret = secretOf(of);
      if (secret !== undefined) secret.managed = true;
      const before = lab.regenerates();
      expect((await lab.rotate([of])).failed).toMatchObject([
        { code: "owned-by-certificate", effect, final: false },
      ]);
      expect(lab.regenerates()).toBe(before);
    },
  );

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

describe("mode compromised", () => {
  test("both slots are replaced → both rotations are reported, each once", async () => {
    const of = runtime(lab.azure.contoso);
    await lab.rotate([of], { mode: "compromised" });
    expect(named("GatewayKeyRotated").map(({ slot }) => slot)).toEqual(["authKey2", "authKey1"]);
  });

  test("the second slot is refused → the first rotation is reported, and its verification stays due", async () => {
    const of = runtime(lab.azure.contoso);
    lab.inject(
      "resourceManager",
      forbidden,
      (request) => isRegenerate(request) && request.body.includes("authKey1"),
    );
    const { failed, rotated } = await lab.rotate([of], { mode: "compromised" });
    expect(rotated).toBe(0);
    expect(named("GatewayKeyRotated")).toMatchObject([{ slot: "authKey2", sequence: 1 }]);
    expect(named("GatewayKeyRotationFailed")).toMatchObject([
      { code: "regenerate-forbidden", slot: "authKey1" },
    ]);
    const { verification } = await lab.journalOf(of);
    expect(failed).toMatchObject([{ verifyAt: verification?.at }]);
    expect(verification?.at).toBeGreaterThan(lab.now());
  });
});

describe("another runner", () => {
  test("commits the stored key first → reports the rotation, and this runner does not", async () => {
    const of = gateway(lab.azure.contoso);
    let commits = 0;
    const blobs: BlobStore = {
      ...lab.blobs,
      async write(name, text, condition, metadata) {
        const isCommit = name === journalName(of) && JSON.parse(text).commit !== null;
        if (isCommit && commits++ === 0) {
          lab.advance(5 * minuteMs);
          await lab.resume();
        }
        return lab.blobs.write(name, text, condition, metadata);
      },
    };
    const result = await lab.rotate([of], {}, { blobs });
    expect(commits).toBe(1);
    expect(result).toMatchObject({ rotated: 0, pending: 1, failed: [] });
    expect(named("GatewayKeyRotated")).toMatchObject([{ secretVersion: lab.latestOf(of)?.version }]);
  });

  test("rotates for its own run after this run was created → this run has rotated nothing", async () => {
    const of = gateway(lab.azure.contoso);
    const { services, storage, terms } = lab.invocation();
    const run = httpRun();
    const created = await createRun(storage, run, () => [of]);
    if (created.kind !== "created") throw new Error(created.kind);
    lab.advance(minuteMs);
    await lab.rotate([of]);
    await driveRun(services, storage, created.claimed, terms);
    expect(await lab.gatewaysOf(run.id)).toMatchObject([
      { state: "done", sequence: 0, outcome: { kind: "skipped", reason: "satisfied" } },
    ]);
    expect(named("GatewayKeyRotated")).toHaveLength(1);
  });
});

test("storage accepts the log but not the commit → reported as pending, then committed silently", async () => {
  const of = gateway(lab.azure.contoso);
  const isCommit = (name: string, text: string) =>
    name === journalName(of) && JSON.parse(text).commit !== null;
  const problem = { code: "forbidden", message: "403", transient: false };
  const blobs: BlobStore = {
    ...lab.blobs,
    write: async (name, text, ...rest) =>
      isCommit(name, text) ? { kind: "refused", problem } : lab.blobs.write(name, text, ...rest),
  };
  const run = httpRun();
  const before = lab.regenerates();
  expect(await lab.rotate([of], run, { blobs })).toMatchObject({ rotated: 1, failed: [] });
  const secretVersion = lab.latestOf(of)?.version;
  expect(named("GatewayKeyRotated")).toMatchObject([{ isCommitted: false, secretVersion }]);
  expect(await lab.gatewaysOf(run.id)).toMatchObject([{ state: "unverified", outcome: { secretVersion } }]);
  lab.advance(5 * minuteMs);
  await lab.resume();
  expect(named("GatewayKeyRotated")).toHaveLength(1);
  expect(await lab.journalOf(of)).toMatchObject({ intent: null, commit: { version: secretVersion } });
  await lab.ticks(2);
  expect(await lab.gatewaysOf(run.id)).toMatchObject([
    { state: "done", outcome: { kind: "rotated", secretVersion } },
  ]);
  expect(lab.openRuns()).toBe(0);
  expect(lab.regenerates()).toBe(before + 1);
});
