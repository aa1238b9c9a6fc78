import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import { journalName } from "../../src/journal/journal.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { callTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { softDelete } from "../simulation/models/outsideChanges.ts";
import {
  byHand,
  failed,
  intent,
  oneKey,
  type Plan,
  problem,
  rotated,
  startDryRuns,
  twoKeys,
} from "./dryRuns.ts";
import { forbidden, minuteMs, refusingCall } from "./storedRuns.ts";

describe("a dry run where something cannot be read", () => {
  test("the journal → what would happen is unknown, and the vault is checked all the same", async () => {
    const lab = await rotated(oneKey);
    expect(
      await lab.plan({ deliver: refusingCall("readBlob", journalName(oneKey)), run: { trigger: "http" } }),
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
    const lab = startDryRuns(oneKey);
    await lab.blobs().write(journalName(oneKey), "{}", { kind: "absent" });
    expect(await lab.plan()).toMatchObject({ reason: undefined, codes: ["journal-unreadable"] });
  });

  test("the secret → the journal's word on its key is kept, and no state is claimed", async () => {
    const lab = await rotated(oneKey, intent("open"));
    expect(await lab.plan({ deliver: refusingCall("readLatest", oneKey.secret.secretName) })).toMatchObject({
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
    const planned = await startDryRuns(twoKeys).plan(plan);
    expect(planned.codes).toEqual(codes);
    expect(planned.calls.filter(({ operation }) => operation === "listKeys")).toHaveLength(lists);
  });

  test("two permissions are missing → both are named", async () => {
    const { problems } = await startDryRuns(twoKeys).plan({ permitted: { kind: "read", permissions: [] } });
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
    expect((await startDryRuns(oneKey).plan({ alter })).codes).toEqual([code]);
  });

  test("storage answers nothing → reported once", async () => {
    const alter = (blobs: BlobStore): BlobStore => ({
      ...blobs,
      read: async () => failed("forbidden"),
      write: async () => ({ kind: "refused", problem: problem("forbidden") }),
    });
    expect((await startDryRuns(oneKey).plan({ alter })).codes).toEqual(["storage-forbidden"]);
  });
});

test.each([
  ["just enough time for a rotation is left → checked", 0, []],
  ["less time than a rotation takes is left → not checked", -1, ["not-checked"]],
])("%s", async (_, moreMs, codes) => {
  expect(
    (await startDryRuns(oneKey).plan({ leftMs: callsOfRotation * callTimeoutMs + moreMs })).codes,
  ).toEqual(codes);
});
