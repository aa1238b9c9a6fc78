import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { endOf } from "../../local/childProcess.ts";
import { listen } from "../../local/listen.ts";

export const hostScript = join(import.meta.dirname, "..", "..", "docs", "Register-GatewayKey.ps1");

const runbook = join(import.meta.dirname, "..", "..", "docs", "runbook.md");

/** The path of PowerShell 7: the environment variable PWSH, or from the PATH. Tests install nothing. */
export const pwsh =
  process.env["PWSH"] ??
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "pwsh"))
    .find((file) => existsSync(file));

/** The key that the vault answers. No output may contain it or a part of it. */
export const key = "ADF#11111111-2222@33333333-4444@55555555-6666@wu#CANARY7f3a9+Base64/Part=";
const token = "TOKEN-canary-5511";
const agentsProof = "of-the-agent";
/** Parts of secrets that no output may contain. */
export const seenNowhere = /CANARY7f3a9|33333333-4444|TOKEN-canary|of-the-agent/;

/** A gateway's host with dmgcmd, registry, identity endpoint, and the vault that it reads. */
export interface GatewayHost {
  readonly folder: string;
  readonly stateFile: string;
  readonly requests: readonly { readonly url: string; readonly headers: IncomingHttpHeaders }[];
  /** Sets the vault's next answers. A string is sent unchanged. */
  vaultAnswers(body: object | string, status?: number): void;
  /** Makes the identity endpoint demand the contents of this file, as an Arc agent does, and creates the file. */
  identityAsksFor(file: string): Promise<void>;
  /** Sets the registry values that the integration runtime's installer writes. */
  installed(values: Readonly<Record<string, string>>): void;
  /** Makes dmgcmd print its key, whole and in parts, and exit with this code. */
  dmgcmdEndsWith(code: number): Promise<void>;
  /** The arguments of each dmgcmd call. */
  calls(): Promise<readonly string[]>;
  /** Runs the script. @returns its output, its transcript and the state that it stored */
  run(switches: readonly string[]): Promise<Ran>;
  /** Runs the scheduled task's action from docs/runbook.md with this host's vault and secret. */
  runTask(vaultUrl?: string): Promise<RanTask>;
  stop(): Promise<void>;
}

export interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly transcript: string;
  readonly state: string;
}

export interface RanTask {
  readonly code: number | null;
  /** The task's `last-run.log`. */
  readonly log: string;
}

/** The runbook's expression for the task's command. It reads the script's folder from `$folder`. */
function runbookCommand(): string {
  const [, command] =
    readFileSync(runbook, "utf8").match(/\$command = (".+?")\n +Register-ScheduledTask/s) ?? [];
  if (command === undefined) throw new Error("docs/runbook.md has no command for a scheduled task.");
  return command;
}

export async function startGatewayHost(): Promise<GatewayHost> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-host-"));
  const file = (name: string): string => join(folder, name);
  const read = (name: string): Promise<string> => readFile(file(name), "utf8").catch(() => "");
  const requests: { url: string; headers: IncomingHttpHeaders }[] = [];
  let registry: Readonly<Record<string, string>> = {};
  let answer = { status: 404, body: "" };
  let challenge: string | undefined;

  const server = createServer(({ url = "", headers }, response) => {
    requests.push({ url, headers });
    if (!url.startsWith("/identity")) response.writeHead(answer.status).end(answer.body);
    else if (challenge !== undefined && headers.authorization !== `Basic ${agentsProof}`)
      response.writeHead(401, { "www-authenticate": `Basic realm=${challenge}` }).end();
    else response.end(JSON.stringify({ access_token: token }));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  await copyFile(hostScript, file("Register-GatewayKey.ps1"));

  async function powershell(lines: readonly string[]): Promise<{ code: number | null; output: string }> {
    const values = Object.entries(registry).map(([name, value]) => `${name} = '${value}'`);
    const command = [
      // The registry is the only part of Windows that the script uses.
      `function Get-ItemProperty { [CmdletBinding()] param($LiteralPath) [pscustomobject] @{ ${values.join("; ")} } }`,
      ...lines,
    ].join("\n");
    const child = spawn(pwsh ?? "pwsh", ["-NoProfile", "-NonInteractive", "-Command", command], {
      env: {
        PATH: process.env["PATH"],
        HOME: folder,
        ProgramData: folder,
        IDENTITY_ENDPOINT: `${url}/identity`,
        POWERSHELL_TELEMETRY_OPTOUT: "1",
        POWERSHELL_UPDATECHECK: "Off",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { code, stdout, stderr } = await endOf(child);
    return { code, output: `${stdout}\n${stderr}` };
  }

  const stateName = "127.0.0.1-adf-test.json";
  return {
    folder,
    stateFile: file(stateName),
    requests,
    vaultAnswers(body, status = 200) {
      answer = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
    },
    async identityAsksFor(asked) {
      challenge = file(asked);
      await writeFile(challenge, agentsProof);
    },
    installed(values) {
      registry = values;
    },
    async dmgcmdEndsWith(code) {
      const echo = `echo "given $2, part by part: $(echo "$2" | tr '#@' '\\n\\n')" >&2`;
      const log = `printf '%s\\n' "$*" >> '${file("calls")}'`;
      await writeFile(file("dmgcmd.exe"), `#!/bin/sh\n${log}\n${echo}\nexit ${code}\n`);
      await chmod(file("dmgcmd.exe"), 0o755);
    },
    async calls() {
      return (await read("calls")).split("\n").filter(Boolean);
    },
    async run(switches) {
      const { code, output } = await powershell([
        `$null = Start-Transcript -Path '${file("transcript.txt")}'`,
        `& '${file("Register-GatewayKey.ps1")}' -VaultUrl ${url} -SecretName adf-test ${switches.join(" ")}`,
        "$code = $LASTEXITCODE",
        "$null = Stop-Transcript",
        "exit $code",
      ]);
      return { code, output, transcript: await read("transcript.txt"), state: await read(stateName) };
    },
    async runTask(vaultUrl = url) {
      const { code } = await powershell([
        `$folder = '${folder}'`,
        `$command = ${runbookCommand()}`,
        `$command = $command -replace 'https://\\S+', '${vaultUrl}' -replace 'adf-gatewaytest-key', 'adf-test'`,
        "Invoke-Expression $command",
      ]);
      return { code, log: await read("last-run.log") };
    },
    async stop() {
      await new Promise((closed) => server.close(closed));
      await rm(folder, { recursive: true });
    },
  };
}
