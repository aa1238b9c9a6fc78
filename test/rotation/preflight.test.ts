import { expect, test } from "vitest";
import type { SecretStore, WriteOutcome } from "../../src/domain/secretStore.ts";
import { createPreflight } from "../../src/rotation/preflight.ts";
import { callTimeoutMs, functionTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import { gateway, runtime } from "../support/gateways.ts";

const of = gateway();
const latest = { kind: "none" } as const;
const rotation = { rotationId: "r", slot: "key" } as const;
const minuteMs = 60_000;
const secret = { version: "1", createdOn: new Date(0), tags: {}, ownedByCertificate: false };
const forbidden = { code: "forbidden" as const, message: "403", transient: false };

/** A preflight, and a vault that takes so long for a write. */
function stage({ writeMs = 0, answers = [] as WriteOutcome[] } = {}) {
  let now = 0;
  let writes = 0;
  const secrets: SecretStore = {
    readLatest: async () => ({ kind: "none" }),
    readDeleted: async () => ({ kind: "absent" }),
    async write() {
      now += writeMs;
      writes += 1;
      return answers.shift() ?? { kind: "stored", secret };
    },
  };
  const clock = {
    now: () => now,
    async sleep(ms: number) {
      now += ms;
    },
  };
  const preflight = createPreflight(
    { secrets, clock, newGuid: () => crypto.randomUUID() },
    {
      run: runNamed("a"),
      createdAt: 0,
      deploymentName: "prod",
      functionTimeoutMs,
      deadline: functionTimeoutMs,
      callTimeoutMs,
      concurrency: 1,
    },
  );
  return {
    ...preflight,
    writes: () => writes,
    setNow(ms: number) {
      now = ms;
    },
  };
}

test("a vault accepted a write less than five minutes ago → trusted; after five minutes → not", async () => {
  const preflight = stage();
  expect(preflight.isCurrent(of)).toBe(false);
  expect(await preflight.check(of, latest, rotation)).toBeUndefined();
  preflight.setNow(5 * minuteMs - 1);
  expect(preflight.isCurrent(of)).toBe(true);
  await preflight.check(of, latest, rotation);
  expect(preflight.writes()).toBe(1);
  preflight.setNow(5 * minuteMs);
  expect(preflight.isCurrent(of)).toBe(false);
  await preflight.check(of, latest, rotation);
  expect(preflight.writes()).toBe(2);
  expect(preflight.isCurrent(of)).toBe(true);
});

test("the five minutes → count from the sending of the write, not from its answer", async () => {
  const preflight = stage({ writeMs: 20_000 });
  await preflight.check(of, latest, rotation);
  preflight.setNow(5 * minuteMs - 1);
  expect(preflight.isCurrent(of)).toBe(true);
  preflight.setNow(5 * minuteMs);
  expect(preflight.isCurrent(of)).toBe(false);
});

test("the vault accepted a key → trusted for five minutes from the sending of that key", () => {
  const preflight = stage();
  preflight.accepted(of, minuteMs);
  preflight.accepted(of, 0);
  preflight.setNow(6 * minuteMs - 1);
  expect(preflight.isCurrent(of)).toBe(true);
  preflight.setNow(6 * minuteMs);
  expect(preflight.isCurrent(of)).toBe(false);
});

test("another kind or expiry of version, or another vault → needs a write of its own", async () => {
  const preflight = stage();
  const terms = { expireAfterDays: 30 };
  await preflight.check({ ...of, ...terms }, latest, rotation);
  const others = [
    runtime(undefined, terms),
    gateway("https://fabrikam.vault.azure.net", terms),
    of,
    { ...of, expireAfterDays: 90 },
  ];
  expect(others.map(preflight.isCurrent)).toEqual([false, false, false, false]);
});

test("the vault refused a key → trusted for no gateway until it accepts a preflight", async () => {
  const preflight = stage({
    answers: [
      { kind: "stored", secret },
      { kind: "refused", problem: forbidden },
    ],
  });
  await preflight.check(of, latest, rotation);
  preflight.refused(of.secret.vaultUrl);
  expect(preflight.isCurrent(of)).toBe(false);
  expect(await preflight.check(of, latest, rotation)).toEqual(forbidden);
  expect(preflight.isCurrent(of)).toBe(false);
  expect(await preflight.check(of, latest, rotation)).toBeUndefined();
});

test("gateways ask at the same time → one write for all", async () => {
  const preflight = stage();
  await Promise.all([
    preflight.check(of, latest, rotation),
    preflight.check({ ...of, name: "other" }, latest, rotation),
  ]);
  expect(preflight.writes()).toBe(1);
});

const throttled = { code: "throttled" as const, message: "429", transient: true };

test("the vault refuses for a moment → asked again, and trusted", async () => {
  const preflight = stage({ answers: [{ kind: "refused", problem: throttled }] });
  expect(await preflight.check(of, latest, rotation)).toBeUndefined();
  expect(preflight.writes()).toBe(2);
});

test("the vault refuses for a moment, and no time is left for three calls → not asked again", async () => {
  const preflight = stage({ answers: [{ kind: "refused", problem: throttled }] });
  preflight.setNow(functionTimeoutMs - 3 * callTimeoutMs);
  expect(await preflight.check(of, latest, rotation)).toEqual(throttled);
  expect(preflight.writes()).toBe(1);
});

test("a vault refuses a key → another vault stays trusted", async () => {
  const preflight = stage();
  const other = gateway("https://fabrikam.vault.azure.net");
  await preflight.check(of, latest, rotation);
  await preflight.check(other, latest, rotation);
  preflight.refused(of.secret.vaultUrl);
  expect([of, other].map(preflight.isCurrent)).toEqual([false, true]);
});
