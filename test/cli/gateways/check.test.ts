import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type CheckTerms, checkGateways } from "../../../cli/gateways/check.ts";
import { renderOutlook, warningsOf } from "../../../cli/gateways/outlook.ts";
import { unknownVault } from "../../../src/config/gateways.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { runCommandLine } from "./commandLine.ts";

const subscription = "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers";
const gatewayId = `${subscription}/Microsoft.DataFactory/datafactories/test/gateways/gatewaytest`;
const runtimeId = `${subscription}/Microsoft.DataFactory/factories/sales/integrationRuntimes/warehouse`;
const now = new Date("2026-11-26T22:00:00Z");

const check = (document: object, terms: CheckTerms = {}) =>
  checkGateways(JSON.stringify(document), "gateways.json", terms);

function validOf(document: object, terms: CheckTerms = {}) {
  const checked = check(document, terms);
  if (checked.kind === "invalid") throw new Error(JSON.stringify(checked.problems));
  return checked;
}

const pathsOf = (document: object, terms: CheckTerms = {}) => {
  const checked = check(document, terms);
  return checked.kind === "invalid" ? checked.problems.map((problem) => problem.path) : [];
};

describe("what is wrong with a gateways.json", () => {
  test("no vault anywhere, KEY_VAULT_URL unknown → no problem: the function app has it", () => {
    const { gateways } = validOf({ gateways: [{ resourceId: gatewayId }] });
    expect(gateways).toMatchObject([{ name: "gatewaytest", secret: { vaultUrl: unknownVault } }]);
  });

  test("two entries for one secret of the unknown vault → found", () => {
    const secretName = "same";
    const gateways = [
      { resourceId: gatewayId, secretName },
      { resourceId: runtimeId, secretName },
    ];
    expect(pathsOf({ gateways })).toEqual(["gateways[1].secretName"]);
  });

  test("settings that are given → checked with the document, and at once", () => {
    const terms = { schedule: "0 0 25 * * *", keyVaultUrl: "http://contoso" };
    const paths = pathsOf({ gateways: [{ resourceId: gatewayId, name: "a b" }] }, terms);
    expect(paths).toEqual(["ROTATION_SCHEDULE", "KEY_VAULT_URL", "gateways[0].name"]);
  });

  test("ticks of every ten minutes, a gateway without rotateEveryDays → refused", () => {
    const schedule = "0 */10 * * * *";
    expect(pathsOf({ gateways: [{ resourceId: gatewayId }] }, { schedule })).toEqual(["ROTATION_SCHEDULE"]);
    const gateways = [{ resourceId: gatewayId, rotateEveryDays: 1 }];
    expect(validOf({ gateways }, { schedule }).schedule).toBe(schedule);
  });
});

