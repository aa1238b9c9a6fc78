import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { json } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { listen } from "../local/listen.ts";
import { journalName } from "../src/journal/journal.ts";
import { pwsh } from "./support/gatewayHost.ts";
import { gateway } from "./support/gateways.ts";

const docs = path.join(import.meta.dirname, "..", "docs");
const read = (name: string) => readFile(path.join(docs, name), "utf8");

interface Block {
  readonly heading: string;
  readonly text: string;
}

/** The blocks of commands of a page, each with the heading above it. */
function blocksOf(page: string, language: RegExp): readonly Block[] {
  const blocks: Block[] = [];
  let heading = "";
  for (const [, title, tag, text] of page.matchAll(/^#{2,4} ([^\n]+)$|^```(\w+)\n(.*?)^```$/gms)) {
    if (title !== undefined) heading = title;
    if (tag !== undefined && language.test(tag)) blocks.push({ heading, text: text ?? "" });
  }
  return blocks;
}

/** Every call of az, azd and npm: its words up to the first option, and the names of its options. */
function callsOf(text: string): readonly string[] {
  const lines = text
    .replace(/ [\\`]\n\s*/g, " ")
    .replace(/ +# .*$/gm, "")
    .replaceAll(" '--' ", " -- ");
  const calls = lines.matchAll(/(?<![\w.-])(az|azd|npm) (?=[a-z])((?:(?! az | > )[^\n;|])*)/g);
  return [...calls].map(([, tool, rest = ""]) => {
    const words = rest.replace(/"[^"]*"|'[^']*'/g, "VALUE").split(/\s+/);
    const first = words.findIndex((word) => word.startsWith("-"));
    const command = words
      .slice(0, first === -1 ? words.length : first)
      .filter((word) => /^[a-z-]+$/.test(word));
    return [tool, ...command, ...words.filter((word) => /^--[a-z]/.test(word)).sort()].join(" ");
  });
}

/** The bodies of requests to the function. */
const bodiesOf = (text: string): readonly unknown[] =>
  [...text.matchAll(/'(\{ "gateways": [^']*\})'/g)].map(([, body]) => JSON.parse(body ?? ""));

const powershell = await read("powershell.md");
const [deploying = "", runbook = ""] = powershell.split(/^## The runbook$/m);
const twins = blocksOf(powershell, /powershell/);

describe("docs/powershell.md", () => {
  test.each([
    ["deploy.md", deploying],
    ["runbook.md", runbook],
  ])("each block of commands in %s → has one here, with the same calls and requests", async (page, here) => {
    // The rehearsal runs on a developer's machine.
    const theirs = blocksOf(await read(page), /^(sh|bash)$/).filter(({ heading }) => heading !== "Rehearsal");
    const ours = blocksOf(here, /powershell/);
    expect(theirs.length).toBeGreaterThan(8);
    const shape = ({ text }: Block) => ({ calls: callsOf(text), bodies: bodiesOf(text) });
    const byCalls = (blocks: readonly Block[]) =>
      blocks
        .map(shape)
        .map((block) => JSON.stringify(block))
        .sort();
    expect(byCalls(ours)).toEqual(byCalls(theirs));
  });

  test("each heading here → is one of the pages' own", async () => {
    const pages = `${await read("deploy.md")}\n${await read("runbook.md")}`;
    const strangers = twins.filter(({ heading }) => !pages.includes(`# ${heading}\n`));
    expect([...new Set(strangers.map(({ heading }) => heading))]).toEqual(["Variables"]);
  });

  test("the -- before a script's own options → in quotes, since npm.ps1 never sees a bare one", () => {
    // https://github.com/npm/cli/issues/4903: PowerShell takes it as its own.
    const npm = twins.flatMap(({ text }) => text.match(/^npm run \S+ .*$/gm) ?? []);
    expect(npm.length).toBeGreaterThan(0);
    expect(npm.filter((line) => !line.includes(" '--' "))).toEqual([]);
  });

  test("a forgotten option → is noticed", () => {
    const call = "az keyvault secret recover --vault-name $vault --name $secret";
    expect(callsOf(call)).toEqual(["az keyvault secret recover --name --vault-name"]);
    expect(callsOf(call.replace(" --name $secret", ""))).not.toEqual(callsOf(call));
  });
});

describe.skipIf(pwsh === undefined)("docs/powershell.md in PowerShell", () => {
  const run = async (command: string) =>
    (
      await promisify(execFile)(pwsh ?? "", ["-NoProfile", "-NonInteractive", "-Command", command])
    ).stdout.trim();

  test("every block → PowerShell can read it", async () => {
    const parse = `$errors = $null
[Management.Automation.Language.Parser]::ParseInput([Console]::In.ReadToEnd(), [ref] $null, [ref] $errors) | Out-Null
$errors | ForEach-Object { $_.Message }`;
    const running = promisify(execFile)(pwsh ?? "", ["-NoProfile", "-NonInteractive", "-Command", parse]);
    running.child.stdin?.end(twins.map(({ text }) => text).join("\n"));
    expect(twins.length).toBeGreaterThan(20);
    expect((await running).stdout.trim()).toBe("");
  });

  test("Send-Rotation → sends key, id and body, and prints status, run and answer, also of a failure", async () => {
    const seen: unknown[] = [];
    const server = createServer(async (request, response) => {
      const { "x-functions-key": key, "idempotency-key": id, "content-type": type } = request.headers;
      seen.push({ path: request.url, key, id, type, body: await json(request) });
      const [status, subtype] =
        seen.length === 1 ? ([202, "json"] as const) : ([503, "problem+json"] as const);
      response.writeHead(status, {
        "content-type": `application/${subtype}`,
        location: "/api/rotations/http-1",
      });
      response.end('{ "state": "running" }');
    });
    const port = await listen(server);
    try {
      const block = twins.find(({ text }) => text.includes("function Send-Rotation"))?.text ?? "";
      const definition = block.slice(block.indexOf("function Send-Rotation"));
      const set = `$url = 'http://127.0.0.1:${port}'; $key = 'a-key'`;
      const body = '{ "gateways": ["warehouse"] }';
      const output = await run(
        `${set}\n${definition}\nSend-Rotation '${body}' id-1\nSend-Rotation '${body}'`,
      );
      const answer = (status: number) => `${status} /api/rotations/http-1\n{ "state": "running" }`;
      expect(output.replaceAll("\r", "")).toBe(`${answer(202)}\n${answer(503)}`);
      const request = { path: "/api/rotations", key: "a-key", body: { gateways: ["warehouse"] } };
      expect(seen).toMatchObject([
        { ...request, id: "id-1", type: expect.stringContaining("application/json") },
        { ...request, id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) },
      ]);
    } finally {
      server.close();
    }
  });

  test("the name of a journal → the one that the function uses", async () => {
    const block = twins.find(({ text }) => text.includes("$journal ="))?.text ?? "";
    const naming = block.split("\n").filter((line) => /^\$(bytes|hash|journal) =/.test(line));
    const { resourceId } = gateway().target;
    const name = await run([`$gateway = '${resourceId}'`, ...naming, "$journal"].join("; "));
    expect(name).toBe(journalName(gateway()));
  });
});
