import { describe, expect, test } from "vitest";
import { createTokenBucket } from "../../local/simulator/tokenBucket.ts";
import { type AzureTerms, createBenchAzure, documentedBucket } from "../../scripts/bench/azure.ts";
import { createFleet } from "../../scripts/bench/fleet.ts";
import { createKept, createServices } from "../../scripts/bench/services.ts";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { WriteOutcome } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { journalName, parseJournal } from "../../src/journal/journal.ts";
import type { RotationServices, RunTerms } from "../../src/rotation/context.ts";
import type { RotationOutcome } from "../../src/rotation/outcome.ts";
import { rotateAll } from "../../src/runs/rotateAll.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { ofNewRun } from "../support/gateways.ts";
import { mulberry32 } from "../support/mulberry32.ts";

/** The engine in virtual time, over services that take time and have limits. */
function stage(terms: Partial<AzureTerms> = {}, alter = (services: RotationServices) => services) {
  const clock = createVirtualClock();
  const azure = createBenchAzure(clock, { bucket: documentedBucket, latencyMs: 50, ...terms });
  const kept = createKept(clock);
  const services = alter(createServices(azure, kept));
  let runs = 0;

  /** @returns the outcome of each gateway, and after how many milliseconds it was known */
  async function run(gateways: readonly Gateway[], more: Partial<RunTerms> = {}) {
    const startedAt = clock.now();
    const outcomes = new Map<string, { readonly outcome: RotationOutcome; readonly afterMs: number }>();
    const result = await clock.run(
      rotateAll(
        services,
        gateways.map(ofNewRun),
        {
          run: runNamed(`run-${++runs}`),
          createdAt: startedAt,
          functionTimeoutMs: 1_800_000,
          deploymentName: "prod",
          deadline: startedAt + 1_680_000,
          callTimeoutMs: 30_000,
          concurrency: 8,
          ...more,
        },
        ({ name }, outcome) => void outcomes.set(name, { outcome, afterMs: clock.now() - startedAt }),
      ),
    );
    return { result, outcomes, tookMs: clock.now() - startedAt };
  }

  return { clock, azure, kept, run };
}

const forbidden = {
  kind: "refused",
  problem: { code: "forbidden", message: "The model answered 403.", transient: false },
} as const satisfies WriteOutcome;
const hourMs = 3_600_000;
const small = { bucket: { capacity: 10, refillPerSecond: 2 } };
const subscriptionOf = ({ target }: Gateway) => target.subscriptionId;

describe("limits with room", () => {
  test("one gateway and room → it takes the time of its calls, and no more", async () => {
    const { run, azure } = stage();
    const { tookMs } = await run(createFleet(1, 1));
    const calls =
      azure.counts.writes + azure.counts.versions + azure.counts.vaultReads + azure.counts.storageCalls;
    expect(tookMs).toBeGreaterThan(calls * 50);
    expect(tookMs).toBeLessThan(calls * 60);
  });

  test("100 gateways that were rotated before → one write, one vault read and three storage calls each", async () => {
    const { run, azure, clock } = stage();
    const fleet = createFleet(100, 2);
    const createdAt = clock.now() - 1000;
    await run(fleet);
    await clock.run(clock.sleep(hourMs));
    const checked = await run(fleet, { createdAt });
    expect(checked.result.skipped).toBe(100);
    await clock.run(clock.sleep(23 * hourMs));
    Object.assign(azure.counts, { writes: 0, versions: 0, vaultReads: 0, storageCalls: 0 });
    const { result } = await run(fleet);
    expect(result.rotated).toBe(100);
    expect(azure.counts).toMatchObject({
      writes: 100,
      // The two vaults have to accept a preflight first.
      versions: 100 + 2,
      vaultReads: 100,
      // The journal read, the claim, the commit.
      storageCalls: 300,
      throttledWrites: 0,
    });
  });
});

