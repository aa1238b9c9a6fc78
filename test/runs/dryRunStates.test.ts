import { describe, expect, test } from "vitest";
import type { CallProblem } from "../../src/domain/attempt.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { PermissionsOutcome, TargetDescription, TargetInspector } from "../../src/domain/inspection.ts";
import type { Gateway, Run, TargetIdentity } from "../../src/domain/target.ts";
import { type Journal, journalName } from "../../src/journal/journal.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { dryRun } from "../../src/runs/dryRun.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import { disableLatest, softDelete, writeOutside } from "../simulation/models/outsideChanges.ts";
import { regenerate } from "../simulation/models/serviceOperations.ts";
import { liveKeys, secretAt, type World } from "../simulation/models/world.ts";
import { namedGateway, runtime } from "../support/gateways.ts";
import { type Deliver, forbidden, minuteMs, on, startStoredRuns } from "./storedRuns.ts";

const oneKey = namedGateway("a");
const twoKeys = runtime();
const dayMs = 24 * 60 * minuteMs;
const problem = (code: string): CallProblem => ({ code, message: "No.", transient: false });
const failed = (code: string) => ({ kind: "failed" as const, problem: problem(code) });
const attempts = (known: "open" | "unchanged" | "unknown") => [{ clientRequestId: "x", at: 1, known }];
const intent = (known: "open" | "unchanged" | "unknown"): Partial<Journal> => ({
  intent: {
    ...{ rotationId: "r", runId: "other", slot: "authKey2", reason: "asked", claimedUntil: 0 },
    attempts: attempts(known),
  },
});
const failure: NonNullable<Journal["failure"]> = {
  ...{ at: 1, code: "c", effect: "unchanged", message: "M.", nextAction: "N.", keyWorks: false },
  isKeyDead: true,
};

/** What Resource Manager shows of a gateway. */
const inspectorOf = (
  described: TargetDescription = { kind: "ready" },
  permitted: PermissionsOutcome = { kind: "read", permissions: [{ actions: ["*"], notActions: [] }] },
): TargetInspector => ({
  describe: async () => described,
  permissions: async () => permitted,
  host: async () => failed("not-found"),
});

interface Plan {
  readonly run?: Partial<Run>;
  readonly deliver?: Deliver;
  readonly described?: TargetDescription;
  readonly permitted?: PermissionsOutcome;
  readonly alter?: (blobs: BlobStore) => BlobStore;
  /** This machine's clock less storage's. */
  readonly offMs?: number;
  /** Until the invocation's deadline. */
  readonly leftMs?: number;
  /** Until the caller must be answered. */
  readonly yieldMs?: number;
}

/** A gateway that was never rotated, and dry runs of it. */
function start(of: Gateway) {
  const lab = startStoredRuns([of]);

  async function plan({
    run,
    deliver,
    alter = (blobs) => blobs,
    offMs,
    leftMs,
    yieldMs,
    ...shown
  }: Plan = {}) {
    const before = lab.holder.world;
    const { services, terms, calls } = lab.invocation(deliver, offMs);
    const inspector = inspectorOf(shown.described, shown.permitted);
    const [planned, ...more] = await lab.clock.run(
      dryRun({ ...services, blobs: alter(services.blobs), inspector }, [of], {
        ...terms,
        ...(leftMs === undefined ? {} : { deadline: services.clock.now() + leftMs }),
        ...(yieldMs === undefined ? {} : { yieldAt: services.clock.now() + yieldMs }),
        run: runNamed("dry-run", { trigger: "http", ...run }),
        createdAt: services.clock.now(),
      }),
    );
    if (planned === undefined || more.length > 0) throw new Error("One gateway, one plan");
    const { world } = lab.holder;
    expect([world.targets, world.blobs.blobs, secretAt(world, of.secret)]).toEqual([
      before.targets,
      before.blobs.blobs,
      secretAt(before, of.secret),
    ]);
    const { would, keyWorks, rotatedAt, problems } = planned;
    const codes = problems.map(({ code }) => code);
    return { reason: would?.reason, keyWorks, rotatedAt, codes, problems, calls };
  }

  return {
    ...lab,
    plan,
    change: (edit: (world: World) => World) => {
      lab.holder.world = edit(lab.holder.world);
    },
  };
}

