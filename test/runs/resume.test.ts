import { describe, expect, test } from "vitest";
import type { GatewayKeys } from "../../src/domain/attempt.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { type Gateway, hasTwoKeys } from "../../src/domain/target.ts";
import { journalName } from "../../src/journal/journal.ts";
import { runName } from "../../src/runs/document.ts";
import { backlogOf } from "../../src/runs/gatewayStates.ts";
import { markerName } from "../../src/runs/marker.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { isPut, isRegenerate, refusal } from "../support/requests.ts";

/** After which a verification is due: time-out, grace, a call and a second, with some to spare. */
const quietMinutes = 32;

useLab();

describe("a run, from its creation to its end", () => {
  test("without a fault → the run stays open until its verification is done, then it ends", async () => {
    const of = gateway(lab.azure.contoso);
    expect(await lab.rotate([of])).toMatchObject({ rotated: 1 });
    expect(lab.openRuns()).toBe(1);
    lab.advance(10 * minuteMs);
    const before = lab.regenerates();
    await lab.resume();
    expect(lab.openRuns()).toBe(1);
    lab.advance(30 * minuteMs);
    await lab.resume();
    expect(lab.openRuns()).toBe(0);
    expect(lab.regenerates()).toBe(before);
    expect(lab.works(of)).toBe(true);
  });

  test("another writer's version is the latest at the verification → rotated again", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.rotate([of]);
    await lab.azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    lab.advance(quietMinutes * minuteMs);
    expect((await lab.resume()).result.rotated).toBe(1);
    expect(lab.works(of)).toBe(true);
  });

  test("mode compromised → both keys of a two-key target are dead at the end, and the published one works", async () => {
    const of = runtime(lab.azure.contoso);
    await lab.rotate([of]);
    const leaked = Object.values(lab.azure.simulator.keys(of.target.resourceId));
    expect(await lab.rotate([of], { mode: "compromised" })).toMatchObject({ rotated: 1 });
    expect(leaked.map((key) => lab.azure.simulator.accepts(of.target.resourceId, key))).toEqual([
      false,
      false,
    ]);
    expect(lab.works(of)).toBe(true);
    expect(lab.events.filter(({ name }) => name === "GatewayKeyRotated")).toHaveLength(3);
  });

  test("another deployment's secret → refused; with takeOwnership it is rotated", async () => {
    const of = gateway(lab.azure.contoso);
    const tags = { "managed-by": "gateway-key-rotation/other" };
    await lab.azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags,
    });
    expect((await lab.rotate([of])).failed).toMatchObject([
      { code: "other-deployment", effect: "unchanged" },
    ]);
    expect(await lab.rotate([of], { takeOwnership: true })).toMatchObject({ rotated: 1 });
    expect(lab.latestOf(of)?.tags["managed-by"]).toBe("gateway-key-rotation/prod");
  });
});

async function listed() {
  const of = runtime(lab.azure.contoso);
  if (!hasTwoKeys(of.target)) throw new Error("not a runtime");
  const keys = await lab.azure.keys.listKeys(of.target);
  if (keys.kind !== "listed") throw new Error(keys.kind);
  return keys.keys;
}

describe("a key could not be stored → the run and ten ticks of resume regenerate none", () => {
  async function expectUntouched(of: Gateway, code: string) {
    const before = lab.regenerates();
    const failed = [...(await lab.rotate([of])).failed];
    for (let tick = 0; tick < 10; tick += 1) {
      lab.advance(61 * minuteMs);
      failed.push(...(await lab.resume()).result.failed);
    }
    expect(lab.regenerates()).toBe(before);
    expect(failed.length).toBeGreaterThan(0);
    for (const failure of failed) expect(failure).toMatchObject({ code, effect: "unchanged" });
  }

  test.each([
    ["is down", 503, () => true, "vault-server-error"],
    ["forbids every call", 403, () => true, "vault-forbidden"],
    ["forbids writes", 403, isPut, "vault-takes-no-writes"],
  ])("the vault %s", async (_what, status, matches, code) => {
    lab.inject("keyVault", refusal(status), matches, Infinity);
    await expectUntouched(gateway(lab.azure.contoso), code);
  });

  test.each([
    ["is soft-deleted", "deleted", "secret-soft-deleted"],
    ["belongs to a certificate", "managed", "owned-by-certificate"],
  ] as const)("the secret's name %s", async (_what, fact, code) => {
    const of = gateway(lab.azure.contoso);
    await lab.azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    const secret = lab.azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret[fact] = true;
    await expectUntouched(of, code);
  });

  test("storage is down → no run begins, and no other service is called", async () => {
    const down = {
      kind: "failed" as const,
      problem: { code: "unreachable" as const, message: "Blob Storage is down.", transient: true },
    };
    lab.blobs = {
      ...lab.blobs,
      read: async () => down,
      write: async () => ({ kind: "refused", problem: down.problem }),
      list: async () => down,
    };
    const before = lab.azure.simulator.requests.length;
    await expect(lab.rotate([gateway(lab.azure.contoso)])).rejects.toThrow("failed");
    for (let tick = 0; tick < 10; tick += 1)
      for (const problem of (await lab.resume()).problems) expect(problem).toContain("Blob Storage is down.");
    expect(lab.azure.simulator.requests.length).toBe(before);
  });

  test("a journal cannot be read → it is not overwritten, and the other gateways are rotated", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.blobs.write(journalName(of), '{"schema":2}', { kind: "absent" });
    const result = await lab.rotate([of, runtime(lab.azure.contoso)]);
    expect(result.rotated).toBe(1);
    expect(result.failed).toMatchObject([{ code: "journal-unreadable", effect: "unchanged", final: true }]);
    const blob = lab.blobs.snapshot().blobs.find(({ name }) => name === journalName(of));
    expect(blob?.text).toBe('{"schema":2}');
  });
});

