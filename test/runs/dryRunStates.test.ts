import { describe, expect, test } from "vitest";
import type { Gateway, TargetIdentity } from "../../src/domain/target.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { dryRun } from "../../src/runs/dryRun.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import {
  disableLatest,
  ownByCertificate,
  softDelete,
  writeOutside,
} from "../simulation/models/outsideChanges.ts";
import { regenerate } from "../simulation/models/serviceOperations.ts";
import { liveKeys, type World } from "../simulation/models/world.ts";
import { lastFailure } from "../support/journalParts.ts";
import {
  byHand,
  content,
  inspectorOf,
  intent,
  oneKey,
  problem,
  rotated,
  startDryRuns,
  twoKeys,
} from "./dryRuns.ts";
import { minuteMs, startStoredRuns } from "./storedRuns.ts";

const dayMs = 24 * 60 * minuteMs;
const failure = { ...lastFailure, keyWorks: false, isKeyDead: true } as const;

describe("a dry run of a gateway that nothing is wrong with", () => {
  test.each([
    ["one key", oneKey],
    ["two keys", twoKeys],
  ])("%s, never rotated → would be rotated, and nothing is known of a key", async (_, of) => {
    expect(await startDryRuns(of).plan()).toMatchObject({
      reason: "no-version",
      keyWorks: "unknown",
      rotatedAt: undefined,
      codes: [],
    });
  });

  test.each([
    ["one key", oneKey],
    ["two keys", twoKeys],
  ])("%s, rotated → its key works, and when it was rotated", async (_, of) => {
    const lab = await rotated(of);
    expect(await lab.plan()).toMatchObject({
      reason: "asked",
      keyWorks: true,
      rotatedAt: lab.rotatedAt,
      codes: [],
    });
  });

  test("its verification is due → what follows it is shown", async () => {
    const verification = { at: 1, suspect: false };
    const lab = await rotated({ ...oneKey, rotateEveryDays: 30 }, { verification });
    expect(await lab.plan({ run: { trigger: "schedule" } })).toMatchObject({ reason: "not-due", codes: [] });
  });

  test.each([-2, 0, 2])("our clock is %i days off → due by storage's", async (days) => {
    const lab = await rotated({ ...oneKey, rotateEveryDays: 30 });
    const run = { trigger: "schedule" } as const;
    const offMs = days * dayMs;
    await lab.wait(29 * dayMs);
    expect((await lab.plan({ run, offMs })).reason).toBe("not-due");
    await lab.wait(dayMs);
    expect((await lab.plan({ run, offMs })).reason).toBe("due");
  });

  test("two keys, another's version that holds a working key in quotes → rotated next, and its key works", async () => {
    const lab = await rotated(twoKeys);
    const key = liveKeys(lab.holder.world, twoKeys.target)["authKey1"] ?? "";
    lab.change((world) => writeOutside(world, twoKeys.secret, content(`"${key}"`)));
    expect(await lab.plan()).toMatchObject({
      reason: "foreign-version",
      keyWorks: true,
      rotatedAt: undefined,
      codes: [],
    });
  });
});

test("a version was written by hand before the first rotation → nothing is known of its key", async () => {
  const lab = startDryRuns(oneKey);
  lab.change(byHand(oneKey));
  expect(await lab.plan()).toMatchObject({ reason: "foreign-version", keyWorks: "unknown", codes: [] });
});

test.each([
  ["enabled", (world: World) => world],
  ["disabled", (world: World) => disableLatest(world, oneKey.secret)],
])(
  "the latest version is %s → the vault is tried with the tags that the next one takes over",
  async (_, edit) => {
    const lab = startDryRuns(oneKey);
    lab.change((world) => edit(byHand(oneKey)(world)));
    const { calls } = await lab.plan();
    const [written, ...more] = calls.filter(({ operation }) => operation === "write");
    expect(written?.payload).toContain('"team":"t"');
    expect(more).toEqual([]);
  },
);

