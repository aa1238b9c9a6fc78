import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entriesOf } from "../../../cli/gateways/gatewaysDocument.ts";
import { startSimulator } from "../../../local/simulator/simulator.ts";
import type { Simulator } from "../../../local/simulator/types.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { runScript } from "../runScript.ts";
import { runCommandLine } from "./commandLine.ts";

const readable = "10000000-0000-4000-8000-000000000001";
const forbidden = "20000000-0000-4000-8000-000000000002";
const groupOf = (subscription: string, group = "adf") =>
  `/subscriptions/${subscription}/resourceGroups/${group}/providers`;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${100 + i}`);

/**
 * More factories than two pages hold, two runtimes in each. The start below rotates all gateways of this file without a
 * wait for a limit: a subscription has 200 writes, a vault 300 new versions in 10 s.
 */
const runtimes = numbers(60).flatMap((factory) =>
  ["shared", "local"].map(
    (name) =>
      `${groupOf(readable)}/Microsoft.DataFactory/factories/adf-${factory}/integrationRuntimes/${name}`,
  ),
);
/** Three pages of one workspace, in another resource group. */
const synapse = numbers(51).map(
  (name) =>
    `${groupOf(readable, "Lab")}/Microsoft.Synapse/workspaces/syn-lab/integrationRuntimes/sea-${name}`,
);
const version1 = [`${groupOf(readable)}/Microsoft.DataFactory/datafactories/old/gateways/on_premises`];
const hidden = [
  `${groupOf(forbidden)}/Microsoft.DataFactory/factories/adf-secret/integrationRuntimes/hidden`,
];
const withoutKeys = {
  [`${groupOf(readable)}/Microsoft.DataFactory/factories/adf-100/integrationRuntimes/borrowed`]: {
    type: "SelfHosted",
    typeProperties: { linkedInfo: { resourceId: runtimes[0] } },
  },
  [`${groupOf(readable)}/Microsoft.DataFactory/factories/adf-100/integrationRuntimes/azure`]: {
    type: "Managed",
  },
  [`${groupOf(readable)}/Microsoft.DataFactory/factories/adf-100/integrationRuntimes/dags`]: {
    type: "Airflow",
  },
};
const all = [...runtimes, ...synapse, ...version1];

const startScript = path.join(import.meta.dirname, "../../../local/start.ts");

let simulator: Simulator;
const folder = temporaryFolder();

beforeAll(async () => {
  simulator = await startSimulator({
    vaults: [],
    gateways: [...all, ...hidden, ...Object.keys(withoutKeys)],
    runtimeProperties: withoutKeys,
    forbidden: [forbidden],
    pageSize: 25,
  });
  await writeFile(path.join(folder, "ca.pem"), simulator.certificatePem);
});
afterAll(async () => {
  await simulator.stop();
});

const run = (...args: readonly string[]) =>
  runCommandLine(args, {
    IDENTITY_ENDPOINT: simulator.identityEndpoint,
    IDENTITY_HEADER: simulator.identityHeader,
    AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
    RESOURCE_MANAGER_URL: simulator.resourceManagerUrl,
    NODE_EXTRA_CA_CERTS: path.join(folder, "ca.pem"),
  });

const inFolder = (name: string) => path.join(folder, name);
const lower = (ids: readonly string[]) => ids.map((id) => id.toLowerCase()).sort();

test("discover, check, compare, npm start → 172 gateways, one subscription forbidden", async () => {
  const file = inFolder("gateways.json");
  const vault = ["--vault", "https://contoso-keys.vault.azure.net"];
  const discovered = await run(
    ...["discover", "--subscription", forbidden, "--subscription", readable, "--out", file, ...vault],
  );
  expect(discovered.stderr).toBe("");
  expect(discovered.code).toBe(2);
  expect(discovered.stdout).toContain(
    `${all.length} gateways found, ${all.length} not rotated, 0 gone, 3 left out.`,
  );
  expect(discovered.stdout).toMatch(
    new RegExp(
      `^not read +/subscriptions/${forbidden}/providers/Microsoft\\.Synapse/workspaces\n.+403.+\n.+Reader`,
      "m",
    ),
  );
  expect(discovered.stdout.match(/answered 403/g)).toHaveLength(1);
  expect(discovered.stdout).toMatch(/^left out +\S+\/borrowed: it uses the runtime of another factory/m);
  expect(discovered.stdout).toMatch(/^left out +\S+\/dags: Azure runs it/m);
  expect(discovered.stdout).toContain("The first tick stops 1 version 1 gateway ");

  const text = await readFile(file, "utf8");
  expect(lower(entriesOf(text).map(({ target }) => target.resourceId))).toEqual(lower(all));

  const checked = await run("check", file, "--schedule", "0 0 3 * * *");
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  expect(checked.stdout).toContain(`${all.length} gateways, no problem.`);
  expect(checked.stdout.match(/^warning.*$/gm)).toEqual([
    expect.stringContaining("on_premises: a tick at any hour"),
  ]);

  const compared = await run("discover", "--subscription", readable, "--compare", file);
  expect(compared).toMatchObject({ code: 0, stderr: "" });
  expect(compared.stdout).toContain(", 0 not rotated, 0 gone,");

  const started = await runScript(startScript, ["--gateways", file], {}, folder);
  expect(started).toMatchObject({ code: 0, stderr: "" });
  expect(started.stdout).toContain(`${all.length} GatewayKeyRotated`);
  expect(started.stdout).toMatch(/^sea-100 +synapseIntegrationRuntime +authKey2 /m);
});

test("npm start with a wrong file → every problem with its remedy, and exit code 1", async () => {
  const file = inFolder("start.json");
  await writeFile(file, '{ "gateways": [{ "resource_id": "x" }] }');
  const { code, stderr } = await runScript(startScript, ["--gateways", file]);
  expect(code).toBe(1);
  expect(stderr).toContain("remove it, or correct its name");
});

describe("the difference to a gateways.json", () => {
  const some = [runtimes[0] ?? "", synapse[0] ?? ""];
  const gone = `${groupOf(readable)}/Microsoft.DataFactory/factories/adf-100/integrationRuntimes/removed`;
  const elsewhere = hidden[0] ?? "";
  const entry = (resourceId: string, more: object = {}) => ({
    resourceId,
    name: resourceId.replace(/^.*\//, ""),
    ...more,
  });

  async function write(name: string, entries: readonly object[], comment = ""): Promise<string> {
    const text = JSON.stringify({ gateways: entries }, null, 2);
    await writeFile(inFolder(name), text.replace("{", `{ ${comment}`));
    return inFolder(name);
  }

  test("one is not rotated, one is gone, one is elsewhere → the first two are named, exit code 1", async () => {
    const listed = synapse.slice(1).map((id) => entry(id));
    const file = await write("differs.json", [...listed, entry(gone), entry(elsewhere)]);
    const args = ["discover", "--subscription", readable, "--resource-group", "LAB", "--compare", file];
    const { code, stdout } = await run(...args);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^not rotated +${some[1]}$`, "m"));
    // The other resource group was not asked for.
    expect(stdout).not.toContain(gone);
    expect(stdout).toContain("51 gateways found, 1 not rotated, 0 gone");

    const whole = await run("discover", "--subscription", readable, "--compare", file);
    expect(whole.code).toBe(1);
    expect(whole.stdout).toMatch(new RegExp(`^gone +gateways\\[50\\] +${gone}$`, "m"));
    expect(whole.stdout).not.toContain(elsewhere);
  });

  test("an entry of a subscription that may not be read → not called gone, exit code 2", async () => {
    const file = await write("unreadable.json", [entry(elsewhere)]);
    const { code, stdout } = await run("discover", "--subscription", forbidden, "--compare", file);
    expect(code).toBe(2);
    expect(stdout).toContain("0 gateways found, 0 not rotated, 0 gone.");
  });

  test("a disabled entry → named, and no difference", async () => {
    const listed = synapse.map((id, index) => entry(id, index === 0 ? { enabled: false } : {}));
    const file = await write("disabled.json", listed);
    const args = ["discover", "--subscription", readable, "--resource-group", "lab", "--compare", file];
    const { code, stdout } = await run(...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^disabled +gateways\\[0\\] +${some[1]}$`, "m"));
  });

  test("written into a file with comments → entries and comments stay, what is gone is named", async () => {
    const file = await write("grows.json", [entry(gone, { rotateEveryDays: 7 })], "// ours");
    const { code, stdout } = await run("discover", "--subscription", readable, "--out", file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^gone +gateways\[0\]/m);
    expect(stdout).toContain(`${all.length} entries added to ${file}.`);
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^\{ \/\/ ours\n[\s\S]+"rotateEveryDays": 7/);
    expect(entriesOf(text)).toHaveLength(all.length + 1);
  });

  test("a file with a problem → refused with its remedy before Azure is asked", async () => {
    const file = await write("wrong.json", [entry(gone, { vaultURL: "x" })]);
    const before = simulator.requests.length;
    const { code, stderr } = await run("discover", "--subscription", readable, "--compare", file);
    expect(code).toBe(2);
    expect(stderr).toContain("remove it, or correct its name");
    expect(simulator.requests.length).toBe(before);
  });
});

test.each([
  [["discover"], "--subscription"],
  [["discover", "--subscription", "my-subscription"], "Subscription ID"],
  [["discover", "--subscription", readable, "--compare", "a.json", "--out", "b.json"], "writes nothing"],
  [["discover", "--subscription", readable, "--vault", "contoso"], "--vault"],
])("the command line %j → exit code 2, and what is wrong with it", async (args, message) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
