import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type GatewayHost,
  hostScript,
  key,
  pwsh,
  type Ran,
  seenNowhere,
  startGatewayHost,
} from "./support/gatewayHost.ts";

if (pwsh === undefined) {
  console.warn("SKIPPED: no pwsh on the PATH, and PWSH is not set: Register-GatewayKey.ps1 was not run.");
}

const firstVersion = "0123456789abcdef0123456789abcdef";
const secondVersion = "fedcba9876543210fedcba9876543210";

const secret = (version: string, kind = "gatewayV1") => ({
  value: key,
  contentType: `application/vnd.azure-data-factory.${kind}-key`,
  id: `https://contoso.vault.azure.net/secrets/adf-test/${version}`,
  tags: { "managed-by": "gateway-key-rotation/test" },
});

/** PowerShell's most detailed output. */
const loudly = ["-Verbose", "-Debug"];

describe.skipIf(pwsh === undefined)("the script for the gateway's host", () => {
  let host: GatewayHost;

  beforeEach(async () => {
    host = await startGatewayHost();
    host.vaultAnswers(secret(firstVersion));
    host.installed({ DiacmdPath: join(host.folder, "diacmd.exe") });
    await host.dmgcmdEndsWith(0);
  });
  afterEach(() => host.stop());

  /** Runs the script; in every test, nothing that it prints or stores contains a key. */
  async function run(...switches: readonly string[]): Promise<Ran> {
    const ran = await host.run(switches);
    expect(ran.transcript).toContain("transcript end");
    for (const written of [ran.output, ran.transcript, ran.state]) expect(written).not.toMatch(seenNowhere);
    return ran;
  }

  test("a new version → given once; the same version again → nothing to do; a newer version → given", async () => {
    const fingerprint = createHash("sha256").update(key).digest("hex").slice(0, 12);
    const first = await run(...loudly);
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining("Done: the gateway was given") });
    expect(await host.calls()).toEqual([`-Key ${key}`]);
    expect(JSON.parse(first.state)).toEqual({ version: firstVersion, fingerprint, at: expect.any(String) });

    const again = await run(...loudly);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining("Nothing to do:") });
    expect(again.output).toContain(`${firstVersion} of adf-test (fingerprint ${fingerprint})`);
    expect(await host.calls()).toHaveLength(1);

    host.vaultAnswers(secret(secondVersion));
    expect((await run()).code).toBe(0);
    expect(await host.calls()).toHaveLength(2);
  });

  test("its requests → a token for the vault's domain, then the secret with that token", async () => {
    await run();
    expect(host.requests.map(({ url }) => url)).toEqual([
      "/identity?api-version=2020-06-01&resource=https%3A%2F%2F0.0.1",
      "/secrets/adf-test?api-version=7.4",
    ]);
    expect(host.requests[0]?.headers["metadata"]).toBe("true");
    expect(host.requests[1]?.headers.authorization).toBe("Bearer TOKEN-canary-5511");
  });

  test("-WhatIf → prints what it would do, gives no key and writes no state", async () => {
    expect(await run("-WhatIf")).toMatchObject({ code: 0, output: expect.stringContaining("What if:") });
    expect(await host.calls()).toEqual([]);
    expect(existsSync(host.stateFile)).toBe(false);
  });

  test("the vault refuses → its code and message, exit code 3", async () => {
    host.vaultAnswers({ error: { code: "Forbidden", message: "Caller is not authorized." } }, 403);
    const { code, output } = await run(...loudly);
    expect(code).toBe(3);
    expect(output).toContain("Key Vault answered 403 Forbidden: Caller is not authorized.");
    expect(await host.calls()).toEqual([]);
  });

  test.each([
    ["is not a gateway key", { contentType: "text/plain" }, "is of the type 'text/plain'"],
    ["could break out of a command line", { value: `${key}" -Stop "` }, "not in the form of a key"],
    ["ends in a backslash", { value: `${key}\\` }, "not in the form of a key"],
  ])("the secret's value %s → not used, exit code 3", async (_, change, words) => {
    host.vaultAnswers({ ...secret(firstVersion), ...change });
    const { code, output } = await run(...loudly);
    expect({ code, calls: await host.calls() }).toEqual({ code: 3, calls: [] });
    expect(output).toContain(words);
  });

  test("an answer that is not JSON → exit code 3, and no part of it is printed", async () => {
    host.vaultAnswers(`{"value": ${key}}`);
    const { code, output } = await run(...loudly);
    expect(code).toBe(3);
    expect(output).toContain("adf-test is of the type ''");
  });

  test("dmgcmd fails and prints the key → its exit code, the key redacted, and the next run tries again", async () => {
    await host.dmgcmdEndsWith(7);
    const { code, output } = await run(...loudly);
    expect(code).toBe(5);
    expect(output).toContain("dmgcmd ended with 7. given <redacted>, part by part:");
    await host.dmgcmdEndsWith(0);
    expect((await run()).code).toBe(0);
    expect(await host.calls()).toHaveLength(2);
  });

  test("an unexpected error → its type and line, not its message, exit code 1", async () => {
    await chmod(join(host.folder, "dmgcmd.exe"), 0o600);
    const { code, output } = await run(...loudly);
    expect(code).toBe(1);
    expect(output).toMatch(/unexpected error: Win32Exception at line \d+\./);
    expect(output).not.toContain("denied");
  });

  test("no integration runtime on the machine → exit code 4, and no request to the vault", async () => {
    host.installed({});
    expect((await run()).code).toBe(4);
    expect(host.requests).toEqual([]);
  });

  test("the state cannot be written → exit code 6, and the gateway gets no key", async () => {
    expect((await run(`-StatePath '${host.folder}/missing/state.json'`)).code).toBe(6);
    expect(await host.calls()).toEqual([]);
  });

  test("the state file is incomplete → the key is given again and recorded", async () => {
    await writeFile(host.stateFile, '{"version": "0123');
    expect((await run()).code).toBe(0);
    expect(await host.calls()).toHaveLength(1);
    expect((await run()).output).toContain("Nothing to do:");
  });

  test("a new version 2 node → registered; a registered one → not changed, unless with -Force", async () => {
    host.vaultAnswers(secret(firstVersion, "integration-runtime"));
    expect((await run()).output).toContain("Done:");
    host.installed({ DiacmdPath: join(host.folder, "diacmd.exe"), HaveRun: "Mdw" });
    host.vaultAnswers(secret(secondVersion, "integration-runtime"));
    expect(await run()).toMatchObject({ code: 0, output: expect.stringContaining("Nothing done:") });
    expect(await host.calls()).toHaveLength(1);
    expect((await run("-Force")).output).toContain("Done:");
    expect((await run("-Force")).output).toContain("Nothing to do:");
    expect(await host.calls()).toHaveLength(2);
  });

  test("a registered version 1 gateway → given the new key: the old one is dead", async () => {
    host.installed({ DiacmdPath: join(host.folder, "diacmd.exe"), HaveRun: "Mdw" });
    expect((await run()).output).toContain("Done:");
  });

  test("an Arc agent's challenge → answered with the file that it names, from the agent's folder", async () => {
    const tokens = join("AzureConnectedMachineAgent", "Tokens");
    await mkdir(join(host.folder, tokens), { recursive: true });
    await host.identityAsksFor(join(tokens, "challenge.key"));
    expect((await run(...loudly)).code).toBe(0);
    expect(host.requests[1]?.headers.authorization).toBe("Basic of-the-agent");
  });

  test("a challenge that names a file in another folder → not read, exit code 2", async () => {
    await host.identityAsksFor("elsewhere.key");
    const { code, output } = await run(...loudly);
    expect(code).toBe(2);
    expect(output).toContain("It was not read.");
    expect(host.requests).toHaveLength(1);
  });

  test("the runbook's scheduled task → gives the key, and ends with the script's exit code", async () => {
    const given = await host.runTask();
    expect(given).toEqual({ code: 0, log: expect.stringContaining("Done:") });
    expect(given.log).not.toMatch(seenNowhere);
    host.vaultAnswers({}, 403);
    expect(await host.runTask()).toEqual({ code: 3, log: expect.stringContaining("answered 403") });
  });

  test("a remote vault over plain HTTP → refused before any request, and the task fails", async () => {
    expect(await host.runTask("http://vault.example")).toEqual({
      code: 1,
      log: expect.stringContaining("Cannot validate argument on parameter 'VaultUrl'"),
    });
    expect(host.requests).toEqual([]);
  });
});