test("250 two-key gateways → one write to their vault, and lists wait for the subscription's limit", async () => {
  const many = Array.from({ length: 250 }, (_, i) => {
    const resourceId = `${twoKeys.target.resourceId}${i}`;
    const identity = resourceId.toLowerCase() as TargetIdentity;
    return { ...twoKeys, target: { ...twoKeys.target, resourceId, identity } };
  });
  const lab = startStoredRuns(many);
  const begun = lab.clock.now();
  const lists: number[] = [];
  const { services, terms, calls } = lab.invocation(({ operation }) => {
    if (operation === "listKeys") lists.push(lab.clock.now() - begun);
    return undefined;
  });
  const run = runNamed("dry-run", { trigger: "http" });
  const planned = await lab.clock.run(
    dryRun({ ...services, inspector: inspectorOf() }, many, { ...terms, run, createdAt: begun }),
  );
  expect(planned.filter(({ problems }) => problems.length > 0)).toEqual([]);
  expect(calls.filter(({ operation }) => operation === "write")).toHaveLength(1);
  expect(lists).toHaveLength(250);
  expect(lists.filter((at) => at < 1000).length).toBeLessThanOrEqual(210);
  expect(lists.at(-1)).toBeGreaterThan(4000);
});

test("one vault requires an expiry, and one of two gateways has none → that one is not ready", async () => {
  const both = [{ ...oneKey, expireAfterDays: 90 }, twoKeys];
  const lab = startStoredRuns(both);
  const { services, terms } = lab.invocation();
  const write: typeof services.secrets.write = async (address, version) =>
    version.expiresOn === undefined
      ? { kind: "refused", problem: problem("forbidden") }
      : services.secrets.write(address, version);
  const secrets = { ...services.secrets, write };
  const run = runNamed("dry-run", { trigger: "http" });
  const planned = await lab.clock.run(
    dryRun({ ...services, secrets, inspector: inspectorOf() }, both, {
      ...terms,
      run,
      createdAt: lab.clock.now(),
    }),
  );
  const codes = planned.map(({ problems }) => problems.map(({ code }) => code));
  expect(codes).toEqual([[], ["vault-takes-no-writes"]]);
});

describe("a dry run of a gateway whose present state is wrong", () => {
  test.each<[string, Gateway, Partial<Journal>, (world: World) => World, boolean | "unknown", string[]]>([
    ["one key, another's version is the latest", oneKey, {}, byHand(oneKey), "unknown", ["key-in-doubt"]],
    [
      "one key, its version is disabled",
      oneKey,
      {},
      (world) => disableLatest(world, oneKey.secret),
      false,
      ["key-dead"],
    ],
    [
      "two keys, its version is disabled",
      twoKeys,
      {},
      (world) => disableLatest(world, twoKeys.secret),
      false,
      ["key-dead"],
    ],
    ["its key was recorded as dead", oneKey, { failure }, (world) => world, false, ["key-dead"]],
    [
      "two keys, the published one was replaced by hand",
      twoKeys,
      {},
      (world) => regenerate(world, twoKeys.target, "authKey2", "by hand").world,
      false,
      ["published-key-dead"],
    ],
    [
      "its secret was deleted, which says more than a dead key",
      oneKey,
      {},
      (world) => softDelete(world, oneKey.secret),
      false,
      ["secret-soft-deleted"],
    ],
    [
      "its secret belongs to a certificate now",
      oneKey,
      {},
      (world) => ownByCertificate(world, oneKey.secret),
      true,
      ["owned-by-certificate"],
    ],
    ["one key, an attempt is open", oneKey, intent("open"), (world) => world, "unknown", ["key-in-doubt"]],
    [
      "one key, a rotation is open that has not touched it",
      oneKey,
      intent("unchanged"),
      (world) => world,
      true,
      ["being-rotated"],
    ],
    ["two keys, an attempt is open", twoKeys, intent("open"), (world) => world, true, ["being-rotated"]],
    [
      "its commit is suspect",
      oneKey,
      { verification: { at: 1, suspect: true } },
      (world) => world,
      "unknown",
      ["key-in-doubt"],
    ],
  ])("%s → named", async (_, of, changes, edit, keyWorks, codes) => {
    const lab = await rotated(of, changes);
    lab.change(edit);
    expect(await lab.plan()).toMatchObject({ keyWorks, codes });
  });

  test.each([
    ["one key", oneKey, ["key-in-doubt"]],
    ["two keys", twoKeys, ["being-rotated"]],
  ])("%s, and an attempt of the first rotation is open → named", async (_, of, codes) => {
    const lab = await rotated(of, { commit: null, slots: {}, ...intent("open") });
    lab.change((world) => ({ ...world, vaults: { [of.secret.vaultUrl]: {} } }));
    expect(await lab.plan()).toMatchObject({ keyWorks: "unknown", codes });
  });
});
