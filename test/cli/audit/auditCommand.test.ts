import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import type { ListedVersion } from "../../../cli/azure/keyVaultLists.ts";
import { startSimulator } from "../../../local/simulator/simulator.ts";
import type { Simulator } from "../../../local/simulator/types.ts";
import { gatewayTarget, runtimeTarget } from "../../support/gateways.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { runScript } from "../runScript.ts";
import { day, foreignVersion, rotated } from "./samples.ts";

const script = path.join(import.meta.dirname, "..", "..", "..", "cli", "audit", "auditCommand.ts");
const canary = "CANARY7f3a9";

let simulator: Simulator;
const folder = temporaryFolder();
let before = 0;

beforeAll(async () => {
  simulator = await startSimulator({ vaults: ["contoso", "fabrikam"], gateways: [] });
  await writeFile(path.join(folder, "ca.pem"), simulator.certificatePem);
});
afterAll(async () => {
  await simulator.stop();
});
beforeEach(() => {
  simulator.clearFaults();
  for (const vault of ["contoso", "fabrikam"]) simulator.secrets(vault).clear();
  before = simulator.requests.length;
});

/** In whole seconds, as Key Vault has them. */
const ago = (days: number): Date => new Date(Math.floor((Date.now() - days * day) / 1000) * 1000);

const vaultUrl = (vault: string): string => simulator.vaultUrls[vault] ?? "";
const ofVaults = (...vaults: string[]) => vaults.flatMap((vault) => ["--vault", vaultUrl(vault)]);

function put(vault: string, name: string, versions: readonly ListedVersion[]): void {
  simulator.secrets(vault).set(name, {
    name,
    deleted: false,
    managed: false,
    versions: versions.map(({ version, createdOn, expiresOn, contentType, enabled, tags }) => ({
      version,
      value: `ADF#${canary}`,
      contentType,
      tags,
      enabled,
      created: createdOn.getTime() / 1000,
      expires: expiresOn && Math.floor(expiresOn.getTime() / 1000),
    })),
  });
}

const DemoReport = z.object({
  counts: z.record(z.string(), z.number()),
  secrets: z.array(
    z.object({
      everyDays: z.number(),
      findings: z.array(z.object({ code: z.string() })),
      versions: z.array(z.object({ createdOn: z.coerce.date() })),
    }),
  ),
});

const clean = (secret: string) =>
  [1, 2, 3].map((number) => rotated(number, ago(90 - number * 25), {}, secret));

/** Runs the command; `env` overrides the simulator's sign-in. */
function audit(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const signedIn = {
    HOME: folder,
    IDENTITY_ENDPOINT: simulator.identityEndpoint,
    IDENTITY_HEADER: simulator.identityHeader,
    NODE_EXTRA_CA_CERTS: path.join(folder, "ca.pem"),
  };
  return runScript(script, args, { ...signedIn, ...env }, folder);
}

const inFolder = (file: string) => path.join(folder, file);