describe("a problem of one run", () => {
  test.each(["", "null", "{}"])(
    "a foreign marker of %j → is removed, and the other runs continue",
    async (text) => {
      const of = gateway(lab.azure.contoso);
      await lab.rotate([of]);
      await lab.blobs.write("open/0-foreign", text, { kind: "absent" });
      lab.advance(quietMinutes * minuteMs);
      expect((await lab.resume()).problems).toEqual([]);
      expect(lab.openRuns()).toBe(0);
    },
  );

  test("the function does not understand a run's blob → reported and kept, and the other runs continue", async () => {
    await lab.rotate([gateway(lab.azure.contoso)]);
    await lab.blobs.write("open/0-foreign", '{"createdAt":1}', { kind: "absent" });
    await lab.blobs.write("runs/0-foreign.json", '{"schema":9}', { kind: "absent" });
    lab.advance(quietMinutes * minuteMs);
    const { problems } = await lab.resume();
    expect(problems).toEqual([expect.stringContaining("does not understand the blob runs/0-foreign.json")]);
    expect(problems[0]).not.toContain("make the function's storage account");
    expect(lab.openRuns()).toBe(1);
  });

  test("the gateway was rotated into another secret → the older run does not rotate it, and both end", async () => {
    const old = gateway(lab.azure.contoso);
    const moved = { ...old, secret: { ...old.secret, secretName: "moved" } };
    await lab.rotate([old]);
    lab.advance(5 * minuteMs);
    await lab.rotate([moved]);
    const before = lab.regenerates();
    for (let tick = 0; tick < 6; tick += 1) {
      lab.advance(quietMinutes * minuteMs);
      await lab.resume();
    }
    expect(lab.regenerates()).toBe(before);
    expect(lab.openRuns()).toBe(0);
    expect(lab.works(moved)).toBe(true);
  });
});

test("the rotation into another secret fails for good → the key keeps its secret, and the older run ends", async () => {
  const old = gateway(lab.azure.contoso);
  const moved = { ...old, secret: { ...old.secret, secretName: "moved" } };
  await lab.rotate([old]);
  lab.advance(5 * minuteMs);
  lab.inject("resourceManager", refusal(400), isRegenerate);
  expect((await lab.rotate([moved])).failed).toMatchObject([{ code: "regenerate-bad-request" }]);
  const before = lab.regenerates();
  await lab.ticks(4);
  expect(lab.openRuns()).toBe(0);
  expect(lab.regenerates()).toBe(before);
  expect(lab.works(old)).toBe(true);
});