describe("limits without room", () => {
  test("300 gateways on a small bucket → no 429, and the bucket's own speed", async () => {
    const { run, azure } = stage(small);
    const { result, tookMs } = await run(createFleet(300, 1));
    expect(result).toEqual({ rotated: 300, skipped: 0, pending: 0, failed: [] });
    expect(azure.counts).toMatchObject({ writes: 300, throttledWrites: 0 });
    const ideal = 1000 * ((300 - 10) / 2);
    expect(tookMs).toBeLessThan(1.05 * ideal);
  });

  test("1,000 gateways of one subscription and 10 of another → the 10 do not wait for the 1,000", async () => {
    const { run } = stage(small);
    const [many, few] = [createFleet(1000, 2), createFleet(20, 2)].map((fleet, i) =>
      fleet.filter((gateway) => subscriptionOf(gateway) === subscriptionOf(fleet[i] ?? gateway)),
    );
    const { outcomes } = await run([...(many ?? []), ...(few ?? [])]);
    const times = (few ?? []).map(({ name }) => outcomes.get(name)?.afterMs ?? Number.POSITIVE_INFINITY);
    expect(times).toHaveLength(10);
    expect(Math.max(...times)).toBeLessThan(5000);
  });

  test("more subscriptions wait than there are places → a free one's gateways are rotated", async () => {
    const { run, azure } = stage({ bucket: { capacity: 50, refillPerSecond: 0.1 } });
    const fleet = createFleet(100 * 40, 100);
    const [first] = fleet;
    if (first === undefined) throw new Error("There is none");
    const isFree = (gateway: Gateway) => subscriptionOf(gateway) === subscriptionOf(first);
    const waiting = fleet.slice(0, 1000).filter((gateway) => !isFree(gateway));
    for (const gateway of new Map(waiting.map((each) => [subscriptionOf(each), each])).values())
      for (let taken = 0; taken < 49; taken += 1) azure.takeWrite(subscriptionOf(gateway), "others");
    const { outcomes } = await run([...waiting, ...fleet.filter(isFree)]);
    const times = fleet.filter(isFree).map(({ name }) => outcomes.get(name)?.afterMs);
    expect(times).toHaveLength(40);
    expect(Math.max(...times.map((afterMs = Number.NaN) => afterMs))).toBeLessThan(9000);
  });

  test("many subscriptions on one vault → no 429 of the vault: gateways wait first", async () => {
    const { run, azure } = stage();
    const { result, tookMs } = await run(createFleet(900, 9, "one"));
    expect(result.rotated).toBe(900);
    expect(azure.counts.throttledVersions).toBe(0);
    expect(tookMs).toBeGreaterThan(20_000);
    expect(tookMs).toBeLessThan(35_000);
  });

  test("the answer is due → no further gateway begins or waits", async () => {
    const { run, clock, azure } = stage(small);
    const yieldAt = clock.now() + 10_000;
    const { result, tookMs } = await run(createFleet(100, 1), { yieldAt });
    expect(tookMs).toBeLessThan(11_000);
    expect(result.rotated).toBe(azure.counts.writes);
    expect(result.rotated + result.pending).toBe(100);
    expect(result.rotated).toBeGreaterThan(20);
  });
});