describe("npm run audit", () => {
  test("a clean vault of 30 secrets → exit code 0, three reports, and no request but lists", async () => {
    for (let index = 0; index < 30; index++) put("contoso", `s-${index}`, clean(`s-${index}`));
    const outs = ["a.html", "a.csv", "sub/a.json"].flatMap((file) => ["--out", inFolder(file)]);
    const ended = await audit(["--vault", `${vaultUrl("contoso")}/`, "--every", "30", ...outs]);

    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("30 gateways, 90 versions: 0 problems, 0 warnings and 0 notes.");
    const [html, csv, json] = await Promise.all(
      ["a.html", "a.csv", "sub/a.json"].map((file) => readFile(inFolder(file), "utf8")),
    );
    expect(html).toContain("Nothing wrong in 30 gateways");
    expect(csv?.split("\r\n")).toHaveLength(92);
    expect(JSON.parse(json ?? "").counts).toMatchObject({ secrets: 30, problem: 0, unknown: 0 });
    expect([ended.stdout, html, csv, json].join().includes(canary)).toBe(false);

    const asked = simulator.requests.slice(before).filter(({ service }) => service === "keyVault");
    expect(asked.length).toBeGreaterThan(30);
    const others = asked.filter(
      ({ method, url }) => !/^GET \/secrets(?:\/s-\d+\/versions)?\?/.test(`${method} ${url}`),
    );
    expect(others).toEqual([]);
  });

  test("a version of another writer → exit code 1, and what to do", async () => {
    put("contoso", "s", [...clean("s"), foreignVersion(ago(1))]);
    const ended = await audit(ofVaults("contoso"));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(
      /^problem {2}Written outside this system \(foreign-version\)\n {9}s: Version id .*, the latest\. .*\n {9}→ Find the writer/m,
    );
  });

  test("one of two vaults refuses → exit code 2 and the role to ask for; the other is reported", async () => {
    put("contoso", "s", clean("s"));
    put("fabrikam", "t", clean("t"));
    const body = JSON.stringify({ error: { code: "Forbidden", message: "Caller is not authorized." } });
    simulator.inject({
      service: "keyVault",
      times: Number.POSITIVE_INFINITY,
      matches: ({ vault, headers }) => vault === "fabrikam" && headers["authorization"] !== undefined,
      fault: { kind: "answer", status: 403, body, effect: "none" },
    });
    const ended = await audit([...ofVaults("contoso", "fabrikam"), "--format", "json"]);
    expect(ended.code).toBe(2);
    const { secrets, unknown } = JSON.parse(ended.stdout);
    expect(secrets).toMatchObject([{ name: "s" }]);
    expect(unknown).toMatchObject([
      {
        place: vaultUrl("fabrikam"),
        code: "forbidden",
        message: expect.stringContaining("Caller is not authorized."),
        action: expect.stringContaining("secrets/readMetadata/action"),
      },
    ]);
  });

  test("--gateways → its secrets by the gateways' names, with its rotateEveryDays", async () => {
    put("contoso", "adf-gatewaytest-key", clean("a"));
    put("contoso", "adf-sales-warehouse", clean("b"));
    const document = {
      defaults: { vaultUrl: vaultUrl("contoso") },
      gateways: [
        { resourceId: gatewayTarget.resourceId, secretName: "adf-gatewaytest-key", rotateEveryDays: 7 },
        { resourceId: runtimeTarget.resourceId },
      ],
    };
    await writeFile(inFolder("gateways.json"), JSON.stringify(document));
    const all = await audit(["--gateways", inFolder("gateways.json"), "--every", "30", "--format", "json"]);
    expect(all.code).toBe(1);
    expect(JSON.parse(all.stdout).secrets).toMatchObject([
      { name: "gatewaytest", secretName: "adf-gatewaytest-key", everyDays: 7 },
      { name: "warehouse", everyDays: 30, findings: [] },
    ]);
  });

  test("--demo → months of history with a few findings, the periods read from the tags", async () => {
    const files = ["demo.html", "demo.json"].map(inFolder);
    const ended = await audit(["--demo", ...files.flatMap((file) => ["--out", file])]);
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    for (const file of files) expect(ended.stdout).toContain(`Written: ${file}\n`);
    const [html = "", json = ""] = await Promise.all(files.map((file) => readFile(file, "utf8")));
    expect(html).toContain("2 problems and 1 warning in 3 of 8 gateways");
    const { secrets, counts } = DemoReport.parse(JSON.parse(json));
    expect(counts).toEqual({ secrets: 8, problem: 2, warning: 1, information: 0, unknown: 0 });
    expect(secrets.flatMap(({ findings }) => findings.map(({ code }) => code)).sort()).toEqual([
      "foreign-version",
      "late",
      "overdue",
    ]);
    for (const { everyDays, versions } of secrets) {
      expect([30, 60]).toContain(everyDays);
      const [first, last] = [versions[0], versions.at(-1)];
      if (first === undefined || last === undefined) throw new Error("A gateway without a history");
      expect(last.createdOn.getTime() - first.createdOn.getTime()).toBeGreaterThan(140 * day);
      expect(last.createdOn.getTime()).toBeLessThan(Date.now());
    }
  });

  test("no sign-in → exit code 2, and how to sign in", async () => {
    const env = { IDENTITY_ENDPOINT: "", AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential" };
    const ended = await audit(ofVaults("contoso"), env);
    expect(ended).toMatchObject({ code: 2, stdout: expect.stringContaining('Sign in with "az login"') });
  });

  test("a report file that cannot be written → exit code 2, and the summary is still printed", async () => {
    put("contoso", "s", clean("s"));
    const ended = await audit([...ofVaults("contoso"), "--out", path.join(inFolder("ca.pem"), "a.html")]);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/a\.html was not written: E/) });
    expect(ended.stdout).toContain("1 gateway, 3 versions");
  });

  test("--help → exit code 0, and every option", async () => {
    const { code, stdout } = await audit(["--help"]);
    expect(code).toBe(0);
    for (const option of ["vault", "gateways", "gateway", "every", "since", "until", "out", "format"]) {
      expect(stdout).toContain(`--${option}`);
    }
  });
});