describe("what the next ticks will do", () => {
  /** Open at every tick of these tests but the windows' own. */
  const window = { from: "00:00", to: "23:59" };
  const document = {
    defaults: { expireAfterDays: 90, vaultUrl: "https://contoso-keys.vault.azure.net" },
    gateways: [
      { resourceId: gatewayId, rotateEveryDays: 30, window },
      { resourceId: runtimeId, secretName: "warehouse" },
    ],
  };

  test("a schedule → its next ticks in UTC, and each gateway with kind, secret and whom it stops", () => {
    const text = renderOutlook("gateways.json", validOf(document, { schedule: "0 30 3 * * Mon" }), now);
    expect(text).toContain("2026-11-30 03:30 UTC, 2026-12-07 03:30 UTC and 2026-12-14 03:30 UTC");
    expect(text).toMatch(
      /^gatewaytest +gatewayV1 +test-gatewaytest in contoso-keys\.vault\.azure\.net +if its key is 30 days old +00:00 to 23:59 \(UTC\): next 2026-11-30 03:30 UTC +its host, until it has the new key$/m,
    );
    expect(text).toMatch(
      /^warehouse +integrationRuntime +warehouse in contoso-keys\.vault\.azure\.net +always +at any time +no one/m,
    );
    expect(text).not.toContain("warning");
  });

  test("a gateway with a window → its window, and the first tick that is in it", () => {
    const window = { days: ["Tue"], from: "09:00", timeZone: "Europe/Berlin" };
    const gateways = [{ resourceId: gatewayId, rotateEveryDays: 30, window }, { resourceId: runtimeId }];
    const checked = validOf({ ...document, gateways }, { schedule: "0 30 * * * *" });
    const text = renderOutlook("gateways.json", { ...checked, gateways: checked.gateways }, now);
    expect(text).toMatch(
      /^gatewaytest .+ if its key is 30 days old +Tue, 09:00 to 00:00 \(Europe\/Berlin\): next 2026-12-01 08:30 UTC +its host/m,
    );
    expect(text).toMatch(/^warehouse .+ always +at any time +no one/m);
    expect(renderOutlook("gateways.json", { ...checked, schedule: undefined }, now)).toMatch(
      /^gatewaytest .+\(Europe\/Berlin\) +its host/m,
    );
  });

  test("no schedule → the option that shows the ticks is named", () => {
    expect(renderOutlook("gateways.json", validOf(document), now)).toContain("--schedule");
  });

  test.each([
    [
      "a version 1 gateway that every tick stops",
      { expireAfterDays: 90, window },
      gatewayId,
      "stops the gateway",
      undefined,
    ],
    [
      "a version 1 gateway without a window",
      { expireAfterDays: 90, rotateEveryDays: 30 },
      gatewayId,
      "a tick at any hour may stop the gateway",
      undefined,
    ],
    ["no expiry", { rotateEveryDays: 30 }, runtimeId, "never expires", undefined],
    [
      "a tick a year, an expiry of 90 days",
      { expireAfterDays: 90 },
      runtimeId,
      "up to 366 days",
      "0 0 3 1 2 *",
    ],
    [
      "a tick a month, due a day after a tick",
      { expireAfterDays: 50, rotateEveryDays: 30 },
      runtimeId,
      "can expire before it is rotated: up to 31 days",
      "0 0 3 1 * *",
    ],
    [
      "ticks of the first week of a month, in a window of one day",
      { expireAfterDays: 40, rotateEveryDays: 7, window: { days: ["Tue"] } },
      runtimeId,
      "up to 35 days",
      "0 0 3 1-7 * *",
    ],
  ])(
    "%s → one warning, which names the gateway and what to do",
    (_, terms, resourceId, message, schedule) => {
      const checked = validOf({ gateways: [{ resourceId, name: "it", ...terms }] }, { schedule });
      const warnings = warningsOf(checked, now);
      expect(warnings).toEqual([
        {
          gateways: ["it"],
          message: expect.stringContaining(message),
          action: expect.stringMatching(/^\w+ /),
        },
      ]);
    },
  );

  test("seven gateways with the same warning → one warning, which names five of them", () => {
    const gateways = ["a", "b", "c", "d", "e", "f", "g"].map((name) => ({
      resourceId: runtimeId.replace("warehouse", `runtime-${name}`),
      name,
    }));
    const text = renderOutlook("gateways.json", validOf({ gateways }), now);
    expect(text.match(/^warning .*$/gm)).toEqual([
      expect.stringMatching(/^warning {2}a, b, c, d, e and 2 more: the secret never expires/),
    ]);
  });

  test("daily ticks, a period and an expiry beyond it → no warning", () => {
    const gateways = [{ resourceId: gatewayId, rotateEveryDays: 30, expireAfterDays: 38, window }];
    expect(warningsOf(validOf({ gateways }, { schedule: "0 0 3 * * *" }), now)).toEqual([]);
  });
});

describe("npm run gateways -- check", () => {
  const folder = temporaryFolder();

  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return file;
  };

  test("a good file, settings from the environment → exit code 0 and the next ticks", async () => {
    const file = await write("good.json", JSON.stringify({ gateways: [{ resourceId: gatewayId }] }));
    const env = { ROTATION_SCHEDULE: "0 0 3 * * *", KEY_VAULT_URL: "https://contoso-keys.vault.azure.net" };
    const { code, stdout, stderr } = await runCommandLine(["check", file], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/1 gateway, no problem[\s\S]+03:00 UTC[\s\S]+contoso-keys/);
  });

  test("a wrong file → exit code 1, every problem with place and remedy, and its own name", async () => {
    const file = await write("wrong.json", '{ "gateways": [{ "resourceId": "x" }, { "resource_id": "y" }] }');
    const { code, stdout, stderr } = await runCommandLine(["check", file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^wrong\.json\n {2}gateways\[0\]\.resourceId: "x"\n {4}rule: .+\n {4}remedy: ./m);
    expect(stderr).toContain("known properties are resourceId, name");
  });

  test.each([
    [["check", "one.json", "two.json"], "one file"],
    [["chek"], '"check"'],
    [["check", "--scedule", "0 0 3 * * *"], "--scedule"],
  ])("the command line %j → exit code 2, and what is wrong with it", async (args, message) => {
    const { code, stderr } = await runCommandLine(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