/** A gateway that was rotated, and whose verification is done. */
async function rotated(of: Gateway, changes: Partial<Journal> = {}) {
  const lab = start(of);
  await lab.create("run", [of]);
  for (const waitMs of [5 * minuteMs, 40 * minuteMs]) {
    await lab.wait(waitMs);
    const { services, storage, terms } = lab.invocation();
    await lab.clock.run(resumeRuns(services, storage, terms, [of]));
  }
  await lab.editJournal(of, (journal) => ({ ...journal, ...changes }));
  const latest = secretAt(lab.holder.world, of.secret).versions.at(-1);
  return { ...lab, rotatedAt: (latest?.createdOn ?? 0) * 1000 };
}

const content = (value: string, tags = {}) => ({ value, tags, contentType: "text/plain" });
const byHand = (of: Gateway) => (world: World) => writeOutside(world, of.secret, content("x", { team: "t" }));

describe("a dry run of a gateway that nothing is wrong with", () => {
  test.each([
    ["one key", oneKey],
    ["two keys", twoKeys],
  ])("%s, never rotated → would be rotated, and nothing is known of a key", async (_, of) => {
    expect(await start(of).plan()).toMatchObject({
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

  test("two keys, another's version that holds a working key → rotated next, and its key works", async () => {
    const lab = await rotated(twoKeys);
    const key = liveKeys(lab.holder.world, twoKeys.target)["authKey1"] ?? "";
    lab.change((world) => writeOutside(world, twoKeys.secret, content(key)));
    expect(await lab.plan()).toMatchObject({
      reason: "foreign-version",
      keyWorks: true,
      rotatedAt: undefined,
      codes: [],
    });
  });
});

test("a version was written by hand before the first rotation → nothing is known of its key", async () => {
  const lab = start(oneKey);
  lab.change(byHand(oneKey));
  expect(await lab.plan()).toMatchObject({ reason: "foreign-version", keyWorks: "unknown", codes: [] });
});

test.each([
  ["enabled", (world: World) => world],
  ["disabled", (world: World) => disableLatest(world, oneKey.secret)],
])(
  "the latest version is %s → the vault is tried with the tags that the next one takes over",
  async (_, edit) => {
    const lab = start(oneKey);
    lab.change((world) => edit(byHand(oneKey)(world)));
    const { calls } = await lab.plan();
    const [written, ...more] = calls.filter(({ operation }) => operation === "write");
    expect(written?.payload).toContain('"team":"t"');
    expect(more).toEqual([]);
  },
);

test("250 two-key gateways of one subscription → their lists wait for its limit of writes", async () => {
  const many = Array.from({ length: 250 }, (_, i) => {
    const resourceId = `${twoKeys.target.resourceId}${i}`;
    const identity = resourceId.toLowerCase() as TargetIdentity;
    return { ...twoKeys, target: { ...twoKeys.target, resourceId, identity } };
  });
  const lab = startStoredRuns(many);
  const begun = lab.clock.now();
  const lists: number[] = [];
  const { services, terms } = lab.invocation(({ operation }) => {
    if (operation === "listKeys") lists.push(lab.clock.now() - begun);
    return undefined;
  });
  const run = runNamed("dry-run", { trigger: "http" });
  const planned = await lab.clock.run(
    dryRun({ ...services, inspector: inspectorOf() }, many, { ...terms, run, createdAt: begun }),
  );
  expect(planned.filter(({ problems }) => problems.length > 0)).toEqual([]);
  expect(lists).toHaveLength(250);
  expect(lists.filter((at) => at < 1000).length).toBeLessThanOrEqual(210);
  expect(lists.at(-1)).toBeGreaterThan(4000);
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

describe("a dry run where something cannot be read", () => {
  test("the journal → what would happen is unknown, and the vault is checked all the same", async () => {
    const lab = await rotated(oneKey);
    expect(
      await lab.plan({ deliver: on("readBlob", journalName(oneKey)), run: { trigger: "http" } }),
    ).toMatchObject({
      reason: undefined,
      keyWorks: "unknown",
      rotatedAt: undefined,
      codes: ["storage-forbidden"],
    });
  });

  test("the keys of two, and another's version is the latest → nothing is known of its key", async () => {
    const lab = await rotated(twoKeys);
    lab.change(byHand(twoKeys));
    expect(
      await lab.plan({ deliver: ({ operation }) => (operation === "listKeys" ? forbidden : undefined) }),
    ).toMatchObject({ keyWorks: "unknown", codes: ["list-keys-forbidden"] });
  });

  test("whether the vault has deleted the secret, before the answer is due → not checked", async () => {
    const lab = await rotated(oneKey);
    lab.change((world) => softDelete(world, oneKey.secret, 10 * minuteMs));
    const { codes, keyWorks } = await lab.plan({ yieldMs: 10_000 });
    expect(codes).toContain("not-checked");
    expect(keyWorks).toBe(false);
  });

  test("the journal is another version's → named, and left", async () => {
    const lab = start(oneKey);
    await lab.blobs().write(journalName(oneKey), "{}", { kind: "absent" });
    expect(await lab.plan()).toMatchObject({ reason: undefined, codes: ["journal-unreadable"] });
  });

  test("the secret → the journal's word on its key is kept, and no state is claimed", async () => {
    const lab = await rotated(oneKey, intent("open"));
    expect(await lab.plan({ deliver: on("readLatest", oneKey.secret.secretName) })).toMatchObject({
      reason: undefined,
      keyWorks: "unknown",
      rotatedAt: undefined,
      codes: ["vault-forbidden"],
    });
  });

  test.each<[string, Plan, string[], number]>([
    [
      "a gateway that is not there, nor its permissions",
      { described: failed("not-found"), permitted: failed("not-found") },
      ["gateway-not-found"],
      0,
    ],
    [
      "a gateway, and its permissions for another cause",
      { described: failed("not-found"), permitted: failed("forbidden") },
      ["gateway-not-found", "permissions-forbidden"],
      0,
    ],
    ["its permissions alone", { permitted: failed("forbidden") }, ["permissions-forbidden"], 1],
    ["a linked runtime", { described: { kind: "linked" } }, ["runtime-linked"], 0],
    ["a runtime of Azure", { described: { kind: "managed" } }, ["runtime-managed"], 0],
    [
      "a linked runtime, and permissions that cannot be read",
      { described: { kind: "linked" }, permitted: failed("forbidden") },
      ["runtime-linked", "permissions-forbidden"],
      0,
    ],
    [
      "a gateway without a permission",
      { permitted: { kind: "read", permissions: [] } },
      ["permission-missing"],
      0,
    ],
  ])("%s → named, and its keys are listed only where that may succeed", async (_, plan, codes, lists) => {
    const planned = await start(twoKeys).plan(plan);
    expect(planned.codes).toEqual(codes);
    expect(planned.calls.filter(({ operation }) => operation === "listKeys")).toHaveLength(lists);
  });

  test("two permissions are missing → both are named", async () => {
    const { problems } = await start(twoKeys).plan({ permitted: { kind: "read", permissions: [] } });
    expect(problems[0]?.message).toMatch(/regenerateAuthKey\/action and .*listAuthKeys\/action\./i);
  });
});

describe("a dry run tries storage", () => {
  const trial = (name: string) => name.startsWith("dry-run/");
  const conflict = { kind: "conflict" } as const;
  test.each<[string, (blobs: BlobStore) => BlobStore, string]>([
    [
      "refuses a new blob",
      (blobs) => ({
        ...blobs,
        write: async (name, ...more) => (trial(name) ? conflict : blobs.write(name, ...more)),
      }),
      "storage-conflict",
    ],
    [
      "refuses a write whose condition holds",
      (blobs) => ({
        ...blobs,
        write: async (name, text, condition, ...more) =>
          trial(name) && condition.kind === "unchanged"
            ? conflict
            : blobs.write(name, text, condition, ...more),
      }),
      "storage-conflict",
    ],
    [
      "does not remove a blob",
      (blobs) => ({
        ...blobs,
        async remove(name) {
          await blobs.remove(name);
          return failed("forbidden");
        },
      }),
      "storage-forbidden",
    ],
  ])("storage %s → not ready", async (_, alter, code) => {
    expect((await start(oneKey).plan({ alter })).codes).toEqual([code]);
  });

  test("storage answers nothing → reported once", async () => {
    const alter = (blobs: BlobStore): BlobStore => ({
      ...blobs,
      read: async () => failed("forbidden"),
      write: async () => ({ kind: "refused", problem: problem("forbidden") }),
    });
    expect((await start(oneKey).plan({ alter })).codes).toEqual(["storage-forbidden"]);
  });
});

test.each([
  ["just enough time for a rotation is left → checked", 0, []],
  ["less time than a rotation takes is left → not checked", -1, ["not-checked"]],
])("%s", async (_, moreMs, codes) => {
  expect((await start(oneKey).plan({ leftMs: callsOfRotation * callTimeoutMs + moreMs })).codes).toEqual(
    codes,
  );
});
