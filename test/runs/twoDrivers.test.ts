import { describe, expect, test } from "vitest";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { SecretStore } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { journalName } from "../../src/journal/journal.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { logName } from "../../src/runs/log.ts";
import { claimedRun } from "../support/claimedRun.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { httpRun, lab, minuteMs, useLab } from "../support/lab.ts";
import { isPut, isRegenerate, refusal } from "../support/requests.ts";

useLab();

/** Not by role: final for the run at once. */
const refusedForGood = refusal(400);

async function rotatedAndVerified(of: Gateway): Promise<void> {
  await lab.rotate([of]);
  await lab.ticks(3);
}

/**
 * Another driver settles the gateway while this one is about to claim it. An earlier run ended with the same refusal, so
 * that driver writes nothing into the journal.
 */
async function settledByAnother(of: Gateway): Promise<BlobStore> {
  await rotatedAndVerified(of);
  lab.inject("keyVault", refusedForGood, isPut);
  await lab.rotate([of]);
  let begun = false;
  return {
    ...lab.blobs,
    async write(name, ...more) {
      if (name === journalName(of) && !begun) {
        begun = true;
        lab.advance(5 * minuteMs);
        lab.inject("keyVault", refusedForGood, isPut);
        await lab.resume();
      }
      return lab.blobs.write(name, ...more);
    },
  };
}

