import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayKinds, kindNames } from "../../src/domain/gatewayKinds.ts";
import { isPermitted } from "../../src/domain/inspection.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";
import { hasTwoKeys, type Target } from "../../src/domain/target.ts";

const group = "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf";

function targetOf(resourceType: string): Target {
  const [namespace, parentType, childType] = resourceType.split("/");
  const parsed = parseResourceId(`${group}/providers/${namespace}/${parentType}/parent/${childType}/own`);
  if (parsed.kind === "problem") throw new TypeError(parsed.rule);
  return parsed.target;
}

describe.each(kindNames)("the row of %s", (kind) => {
  const { resourceType, slots, actions } = gatewayKinds[kind];

  test("an id of its resource type → a target of that kind, with both names", () => {
    expect(targetOf(resourceType)).toMatchObject({ kind, parentName: "parent", name: "own" });
  });

  test("its slots → the one key, or the two between which the engine changes", () => {
    const two = hasTwoKeys(targetOf(resourceType));
    expect(slots).toEqual(two ? ["authKey1", "authKey2"] : ["key"]);
  });

  test("its actions → are on its resource type, and docs/security.md lists a permission for each", async () => {
    const text = await readFile(path.join(import.meta.dirname, "../../docs/security.md"), "utf8");
    const listed = [...text.matchAll(/^\| `(Microsoft\.[^`]+)`/gm)].map(([, action = ""]) => action);
    for (const action of actions) {
      expect(action.toLowerCase().startsWith(`${resourceType.toLowerCase()}/`)).toBe(true);
      expect(isPermitted([{ actions: listed, notActions: [] }], action)).toBe(true);
    }
  });
});

test("two kinds → never the same resource type or content type", () => {
  const rows = Object.values(gatewayKinds);
  expect(new Set(rows.map(({ resourceType }) => resourceType.toLowerCase())).size).toBe(rows.length);
  expect(new Set(rows.map(({ contentType }) => contentType)).size).toBe(rows.length);
});