describe("gateways that were let through and send nothing", () => {
  test("a vault refuses the preflight of 220 gateways → the others do not wait for their writes", async () => {
    const { run, azure } = stage({}, (services) => ({
      ...services,
      secrets: {
        ...services.secrets,
        write: async (address, version) =>
          address.vaultUrl.includes("closed") ? forbidden : services.secrets.write(address, version),
      },
    }));
    const [first, ...rest] = createFleet(225, 1);
    const closed = rest.slice(0, 220).map((gateway) => ({
      ...gateway,
      secret: { ...gateway.secret, vaultUrl: "https://closed.vault.azure.net" },
    }));
    if (first === undefined) throw new Error("There is none");
    const { result } = await run([first, ...closed, ...rest.slice(220)]);
    expect(result).toMatchObject({
      rotated: 5,
      failed: Array.from({ length: 220 }, () => ({ code: "vault-takes-no-writes" })),
    });
    expect(azure.counts.writes).toBe(5);
  });

  test("300 gateways of one vault are refused → the others do not wait for their versions", async () => {
    const fleet = createFleet(305, 5, "one");
    const { run } = stage({}, (services) => ({
      ...services,
      keys: {
        ...services.keys,
        regenerate: async (target, slot, clientRequestId) =>
          fleet.slice(0, 300).some(({ target: { identity } }) => identity === target.identity)
            ? { kind: "unchanged", problem: forbidden.problem, trace: { clientRequestId } }
            : services.keys.regenerate(target, slot, clientRequestId),
      },
    }));
    const { result, tookMs } = await run(fleet);
    expect(result).toMatchObject({ rotated: 5, failed: { length: 300 } });
    expect(tookMs).toBeLessThan(10_000);
  });
});

describe("a gateway that waits", () => {
  test.each<[string, Partial<AzureTerms>, number]>([
    ["the subscription's", small, 60],
    ["the vault's", { bucket: { capacity: 1e6, refillPerSecond: 1 }, latencyMs: 2 }, 400],
  ])("gateways wait for %s limit → no intent is open meanwhile", async (_, terms, gateways) => {
    const claimed: string[] = [];
    let naps = 0;
    const fleet = createFleet(gateways, 1);
    const { run, kept } = stage(terms, (services) => ({
      ...services,
      clock: {
        now: services.clock.now,
        async sleep(ms) {
          naps += 1;
          for (const gateway of fleet) {
            const text = kept.blobs.textOf(journalName(gateway)) ?? "";
            const parsed = parseJournal(text, gateway.target.identity);
            if (parsed.kind === "journal" && parsed.journal.intent !== null) claimed.push(gateway.name);
          }
          await services.clock.sleep(ms);
        },
      },
    }));
    await run(fleet, { concurrency: 1 });
    expect(naps).toBeGreaterThan(0);
    expect(claimed).toEqual([]);
  });

  test("a wait is longer than a call may take → the vault is read again afterwards", async () => {
    const reads: string[] = [];
    const { run } = stage({ bucket: { capacity: 1, refillPerSecond: 0.02 } }, (services) => ({
      ...services,
      secrets: {
        ...services.secrets,
        readLatest(address) {
          reads.push(address.secretName);
          return services.secrets.readLatest(address);
        },
      },
    }));
    // The second gateway's 429 asks for 50 seconds. The third has read the vault by then, and passes afterwards.
    await run(createFleet(3, 1), { concurrency: 2, callTimeoutMs: 10_000 });
    expect(reads.filter((name) => name === "runtime-2")).toHaveLength(2);
  });
});