/** Checked without running it. */
describe("the script's text", () => {
  test("its bytes → ASCII only, since Windows PowerShell 5.1 reads it in the machine's code page", async () => {
    const bytes = await readFile(hostScript);
    expect(bytes.filter((byte) => byte > 126 || (byte < 32 && byte !== 10))).toHaveLength(0);
  });

  test("the exit codes in its help → exactly those that it uses", async () => {
    const source = await readFile(hostScript, "utf8");
    const help = [...source.matchAll(/^(\d) {2}\S/gm)].map(([, code]) => code);
    const named = [/\bexit (\d)/g, /\bNew-Failure (\d)/g, /\bSend-Get '[^']+' (\d)/g];
    const used = named.flatMap((pattern) => [...source.matchAll(pattern)].map(([, code]) => code));
    expect([...new Set(used)].sort()).toEqual(help);
  });

  test("the key, the token and their answers → passed to no cmdlet, since module logging records parameters", async () => {
    const source = await readFile(hostScript, "utf8");
    const own = new Set([...source.matchAll(/^function ([A-Z]\w+-\w+)/gm)].map(([, name]) => name));
    const code = source.slice(source.indexOf("Set-StrictMode")).replace(/^\s*#.*$/gm, "");
    const holders = /\$(key|token|body|words|outputs|secret\.Key|sha256|headers)\b/i;
    const given = code
      .split("\n")
      .filter((line) => holders.test(line))
      .flatMap((line) => [...line.matchAll(/(?<![\w'"-])[A-Z][a-z]+-[A-Z]\w+/g)].map(([name]) => name));
    expect(own.size).toBeGreaterThan(10);
    expect(given).toContain("Invoke-Dmgcmd");
    expect(given.filter((name) => !own.has(name))).toEqual([]);
  });
});
