import { describe, expect, test } from "vitest";
import { gatewayKinds, kindNames } from "../../src/domain/gatewayKinds.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";

const subscription = "5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58";
const group = `/subscriptions/${subscription}/resourceGroups/adf`;
const gatewayId = `${group}/providers/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest`;
const runtimeId = `${group}/providers/Microsoft.DataFactory/factories/adf-sales/integrationRuntimes/warehouse`;

function problemOf(id: string) {
  const parsed = parseResourceId(id);
  if (parsed.kind !== "problem") throw new Error(`no problem was found in ${id}`);
  return parsed;
}

describe("a resource id that names a target", () => {
  test("datafactories and gateways → a version 1 gateway", () => {
    expect(parseResourceId(gatewayId)).toEqual({
      kind: "target",
      target: {
        kind: "gatewayV1",
        resourceId: gatewayId,
        identity: gatewayId.toLowerCase(),
        subscriptionId: subscription,
        resourceGroupName: "adf",
        parentName: "test",
        name: "gatewaytest",
      },
    });
  });

  test("any mixture of upper and lower case → the same identity, and the spelling is kept", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const id = [...runtimeId]
        .map((letter, index) =>
          (index * 7919 * seed) % 13 < 6 ? letter.toUpperCase() : letter.toLowerCase(),
        )
        .join("");
      const parsed = parseResourceId(id);
      expect(parsed).toMatchObject({
        kind: "target",
        target: { kind: "integrationRuntime", resourceId: id, identity: runtimeId.toLowerCase() },
      });
    }
  });

  test.each([
    ["a gateway's name with an underscore", gatewayId.replace("gatewaytest", "my_gateway")],
    ["a resource group with every allowed character", gatewayId.replace("/adf/", "/a-b_c.d(e)/")],
    ["a resource group in other scripts", gatewayId.replace("/adf/", "/данные_データ٣/")],
    ["a resource group with letters of another script", runtimeId.replace("/adf/", "/größe/")],
    ["a resource group of 90 characters", gatewayId.replace("/adf/", `/${"g".repeat(90)}/`)],
    [
      "names of 63 characters",
      runtimeId.replace("adf-sales", "f".repeat(63)).replace("warehouse", "w".repeat(63)),
    ],
    ["names of 3 characters", runtimeId.replace("adf-sales", "abc").replace("warehouse", "lab")],
  ])("%s → a target", (_, id) => {
    expect(parseResourceId(id).kind).toBe("target");
  });
});

test("a resource group in another script, percent-encoded → refused; the remedy has it decoded", () => {
  const id = runtimeId.replace("/adf/", "/größe/");
  const encoded = runtimeId.replace("/adf/", `/${encodeURIComponent("größe")}/`);
  expect(problemOf(encoded).remedy).toBe(`write "${id}"`);
});

describe("a name that breaks its rule", () => {
  const withName = {
    subscription: (name: string) => gatewayId.replace(subscription, name),
    group: (name: string) => gatewayId.replace("/adf/", `/${name}/`),
    factory: (name: string) => runtimeId.replace("adf-sales", name),
    runtime: (name: string) => runtimeId.replace("warehouse", name),
    gateway: (name: string) => gatewayId.replace("gatewaytest", name),
  };
  test.each<[string, keyof typeof withName, string, string]>([
    ["a subscription's name instead of its id", "subscription", "production", "GUID"],
    ["a resource group with an emoji", "group", "a🔑", "resource group"],
    ["a resource group with a space", "group", "a df", "resource group"],
    ["a resource group named ..", "group", "..", "resource group"],
    ["a resource group that ends in a period", "group", "adf.", "resource group"],
    ["a resource group of 91 characters", "group", "g".repeat(91), "at most 90"],
    ["a factory of 2 characters", "factory", "ab", "data factory"],
    ["a factory of 64 characters", "factory", "f".repeat(64), "data factory"],
    ["a factory with two hyphens in a row", "factory", "te--st", "data factory"],
    ["a runtime with an underscore", "runtime", "ware_house", "integration runtime"],
    ["a runtime that ends in a hyphen", "runtime", "warehouse-", "integration runtime"],
    ["a gateway with a period", "gateway", "a.b", "gateway"],
    ["a gateway of 64 characters", "gateway", "g".repeat(64), "gateway"],
  ])("%s → a problem with the name and its rule", (_, part, value, rule) => {
    const problem = problemOf(withName[part](value));
    expect(problem.value).toBe(value);
    expect(problem.rule).toContain(rule);
    expect(problem.remedy).toMatch(/portal/);
  });

  test("an ASCII character other than letters, digits, - and _ in a name → never a target", () => {
    for (let code = 0; code < 128; code += 1) {
      const character = String.fromCharCode(code);
      if (/[\w-]/.test(character)) continue;
      expect(parseResourceId(gatewayId.replace("gatewaytest", `gate${character}way`)).kind).toBe("problem");
      expect(parseResourceId(runtimeId.replace("warehouse", `ware${character}house`)).kind).toBe("problem");
    }
  });
});