describe("after a 429", () => {
  /** Other clients leave a vault four new versions in ten seconds, and its 429 asks for no wait. */
  function stageWithBusyVault() {
    const refused = { count: 0 };
    const accepted: number[] = [];
    const staged = stage({}, (services) => ({
      ...services,
      random: mulberry32(1),
      secrets: {
        ...services.secrets,
        async write(address, version) {
          const now = services.clock.now();
          if (accepted.filter((at) => at > now - 10_000).length < 4) {
            accepted.push(now);
            return services.secrets.write(address, version);
          }
          refused.count += 1;
          await services.clock.sleep(50);
          return { kind: "refused", problem: { code: "throttled", message: "429", transient: true } };
        },
      },
    }));
    return { ...staged, refused };
  }

  test("a vault accepts 4 versions in 10 s → 60 keys at its speed, and few of them are refused", async () => {
    const { run, refused } = stageWithBusyVault();
    const { result, tookMs } = await run(createFleet(60, 1, "one"));
    expect(result).toMatchObject({ rotated: 60, failed: [] });
    const ideal = 10_000 * ((60 + 1) / 4);
    expect(tookMs).toBeLessThan(1.1 * ideal);
    expect(refused.count).toBeLessThan(20);
  });

  test.each([60, 90, 120, 150])("the time-out comes after %d s → no key is lost to it", async (seconds) => {
    const { run, clock } = stageWithBusyVault();
    const deadline = clock.now() + seconds * 1000;
    const { result } = await run(createFleet(100, 1, "one"), {
      concurrency: 16,
      callTimeoutMs: 3000,
      deadline,
    });
    expect(result.failed).toEqual([]);
    expect(result.rotated).toBeGreaterThan(10);
  });

  test("another client took all writes → the subscription's gateways wait for Retry-After", async () => {
    const { run, azure, clock } = stage({ bucket: { capacity: 40, refillPerSecond: 2 } });
    const fleet = createFleet(60, 1);
    const [first] = fleet;
    clock.at(clock.now() + 600, () => {
      for (let taken = 0; taken < 40; taken += 1)
        azure.takeWrite(first ? subscriptionOf(first) : "", "others");
    });
    const { result } = await run(fleet);
    expect(result.failed).toEqual([]);
    expect(result.rotated).toBe(60);
    // No more than were under way already.
    expect(azure.counts.throttledWrites).toBeGreaterThan(0);
    expect(azure.counts.throttledWrites).toBeLessThanOrEqual(8);
  });

  test("its Retry-After ends after the deadline → the others send nothing, and are pending", async () => {
    const { run, clock, azure } = stage({ bucket: { capacity: 1, refillPerSecond: 0.01 } });
    const terms = { concurrency: 1, callTimeoutMs: 5000, deadline: clock.now() + 60_000 };
    const { result } = await run(createFleet(4, 1), terms);
    expect(result).toMatchObject({ rotated: 1, pending: 2, failed: [{ code: "regenerate-throttled" }] });
    expect(azure.counts).toMatchObject({ writes: 2, throttledWrites: 1 });
  });

  test("a resource provider's hidden limit of 5 a second → no gateway fails", async () => {
    let refused = 0;
    const { run } = stage({}, (services) => {
      const limit = createTokenBucket({ capacity: 10, refillPerSecond: 5 }, services.clock.now);
      return {
        ...services,
        keys: {
          ...services.keys,
          async regenerate(target, slot, clientRequestId) {
            const admission = limit.take();
            if (admission.kind === "taken") return services.keys.regenerate(target, slot, clientRequestId);
            refused += 1;
            const retryAfterMs = 1000 * admission.retryAfterSeconds;
            const problem = {
              code: "throttled" as const,
              message: "Too many requests.",
              transient: true,
              retryAfterMs,
            };
            return {
              kind: "unchanged",
              problem,
              trace: { clientRequestId, remainingSubscriptionWrites: 190 },
            };
          },
        },
      };
    });
    const { result } = await run(createFleet(500, 1), { concurrency: 16 });
    expect(result).toMatchObject({ rotated: 500, failed: [] });
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(50);
  });

  test("one gateway is throttled, another gets a 500 → each fails with its own fault", async () => {
    const secret = { version: "1", createdOn: new Date(0), tags: {}, ownedByCertificate: false };
    const faults: Record<string, CallProblem> = {
      "runtime-0": { code: "throttled", message: "429", transient: true, retryAfterMs: 3_600_000 },
      "runtime-1": { code: "server-error", message: "500", transient: true },
    };
    const { run } = stage({}, (services) => ({
      ...services,
      keys: {
        ...services.keys,
        async listKeys({ name }) {
          const problem = faults[name];
          if (problem === undefined) throw new Error(name);
          return { kind: "failed", problem };
        },
      },
      secrets: {
        ...services.secrets,
        readLatest: async () => ({ kind: "enabled", key: redact("of another system"), secret }),
      },
    }));
    const { result } = await run(createFleet(2, 1));
    expect(result.failed.map(({ gateway, code }) => [gateway.name, code]).sort()).toEqual([
      ["runtime-0", "list-keys-throttled"],
      ["runtime-1", "list-keys-server-error"],
    ]);
  });
});
