import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { callCodes } from "../src/domain/attempt.ts";
import { readRotationRequest } from "../src/http/rotationRequest.ts";
import { journalName } from "../src/journal/journal.ts";
import { type FailureMeaning, failureTable } from "../src/rotation/failureTable.ts";
import { pendingReasons, skipReasons } from "../src/rotation/outcome.ts";
import { gateway } from "./support/gateways.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const page = read("docs/runbook.md");

const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found = ""]) => found);
const unique = (codes: readonly string[]): string[] => [...new Set(codes)].sort();

const meanings: readonly FailureMeaning[] = Object.values(failureTable);
const withCause = (code: string): string | undefined => code.match(/^(.+)-\{cause\}$/)?.[1];

describe("the runbook's error codes", () => {
  const section = (title: string): string =>
    page.split(/^##+ /m).find((each) => each.startsWith(`${title}\n`)) ?? "";

  test("the runbook's stages → the codes of the failure table that end in a cause", () => {
    const stages = meanings.flatMap(({ code }) => withCause(code) ?? []);
    expect(stages.length).toBeGreaterThan(5);
    expect(all(page, /^### Stage `([a-z-]+)`$/gm).sort()).toEqual(unique(stages));
  });

  test("the runbook's whole words → all other codes of the failure table", () => {
    const words = meanings.flatMap(({ code }) => (withCause(code) === undefined ? [code] : []));
    expect(words.length).toBeGreaterThan(5);
    expect(all(page, /^### `([a-z-]+)`$/gm).sort()).toEqual(unique(words));
  });

  test("the runbook's causes → the codes with which a call can end", () => {
    expect(all(page, /^### Cause `([a-z-]+)`$/gm).sort()).toEqual(unique(callCodes));
  });

  test("each of these codes → given to a call by a wrapper or by the engine", () => {
    const files = globSync("src/{azure,pacing,rotation,runs}/**/*.ts", { cwd: root });
    const source = files
      .filter((file) => !file.endsWith("failureTable.ts"))
      .map(read)
      .join("\n");
    expect(callCodes.filter((code) => !source.includes(`"${code}"`))).toEqual([]);
  });

  test("the runbook's reasons for skipped and pending → exactly those of the engine", () => {
    const listed = (state: string) =>
      all(page, new RegExp(`^\\| \`([a-z-]+)\` \\| ${state} \\|`, "gm")).sort();
    expect(listed("skipped")).toEqual(unique(skipReasons));
    expect(listed("pending")).toEqual(unique(pendingReasons));
  });

  test.each(unique(meanings.map(({ code }) => code)))(
    "the section of %s → the effects of the failure table, consumers, next action",
    (code) => {
      const stage = withCause(code);
      const text = section(stage === undefined ? `\`${code}\`` : `Stage \`${stage}\``);
      expect(text).toMatch(/\*\*Key:\*\*[\s\S]+\*\*Consumers:\*\*[\s\S]+\*\*Next:\*\*/);
      const [, key = ""] = text.match(/\*\*Key:\*\*([\s\S]+)\*\*Consumers:\*\*/) ?? [];
      const effects = meanings.filter((each) => each.code === code).map(({ effect }) => effect);
      expect(unique(all(key, /`(unchanged|unknown|applied)`/g))).toEqual(unique(effects));
    },
  );
});

test("the runbook's alerts → exactly the deployed alerts", () => {
  const section = page.match(/^## Alerts$[\s\S]+?(?=^## )/m)?.[0] ?? "";
  const rules = read("infra/alerts.bicep").match(/^var rules = \[[\s\S]+?^\]/m)?.[0] ?? "";
  expect(all(rules, /^ {4}name: '([a-z-]+)'/gm).length).toBeGreaterThan(3);
  expect(all(section, /^### ([a-z-]+)$/gm).sort()).toEqual(all(rules, /^ {4}name: '([a-z-]+)'/gm).sort());
});

describe("the runbook's commands", () => {
  const bodies = all(page, /--data '(\{.+\})'/g);

  test("the runbook's HTTP requests → the function accepts them", async () => {
    expect(bodies.length).toBeGreaterThan(3);
    for (const body of bodies) {
      const headers = new Headers({
        "content-type": "application/json",
        "idempotency-key": crypto.randomUUID(),
      });
      const request = {
        url: "https://app.example/api/rotations",
        headers,
        params: {},
        body: Readable.from([Buffer.from(body)]),
      };
      await expect(readRotationRequest(request)).resolves.toMatchObject({ reason: expect.any(String) });
    }
  });

  test("the runbook's shell blocks → valid syntax", () => {
    const blocks = all(page, /^ *```sh\n([\s\S]+?)^ *```$/gm);
    expect(blocks.length).toBeGreaterThan(8);
    for (const block of blocks)
      execFileSync("sh", ["-n"], { input: block, stdio: ["pipe", "ignore", "inherit"] });
  });

  test("the runbook's command for a journal's name → prints that name", () => {
    const [command] = all(page, /^(journal=.+)$/gm);
    const { target } = gateway();
    const printed = execFileSync("sh", ["-c", `${command}; printf %s "$journal"`], {
      env: { PATH: process.env["PATH"], gateway: target.resourceId.toUpperCase() },
      encoding: "utf8",
    });
    expect(printed).toBe(journalName(gateway()));
  });

  test("the runbook's exit codes of the host's script → those in the script's help", () => {
    const help = all(read("docs/Register-GatewayKey.ps1"), /^(\d) {2}\S/gm);
    const table = page.match(/\| exit code \| means \|\n\|---\|---\|\n((?:\|.*\n)+)/)?.[1] ?? "";
    expect(help.length).toBeGreaterThan(5);
    expect(all(table, /^\| (\d) \|/gm)).toEqual(help);
  });
});