describe("drivers A and B of one run", () => {
  test("driver B settles the gateway, then A dies with an unstored key → recovery stores another", async () => {
    const of = gateway(lab.azure.contoso);
    const blobs = await settledByAnother(of);
    await lab.dieIn([of], (die) => ({
      blobs,
      secrets: {
        ...lab.azure.secrets,
        write: (address, version) =>
          address.secretName === of.secret.secretName ? die() : lab.azure.secrets.write(address, version),
      },
    }));
    await lab.ticks(6);
    expect(lab.works(of)).toBe(true);
    expect(lab.openRuns()).toBe(0);
  });

  test("driver B settles the gateway, then A's lost attempt takes effect → the key is replaced", async () => {
    const of = gateway(lab.azure.contoso);
    const blobs = await settledByAnother(of);
    lab.inject("resourceManager", { kind: "drop", effect: "none" }, isRegenerate);
    await lab.rotate([of], {}, { blobs });
    // The dropped one, within a call's time of being sent.
    await lab.azure.keys.regenerate(of.target, "key", toClientRequestId(crypto.randomUUID()));
    expect(lab.works(of)).toBe(false);
    await lab.ticks(6);
    expect(lab.works(of)).toBe(true);
  });

  test("driver B rotates the gateway while A waits → shown as rotated, and the run stays open", async () => {
    const of = gateway(lab.azure.contoso);
    const { services, storage, terms } = lab.invocation();
    const run = httpRun();
    const claimed = await claimedRun(storage, run, [of]);
    lab.advance(minuteMs);
    const inside = Promise.withResolvers<void>();
    const proceed = Promise.withResolvers<void>();
    const second = lab.resume({
      keys: {
        ...lab.azure.keys,
        async regenerate(...call) {
          inside.resolve();
          await proceed.promise;
          return lab.azure.keys.regenerate(...call);
        },
      },
    });
    await inside.promise;
    const blobs: BlobStore = {
      ...lab.blobs,
      async read(name) {
        const found = await lab.blobs.read(name);
        if (name === journalName(of)) {
          proceed.resolve();
          await second;
        }
        return found;
      },
    };
    await driveRun({ ...services, blobs }, { ...storage, blobs }, claimed, terms);
    expect(await lab.gatewaysOf(run.id)).toMatchObject([
      { state: "unverified", outcome: { kind: "rotated" } },
    ]);
    expect(lab.openRuns()).toBe(1);
    await lab.ticks(3);
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("driver B ends the run before A appends its outcome → the run stays ended, and shows it", async () => {
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    let overtakes = 0;
    const blobs: BlobStore = {
      ...lab.blobs,
      async append(name, text) {
        // Driver A stalls with its outcome unwritten until driver B has claimed the run and finished it.
        if (name === logName(run.id) && overtakes++ === 0) {
          lab.advance(3 * minuteMs);
          await lab.resume();
        }
        return lab.blobs.append(name, text);
      },
    };
    lab.inject("resourceManager", refusedForGood, isRegenerate, Number.POSITIVE_INFINITY);
    await lab.rotate([of], run, { blobs });
    expect(overtakes).toBe(1);
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({
      status: 207,
      gateways: [{ code: "regenerate-bad-request" }],
    });
  });
});

test("a run into another secret takes over, then cannot read the vault → both runs end", async () => {
  const of = gateway(lab.azure.contoso);
  const moved = { ...of, secret: { ...of.secret, secretName: "moved" } };
  await lab.dieIn([of], (die) => ({ keys: { ...lab.azure.keys, regenerate: die } }));
  lab.advance(5 * minuteMs);
  let looks = 0;
  const secrets: SecretStore = {
    ...lab.azure.secrets,
    readLatest: async (address) =>
      ++looks > 1
        ? { kind: "failed", problem: { code: "forbidden", message: "No.", transient: false } }
        : lab.azure.secrets.readLatest(address),
  };
  await lab.rotate([moved], { mode: "compromised" }, { secrets });
  expect(lab.openRuns()).toBe(2);
  await lab.ticks(4);
  expect(lab.openRuns()).toBe(0);
  expect(lab.works(moved)).toBe(true);
});

describe("what a run shows at its end", () => {
  test("mode compromised, the second slot is refused for good → failed, before and after verification", async () => {
    const of = runtime(lab.azure.contoso);
    await rotatedAndVerified(of);
    const leaked = Object.values(lab.azure.simulator.keys(of.target.resourceId));
    let sent = 0;
    const isSecond = (request: Parameters<typeof isRegenerate>[0]) => isRegenerate(request) && ++sent > 1;
    lab.inject("resourceManager", refusedForGood, isSecond, Number.POSITIVE_INFINITY);
    const run = httpRun({ mode: "compromised" });
    await lab.rotate([of], run);
    expect(await lab.gatewaysOf(run.id)).toMatchObject([
      { state: "unverified", outcome: { kind: "failed", code: "regenerate-bad-request" } },
    ]);
    const before = lab.regenerates();
    await lab.ticks(6);
    expect(lab.regenerates()).toBe(before);
    expect(lab.openRuns()).toBe(0);
    const alive = leaked.filter((key) => lab.azure.simulator.accepts(of.target.resourceId, key));
    expect(alive).toHaveLength(1);
    expect(await lab.answerTo(run.id)).toMatchObject({
      status: 207,
      rotated: 0,
      gateways: [{ code: "regenerate-bad-request", effect: "unchanged" }],
    });
  });

  test("another run holds the rotated gateway at the verification → still shown as rotated", async () => {
    const of = gateway(lab.azure.contoso);
    const run = httpRun();
    await lab.rotate([of], run);
    lab.advance(32 * minuteMs);
    let begun = false;
    await lab.rotate(
      [of],
      {},
      {
        keys: {
          ...lab.azure.keys,
          async regenerate(...call) {
            if (!begun) {
              begun = true;
              await lab.resume();
              expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
            }
            return lab.azure.keys.regenerate(...call);
          },
        },
      },
    );
    await lab.ticks(3);
    expect(lab.openRuns()).toBe(0);
    expect(await lab.answerTo(run.id)).toMatchObject({ status: 200, rotated: 1 });
  });

  test("ticks that come faster than verifications → every run ends", async () => {
    const of = gateway(lab.azure.contoso);
    for (let run = 0; run < 6; run += 1) {
      await lab.rotate([of]);
      lab.advance(10 * minuteMs);
      await lab.resume();
    }
    expect(lab.openRuns()).toBeLessThanOrEqual(4);
    await lab.ticks(3);
    expect(lab.openRuns()).toBe(0);
  });
});