describe("an operator deleted the run of an open intent", () => {
  /** A process dies with a new key in hand. @returns the id of its run */
  async function diesWithKey(of: Gateway): Promise<string> {
    const id = await lab.dieIn([of], (die) => ({
      keys: {
        ...lab.azure.keys,
        async regenerate(...call) {
          await lab.azure.keys.regenerate(...call);
          return die();
        },
      },
    }));
    lab.advance(5 * minuteMs);
    return id;
  }
  /** It dies with a write of the gateway's journal, after so many. */
  const dyingAfter = (writes: number, of: Gateway, die: () => Promise<never>): BlobStore => {
    let left = writes;
    return {
      ...lab.blobs,
      write: (name, ...more) =>
        name === journalName(of) && --left < 0 ? die() : lab.blobs.write(name, ...more),
    };
  };
  const unfinished = async () => {
    const { journals } = await lab.resume();
    return journals.kind === "read"
      ? backlogOf(journals, undefined, () => undefined).unfinished
      : journals.kind;
  };

  test.each([
    ["document and marker", [runName, markerName]],
    ["document", [runName]],
    ["marker", [markerName]],
  ] as const)("its %s → the next tick makes another key and stores it", async (_what, names) => {
    const of = gateway(lab.azure.contoso);
    const id = await diesWithKey(of);
    for (const nameOf of names) await lab.blobs.remove(nameOf(id));
    expect(lab.works(of)).toBe(false);
    expect(await unfinished()).toBe(0);
    expect(lab.works(of)).toBe(true);
    expect(lab.latestOf(of)?.tags).toMatchObject({ trigger: "resume" });
    await lab.ticks(4);
    expect(lab.openRuns()).toBe(0);
  });

  test("its document is unreadable → reported, and the intent is continued", async () => {
    const of = gateway(lab.azure.contoso);
    const id = await diesWithKey(of);
    await lab.blobs.remove(runName(id));
    await lab.blobs.write(runName(id), "{}", { kind: "absent" });
    expect((await lab.resume()).problems).toEqual([expect.stringContaining(runName(id))]);
    expect(lab.works(of)).toBe(true);
  });

  test("another runner holds its claim → nothing is done, and it counts as unfinished", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.removeRun(await diesWithKey(of));
    lab.advance(-5 * minuteMs);
    expect(await unfinished()).toBe(1);
    expect(lab.openRuns()).toBe(0);
  });

  test("its key was stored, and only the commit is missing → committed, and nothing is rotated again", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.removeRun(await lab.dieIn([of], (die) => ({ blobs: dyingAfter(1, of, die) })));
    lab.advance(5 * minuteMs);
    const before = lab.regenerates();
    expect(await unfinished()).toBe(0);
    await lab.ticks(4);
    expect(lab.regenerates()).toBe(before);
    expect(lab.works(of)).toBe(true);
    expect(lab.openRuns()).toBe(0);
  });

  test("its stored key is suspect, and a late attempt kills it → the verification finds that and replaces it", async () => {
    const of = gateway(lab.azure.contoso, { rotateEveryDays: 30 });
    let sent = 0;
    let late = async (): Promise<unknown> => undefined;
    const keys: GatewayKeys = {
      ...lab.azure.keys,
      async regenerate(target, slot, clientRequestId) {
        sent += 1;
        if (sent > 1) return lab.azure.keys.regenerate(target, slot, clientRequestId);
        late = () => lab.azure.keys.regenerate(target, slot, clientRequestId);
        const problem = { code: "timed-out" as const, message: "No answer.", transient: true };
        return { kind: "unknown", problem, trace: { clientRequestId } };
      },
    };
    // Two attempts are journaled; then the process dies with its commit.
    await lab.removeRun(await lab.dieIn([of], (die) => ({ keys, blobs: dyingAfter(2, of, die) })));
    lab.advance(5 * minuteMs);
    await lab.resume();
    expect(await lab.journalOf(of)).toMatchObject({ verification: { suspect: true } });
    await late();
    expect(lab.works(of)).toBe(false);
    await lab.ticks(4);
    expect(lab.works(of)).toBe(true);
    expect(lab.openRuns()).toBe(0);
  });

  test("the vault stays down → the pauses between tries grow to an hour", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.removeRun(await diesWithKey(of));
    lab.inject("keyVault", refusal(503), () => true, Infinity);
    const tries: number[] = [];
    for (let minute = 0; minute < 24 * 60; minute += 5) {
      lab.advance(5 * minuteMs);
      if ((await lab.resume()).result.failed.length > 0) tries.push(lab.now());
    }
    const gaps = tries.slice(1).map((at, i) => (at - (tries[i] ?? 0)) / minuteMs);
    expect(Math.max(...gaps)).toBeGreaterThan(55);
    expect(Math.max(...gaps)).toBeLessThan(70);
    expect(tries.length).toBeLessThan(40);
    lab.azure.simulator.clearFaults();
    await lab.ticks(1);
    expect(lab.works(of)).toBe(true);
  });

  test("its gateway is configured → the new version gets the configured expiry", async () => {
    const of = gateway(lab.azure.contoso, { expireAfterDays: 90 });
    await lab.removeRun(await diesWithKey(of));
    const { services, storage, terms } = lab.invocation();
    await resumeRuns(services, storage, terms, [of]);
    expect(lab.latestOf(of)?.expires).toBeGreaterThan(lab.now() / 1000);
  });
});
