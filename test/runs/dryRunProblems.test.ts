import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Permission } from "../../src/domain/inspection.ts";
import { journalName } from "../../src/journal/journal.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { callTimeoutMs } from "../simulation/engine/engineRunners.ts";
import { softDelete, writeOutside } from "../simulation/models/outsideChanges.ts";
import {
  byHand,
  content,
  failed,
  intent,
  oneKey,
  type Plan,
  problem,
  rotated,
  startDryRuns,
  twoKeys,
} from "./dryRuns.ts";
import { type Deliver, forbidden, minuteMs, refusingCall } from "./storedRuns.ts";

describe("a dry run where something cannot be read", () => {
  test("the journal cannot be read → no decision, and the vault is read nevertheless", async () => {
    const lab = await rotated(oneKey);
    const { calls, ...planned } = await lab.plan({
      deliver: refusingCall("readBlob", journalName(oneKey)),
      run: { trigger: "http" },
    });
    expect(planned).toMatchObject({
      reason: undefined,
      keyWorks: "unknown",
      rotatedAt: undefined,
      codes: ["storage-forbidden"],
    });
    expect(calls).toContainEqual(
      expect.objectContaining({ operation: "readLatest", subject: oneKey.secret.secretName }),
    );
  });

  test("two keys cannot be listed, and the latest version is foreign → the key's state is unknown", async () => {
    const lab = await rotated(twoKeys);
    lab.change(byHand(twoKeys));
    expect(
      await lab.plan({ deliver: ({ operation }) => (operation === "listKeys" ? forbidden : undefined) }),
    ).toMatchObject({ keyWorks: "unknown", codes: ["list-keys-forbidden"] });
  });

  test("two keys cannot be listed before the first rotation → named", async () => {
    const deliver: Deliver = ({ operation }) => (operation === "listKeys" ? forbidden : undefined);
    expect((await startDryRuns(twoKeys).plan({ deliver })).codes).toEqual(["list-keys-forbidden"]);
  });

  test("the vault deletes the secret some seconds later → waited for, and reported as deleted", async () => {
    const lab = await rotated(oneKey);
    lab.change((world) => softDelete(world, oneKey.secret, 10_000));
    expect((await lab.plan()).codes).toEqual(["secret-soft-deleted"]);
  });

  test("the vault is still deleting the secret when the answer is due → not checked", async () => {
    const lab = await rotated(oneKey);
    lab.change((world) => softDelete(world, oneKey.secret, 10 * minuteMs));
    const { codes, keyWorks } = await lab.plan({ yieldMs: 10_000 });
    expect(codes).toContain("not-checked");
    expect(keyWorks).toBe(false);
  });

  test("the journal is not valid → reported as unreadable, and no decision", async () => {
    const lab = startDryRuns(oneKey);
    await lab.blobs().write(journalName(oneKey), "{}", { kind: "absent" });
    expect(await lab.plan()).toMatchObject({ reason: undefined, codes: ["journal-unreadable"] });
  });

  test("the secret cannot be read, and an intent is open → no decision, the key's state is unknown", async () => {
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
      "the gateway and its permissions do not exist",
      { described: failed("not-found"), permitted: failed("not-found") },
      ["gateway-not-found"],
      0,
    ],
    [
      "the gateway does not exist, and its permissions cannot be read",
      { described: failed("not-found"), permitted: failed("forbidden") },
      ["gateway-not-found", "permissions-forbidden"],
      0,
    ],
    ["its permissions cannot be read", { permitted: failed("forbidden") }, ["permissions-forbidden"], 1],
    ["the runtime is linked", { described: { kind: "linked" } }, ["runtime-linked"], 0],
    ["the runtime is managed by Azure", { described: { kind: "managed" } }, ["runtime-managed"], 0],
    [
      "the runtime is linked, and its permissions cannot be read",
      { described: { kind: "linked" }, permitted: failed("forbidden") },
      ["runtime-linked", "permissions-forbidden"],
      0,
    ],
    ["a permission is missing", { permitted: { kind: "read", permissions: [] } }, ["permission-missing"], 0],
  ])("%s → reported, and its keys are listed only if that may succeed", async (_, plan, codes, lists) => {
    const planned = await startDryRuns(twoKeys).plan(plan);
    expect(planned.codes).toEqual(codes);
    expect(planned.calls.filter(({ operation }) => operation === "listKeys")).toHaveLength(lists);
  });

  const action = (name: string) => `Microsoft.DataFactory/factories/integrationruntimes/${name}/action`;
  const both = [action("regenerateauthkey"), action("listauthkeys")];
  test.each<[string, readonly Permission[], readonly string[]]>([
    ["no role at all", [], both],
    ["a role that reads", [{ actions: ["*/read"], notActions: [] }], both],
    [
      "a role that takes it back",
      [{ actions: ["*"], notActions: ["Microsoft.DataFactory/*/regenerate*/action"] }],
      both.slice(0, 1),
    ],
    [
      "one action in each of two roles",
      both.map((each) => ({ actions: [each.toUpperCase()], notActions: [] })),
      [],
    ],
  ])("%s → the missing actions by name", async (_, permissions, missing) => {
    const { problems } = await startDryRuns(twoKeys).plan({ permitted: { kind: "read", permissions } });
    const messages = missing.length === 0 ? [] : [expect.stringContaining(` ${missing.join(" and ")}.`)];
    expect(problems.map(({ message }) => message)).toEqual(messages);
  });

  const isWrite: Deliver = ({ operation }) => (operation === "write" ? forbidden : undefined);
  const refusesAll: Deliver = ({ service }) => (service === "Blob Storage" ? undefined : forbidden);
  test.each<[string, Plan, string[]]>([
    ["the vault refuses writes", { deliver: isWrite }, ["vault-takes-no-writes"]],
    [
      "the vault and Resource Manager refuse every call",
      { deliver: refusesAll, described: failed("forbidden"), permitted: failed("forbidden") },
      ["vault-forbidden", "vault-takes-no-writes", "gateway-forbidden"],
    ],
  ])("%s → each obstacle is reported", async (_, plan, codes) => {
    expect((await startDryRuns(oneKey).plan(plan)).codes).toEqual(codes);
  });

  test("another deployment's secret → refused, unless the request sets takeOwnership", async () => {
    const lab = startDryRuns(oneKey);
    const theirs = content("x", { "managed-by": "gateway-key-rotation/other" });
    lab.change((world) => writeOutside(world, oneKey.secret, theirs));
    expect((await lab.plan()).codes).toEqual(["other-deployment"]);
    expect((await lab.plan({ run: { takeOwnership: true } })).codes).toEqual([]);
  });
});

