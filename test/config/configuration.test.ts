import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { loadConfiguration } from "../../src/config/configuration.ts";
import { ConfigurationError } from "../../src/config/configurationProblem.ts";
import { factories } from "./gatewaysDocuments.ts";

const root = new URL("../../", import.meta.url);
const env = {
  AzureWebJobsStorage: "UseDevelopmentStorage=true",
  ROTATION_SCHEDULE: "0 0 3 * * *",
  DEPLOYMENT_NAME: "rotation-test",
  KEY_VAULT_URL: "https://contoso.vault.azure.net",
};
const document = (name: string) =>
  JSON.stringify({ gateways: [{ resourceId: `${factories}/datafactories/test/gateways/${name}` }] });

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "configuration-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function problemsOf(given: Readonly<Record<string, string>>) {
  const result = await loadConfiguration({ env: given, directory });
  return result.kind === "invalid" ? result.problems : [];
}

test("gateways.json in the directory → its gateways", async () => {
  await writeFile(join(directory, "gateways.json"), document("from-file"));
  expect(await loadConfiguration({ env, directory })).toMatchObject({
    kind: "valid",
    settings: { deploymentName: "rotation-test" },
    gateways: [{ name: "from-file" }],
  });
});

describe("host.json", () => {
  const given = { ...env, GATEWAYS: document("a") };
  const timeoutOf = async (variables: Readonly<Record<string, string>> = given) => {
    const result = await loadConfiguration({ env: variables, directory });
    if (result.kind === "invalid") throw new Error(JSON.stringify(result.problems));
    return result.settings.functionTimeoutMs;
  };
  const minute = 60_000;

  test("functionTimeout of host.json → the longest that an invocation can take", async () => {
    await writeFile(join(directory, "host.json"), '{ "version": "2.0", "functionTimeout": "00:10:00" }');
    expect(await timeoutOf()).toBe(10 * minute);
    const ofSetting = { AzureFunctionsJobHost__functionTimeout: "00:20:00" };
    expect(await timeoutOf({ ...given, ...ofSetting })).toBe(20 * minute);
  });

  test("host.json missing, or without a functionTimeout → half an hour", async () => {
    expect(await timeoutOf()).toBe(30 * minute);
    await writeFile(join(directory, "host.json"), '{ "version": "2.0" }');
    expect(await timeoutOf()).toBe(30 * minute);
  });

  test("host.json with comments and a byte order mark, as the host accepts it → its time-out", async () => {
    await writeFile(
      join(directory, "host.json"),
      '\uFEFF{ // ours\n "functionTimeout": "00:10:00" /* short */ }',
    );
    expect(await timeoutOf()).toBe(10 * minute);
  });

  test.each([
    ["", "line 1, column 1"],
    ["{", "line 1, column 2"],
    ["[]", "not an object"],
    ['{ "functionTimeout": "00:10:00", }', "line 1, column 34"],
  ])(
    "host.json is %j, which cannot be read → a problem of its time-out, unless the app setting is set",
    async (text, why) => {
      await writeFile(join(directory, "host.json"), text);
      expect(await problemsOf(given)).toMatchObject([
        {
          source: "host.json",
          path: "functionTimeout",
          value: expect.stringContaining(`host.json cannot be read: ${why}`),
        },
      ]);
      expect(await timeoutOf({ ...given, AzureFunctionsJobHost__functionTimeout: "00:20:00" })).toBe(
        20 * minute,
      );
    },
  );

  test.each(['"-1"', "-1", "null", "{}"])(
    "functionTimeout of host.json is %s → a problem that names it",
    async (value) => {
      await writeFile(join(directory, "host.json"), `{ "functionTimeout": ${value} }`);
      expect(await problemsOf(given)).toMatchObject([
        {
          source: "host.json",
          path: "functionTimeout",
          rule: expect.stringContaining("every claim and every wait is calculated from"),
          remedy: expect.stringContaining('"00:30:00"'),
        },
      ]);
    },
  );
});

test("GATEWAYS is set → it replaces the file, even a broken one", async () => {
  await writeFile(join(directory, "gateways.json"), "{");
  expect(
    await loadConfiguration({ env: { ...env, GATEWAYS: document("from-setting") }, directory }),
  ).toMatchObject({
    kind: "valid",
    gateways: [{ name: "from-setting" }],
  });
});

test("GATEWAYS is broken → the problem names the setting", async () => {
  expect(await problemsOf({ ...env, GATEWAYS: "[]" })).toMatchObject([{ source: "GATEWAYS" }]);
});

describe("a schedule with ticks less than an hour apart", () => {
  const often = { ...env, ROTATION_SCHEDULE: "0 */30 * * * *" };

  test("a gateway without rotateEveryDays → refused; the app settings are valid for open runs", async () => {
    expect(await loadConfiguration({ env: { ...often, GATEWAYS: document("a") }, directory })).toMatchObject({
      kind: "invalid",
      settings: { deploymentName: "rotation-test" },
      problems: [
        {
          source: "app settings",
          path: "ROTATION_SCHEDULE",
          value: '"0 */30 * * * *"',
          rule: expect.stringContaining("an hour apart"),
          remedy: expect.stringContaining('write "0 0 * * * *"'),
        },
      ],
    });
  });

  test("another entry is wrong → both problems at once", async () => {
    const { gateways } = JSON.parse(document("a"));
    const GATEWAYS = JSON.stringify({ gateways: [...gateways, { resourceId: 5 }] });
    expect((await problemsOf({ ...often, GATEWAYS })).map(({ path }) => path)).toEqual([
      "ROTATION_SCHEDULE",
      "gateways[1].resourceId",
    ]);
  });
});

