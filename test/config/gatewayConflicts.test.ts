import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  gateway,
  gatewaysOf,
  pathsOf,
  problemsOf,
  runtime,
  sample,
  surroundings,
} from "./gatewaysDocuments.ts";

describe("gateways that contradict each other", () => {
  const named = (name: string, terms: object = {}) => ({ resourceId: runtime(name), ...terms });
  const sameVault = { secretName: "key", vaultUrl: "https://CONTOSO.vault.azure.net" };

  test.each([
    ["one resource id in two spellings", named("lab"), named("LAB"), "resourceId"],
    ["the same name in another case", named("lab", { name: "Warehouse" }), named("warehouse"), "name"],
    [
      "the same secret in another case",
      named("lab", { secretName: "KEY" }),
      named("warehouse", sameVault),
      "secretName",
    ],
  ])("%s → one problem, with both places", (_, first, second, property) => {
    expect(problemsOf({ gateways: [first, { resourceId: gateway }, second] })).toMatchObject([
      { path: `gateways[2].${property}`, rule: expect.stringContaining("gateways[0]") },
    ]);
  });

  test("runtimes of the same name in two factories → one of them needs another name", () => {
    const gateways = ["one", "two"].map((factory) => ({ resourceId: runtime("lab", factory) }));
    expect(problemsOf({ gateways })).toMatchObject([{ path: "gateways[1].name", value: '"lab"' }]);
  });

  test("a wrong entry among valid ones → the valid ones are still compared with each other", () => {
    const gateways = [
      { resourceId: runtime("lab"), expireAfterDays: "x" },
      { resourceId: runtime("lab") },
      { resourceId: runtime("LAB") },
      { resourceId: runtime("stock"), name: "LAB" },
      { resourceId: runtime("shop"), rotateEveryDays: 30, expireAfterDays: 30 },
    ];
    expect(pathsOf({ gateways })).toEqual([
      "gateways[0].expireAfterDays",
      "gateways[4].expireAfterDays",
      "gateways[2].resourceId",
      "gateways[3].name",
    ]);
  });

  test("wrong defaults → names and resource ids are still compared, secrets are not", () => {
    const gateways = [
      { resourceId: runtime("lab"), secretName: "key" },
      { resourceId: runtime("shop"), secretName: "key", name: "LAB" },
    ];
    expect(pathsOf({ defaults: { vaultUrl: "contoso" }, gateways })).toEqual([
      "defaults.vaultUrl",
      "gateways[1].name",
    ]);
  });
});

describe("a disabled entry", () => {
  const successor = { resourceId: runtime("lab"), name: "warehouse", secretName: "key" };

  test.each([
    ["resource id", { resourceId: runtime("LAB"), name: "old", secretName: "old" }],
    ["name", { resourceId: runtime("old"), name: "Warehouse", secretName: "old" }],
    ["secret", { resourceId: runtime("old"), name: "old", secretName: "KEY" }],
  ])("a disabled entry with the %s of an enabled one → accepted, before or behind it", (_, entry) => {
    const disabled = { ...entry, enabled: false };
    expect(gatewaysOf({ gateways: [disabled, successor] })).toMatchObject([{ name: "warehouse" }]);
    expect(gatewaysOf({ gateways: [successor, disabled] })).toMatchObject([{ name: "warehouse" }]);
    expect(pathsOf({ gateways: [{ ...entry, enabled: true }, successor] })).toHaveLength(1);
  });

  test("a disabled entry with problems of its own → they are reported", () => {
    const disabled = { resourceId: runtime("LAB"), name: "*", rotateEveryDays: 0, enabled: false };
    expect(pathsOf({ gateways: [disabled, successor] })).toEqual([
      "gateways[0].name",
      "gateways[0].rotateEveryDays",
    ]);
  });

  test("an entry whose enabled is wrong → no second problem follows from it", () => {
    expect(pathsOf({ gateways: [{ ...successor, enabled: "false" }, successor] })).toEqual([
      "gateways[0].enabled",
    ]);
  });
});

test("a wrong property → its default does not take its place, so no second problem follows", () => {
  const terms = { resourceId: gateway, expireAfterDays: "60", rotateEveryDays: 30 };
  expect(pathsOf({ defaults: { expireAfterDays: 10 }, gateways: [terms] })).toEqual([
    "gateways[0].expireAfterDays",
  ]);
  const named = [{ resourceId: runtime("lab", "one") }, { resourceId: runtime("lab", "two"), name: "" }];
  expect(pathsOf({ gateways: named })).toEqual(["gateways[1].name"]);
});

describe("a key that would expire within 7 days after its successor is due", () => {
  const early = { expireAfterDays: 37, rotateEveryDays: 30 };

  test("an entry that expires 7 days after its successor is due → refused; 8 days → accepted", () => {
    const gateways = [{ resourceId: gateway, ...early, enabled: false }, { resourceId: runtime("lab") }];
    expect(problemsOf({ gateways })).toMatchObject([
      {
        path: "gateways[0].expireAfterDays",
        remedy: 'write "rotateEveryDays": 30 and "expireAfterDays": 38 or more',
      },
    ]);
    expect(
      pathsOf({ gateways: [{ resourceId: gateway, expireAfterDays: 38, rotateEveryDays: 30 }] }),
    ).toEqual([]);
  });

  test("an entry that contradicts the defaults → reported at the entry", () => {
    const defaults = { expireAfterDays: 37 };
    expect(pathsOf({ defaults, gateways: [{ resourceId: gateway, rotateEveryDays: 30 }] })).toEqual([
      "gateways[0].rotateEveryDays",
    ]);
  });

  test("defaults that contradict each other → reported there, once", () => {
    const gateways = [{ resourceId: gateway }, { resourceId: runtime("lab") }];
    expect(pathsOf({ defaults: early, gateways })).toEqual(["defaults.expireAfterDays"]);
  });

  test("a period of ten years → the remedy stays within the bounds of both", () => {
    const gateways = [{ resourceId: gateway, expireAfterDays: 8, rotateEveryDays: 3650 }];
    expect(problemsOf({ gateways })).toMatchObject([
      { remedy: 'write "rotateEveryDays": 3642 and "expireAfterDays": 3650 or more' },
    ]);
  });

  test("the alert secretNearExpiry → 7 days before a version expires", async () => {
    const query = new URL("../../infra/queries/alerts/secretNearExpiry.kql", import.meta.url);
    expect(await readFile(query, "utf8")).toContain("earliestExpiry < now() + 7d");
  });
});

describe("the sample", () => {
  test("the sample with a real Resource Manager → refused, once", () => {
    const gateways = [
      { resourceId: gateway },
      { resourceId: sample },
      { resourceId: sample.replace("lab", "shop") },
    ];
    expect(problemsOf({ gateways })).toMatchObject([
      { path: "gateways[1].resourceId", rule: expect.stringContaining("this is the sample configuration") },
    ]);
  });

  test("the sample on the local machine → accepted", () => {
    const local = { ...surroundings, sampleAllowed: true };
    expect(gatewaysOf({ gateways: [{ resourceId: sample }] }, local)).toHaveLength(1);
  });
});