describe("an id with something around it", () => {
  test.each([
    ["a portal URL", `https://portal.azure.com/#@contoso.com/resource${runtimeId}/overview`],
    ["a Resource Manager URL", `https://management.azure.com${runtimeId}?api-version=2018-06-01`],
    ["an encoded URL", `https://example.org/?id=${encodeURIComponent(runtimeId)}`],
    ["a missing leading slash", runtimeId.slice(1)],
    ["a trailing slash", `${runtimeId}/`],
    ["white space", ` ${runtimeId}\n`],
    ["a query", `${runtimeId}?api-version=2018-06-01`],
    ["percent-encoding", encodeURIComponent(runtimeId)],
    ["an empty segment", runtimeId.replace("/providers", "//providers")],
    ["an operation", `${runtimeId}/regenerateAuthKey`],
  ])("%s → the remedy contains the bare id", (_, id) => {
    const problem = problemOf(id);
    expect(problem.rule).toMatch(/^a resource id alone, from "\/subscriptions\/"/);
    expect(problem.value).toBe(id);
    expect(problem.remedy).toBe(`write "${runtimeId}"`);
  });

  test("a URL without a whole id → the remedy says where to find one", () => {
    expect(problemOf("https://adf.azure.com/en/home").remedy).toContain("Resource ID");
  });
});

describe("an id of something else", () => {
  test.each([
    `${group}/providers/Microsoft.DataFactory/datafactories/test/integrationRuntimes/warehouse`,
    `${group}/providers/Microsoft.DataFactory/factories/test/gateways/gatewaytest`,
  ])("the parent of one kind with the child of another: %s → both right forms", (id) => {
    const { rule, remedy } = problemOf(id);
    expect(rule).toBe("datafactories have gateways, factories have integrationRuntimes");
    expect(remedy).toBe(
      'write "datafactories/…/gateways/…" (version 1 gateway) or "factories/…/integrationRuntimes/…" (self-hosted integration runtime)',
    );
  });

  test("a data factory's pipeline → what a data factory has, and both right forms", () => {
    const { value, rule, remedy } = problemOf(
      `${group}/providers/Microsoft.DataFactory/factories/sales/pipelines/load`,
    );
    expect(value).toBe("factories/sales/pipelines/load");
    expect(rule).toContain("factories have integrationRuntimes");
    expect(remedy).toContain('"factories/…/integrationRuntimes/…"');
  });

  test("a resource of no kind → the forms of all kinds, and where to find an id", () => {
    const { value, rule, remedy } = problemOf(`${group}/providers/Microsoft.Web/sites/s/slots/one`);
    expect(value).toBe("Microsoft.Web/sites/slots");
    for (const kind of kindNames) expect(rule).toContain(gatewayKinds[kind].title);
    expect(remedy).toContain("Resource ID");
  });

  test.each([
    ["datafactories", "gateways"],
    ["factories", "integrationRuntimes"],
  ])("a whole data factory under %s → append /%s/", (type, child) => {
    expect(problemOf(`${group}/providers/Microsoft.DataFactory/${type}/test`).remedy).toContain(
      `"/${child}/"`,
    );
  });

  test.each(["", "gatewaytest", "/", "%", `${group}/providers/Microsoft.KeyVault/vaults/a/secrets/b`, group])(
    "%j → the forms of an id and where to find it",
    (id) => {
      const problem = problemOf(id);
      expect(problem.remedy).toContain("Resource ID");
    },
  );
});