describe("a dry run writes a blob and removes it", () => {
  const trial = (name: string) => name.startsWith("dry-run/");
  const conflict = { kind: "conflict" } as const;
  const refused = { kind: "refused", problem: problem("forbidden") } as const;
  test.each<[string, (blobs: BlobStore) => BlobStore, string]>([
    [
      "refuses a new blob",
      (blobs) => ({
        ...blobs,
        write: async (name, ...more) => (trial(name) ? conflict : blobs.write(name, ...more)),
      }),
      "storage-conflict",
    ],
    ["permits no write", (blobs) => ({ ...blobs, write: async () => refused }), "storage-forbidden"],
    [
      "permits no change of a blob",
      (blobs) => ({
        ...blobs,
        write: async (name, text, condition, ...more) =>
          condition.kind === "unchanged" ? refused : blobs.write(name, text, condition, ...more),
      }),
      "storage-forbidden",
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
  ])("storage %s → reported", async (_, alter, code) => {
    expect((await startDryRuns(oneKey).plan({ alter })).codes).toEqual([code]);
  });

  test("storage refuses every call → reported once", async () => {
    const alter = (blobs: BlobStore): BlobStore => ({
      ...blobs,
      read: async () => failed("forbidden"),
      write: async () => refused,
    });
    expect((await startDryRuns(oneKey).plan({ alter })).codes).toEqual(["storage-forbidden"]);
  });
});

test("the time for an answer is up → not checked, and no service is called but storage", async () => {
  const { codes, calls } = await startDryRuns(oneKey).plan({ yieldMs: -1 });
  expect(codes).toEqual(["not-checked"]);
  expect(calls.filter(({ operation }) => !operation.endsWith("Blob"))).toEqual([]);
});

test.each([
  ["just enough time for a rotation is left → checked", 0, []],
  ["less time than a rotation takes is left → not checked", -1, ["not-checked"]],
])("%s", async (_, moreMs, codes) => {
  expect(
    (await startDryRuns(oneKey).plan({ leftMs: callsOfRotation * callTimeoutMs + moreMs })).codes,
  ).toEqual(codes);
});