test("KEY_VAULT_URL is broken, and every gateway needs it → one problem", async () => {
  const problems = await problemsOf({ ...env, KEY_VAULT_URL: "contoso", GATEWAYS: document("a") });
  expect(problems.map(({ path }) => path)).toEqual(["KEY_VAULT_URL"]);
});

test("no gateways.json → the path that was tried, and what to copy", async () => {
  expect(await problemsOf(env)).toEqual([
    {
      source: "gateways.json",
      path: "(the whole document)",
      value: `(${join(directory, "gateways.json")}: ENOENT)`,
      rule: expect.stringContaining("GATEWAYS"),
      remedy: expect.stringContaining("gateways.sample.json"),
    },
  ]);
});

test("gateways.json cannot be read → the reason", async () => {
  await mkdir(join(directory, "gateways.json"));
  expect(await problemsOf(env)).toMatchObject([{ value: expect.stringContaining("EISDIR") }]);
});

test("gateways.json in UTF-16, as Windows PowerShell writes it → one problem that names UTF-8", async () => {
  await writeFile(join(directory, "gateways.json"), `\uFEFF${document("a")}`, "utf16le");
  expect(await problemsOf(env)).toMatchObject([
    {
      value: expect.stringContaining("gateways.json: ERR_ENCODING"),
      remedy: expect.stringContaining("UTF-8"),
    },
  ]);
});

const localSettings = z.object({ IsEncrypted: z.literal(false), Values: z.record(z.string(), z.string()) });

test("the sample files → a valid configuration, but only on the local machine", async () => {
  await copyFile(new URL("gateways.sample.json", root), join(directory, "gateways.json"));
  const text = await readFile(new URL("local.settings.sample.json", root), "utf8");
  const { Values } = localSettings.parse(JSON.parse(text));
  expect(await loadConfiguration({ env: Values, directory })).toMatchObject({
    kind: "valid",
    settings: { deploymentName: "local" },
    gateways: [
      { target: { kind: "gatewayV1" }, secret: { secretName: "adf-gatewaytest-key" }, expireAfterDays: 90 },
      { name: "warehouse", target: { kind: "integrationRuntime" }, rotateEveryDays: 30 },
      { name: "lab", secret: { vaultUrl: "https://127.0.0.1:20444" } },
    ],
  });
  const deployed = await problemsOf({ ...Values, RESOURCE_MANAGER_URL: "" });
  expect(deployed).toMatchObject([{ rule: expect.stringContaining("this is the sample configuration") }]);
});

test("ten different mistakes → exactly ten problems, each with path, value, rule and remedy", async () => {
  const id = (type: string) => `${factories}/${type}`;
  const gateways = [
    { resourceId: id("datafactories/test/integrationRuntimes/one") },
    { resourceId: id("factories/test/integrationRuntimes/two").slice(1) },
    { resourceId: id("factories/test/integrationRuntimes/three"), secretName: "three_key" },
    { resourceId: id("factories/test/integrationRuntimes/four"), expireAfterDays: 7, rotateEveryDays: 30 },
    { resourceId: id("factories/test/integrationRuntimes/five") },
    { resourceId: id("factories/test/integrationRuntimes/FIVE") },
    {
      resourceId: id("factories/test/integrationRuntimes/six"),
      vaultUrl: "https://contoso.managedhsm.azure.net",
    },
    {
      resourceId: id("factories/test/integrationRuntimes/seven"),
      vaultURL: "https://contoso.vault.azure.net",
    },
  ];
  await writeFile(join(directory, "gateways.json"), JSON.stringify({ gateways }));
  const problems = await problemsOf({
    ...env,
    ROTATION_SCHEDULE: "0 3 * * *",
    ROTATION_CONCURRENCY: "many",
    APPLICATIONINSIGHTS_CONNECTION_STRING: "canary",
  });

  const places = [
    ["ROTATION_SCHEDULE", '"0 3 * * *"'],
    ["APPLICATIONINSIGHTS_CONNECTION_STRING", "(set, not shown)"],
    ["ROTATION_CONCURRENCY", '"many"'],
    ["gateways[0].resourceId", '"datafactories/test/integrationRuntimes/one"'],
    ["gateways[1].resourceId", `"${gateways[1]?.resourceId}"`],
    ["gateways[2].secretName", '"three_key"'],
    ["gateways[6].vaultUrl", '"https://contoso.managedhsm.azure.net"'],
    ["gateways[7].vaultURL", "(no such property)"],
    ["gateways[3].expireAfterDays", "expires after 7 days, rotated every 30 days"],
    ["gateways[5].resourceId", `"${gateways[5]?.resourceId}"`],
  ];
  expect(problems.map(({ path, value }) => [path, value])).toEqual(places);
  expect(new Set(problems.map(({ rule }) => rule)).size).toBe(10);

  const { message } = new ConfigurationError(problems);
  for (const { path, value, rule, remedy } of problems) {
    expect(message).toContain(`  ${path}: ${value}\n    rule: ${rule}\n    remedy: ${remedy}`);
    expect([rule, remedy].every((words) => words.length > 5)).toBe(true);
  }
  expect(message).not.toContain("canary");
});
