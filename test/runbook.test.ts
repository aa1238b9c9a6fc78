import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readRotationRequest } from "../src/http/rotationRequest.ts";
import { journalName } from "../src/journal/journal.ts";
import { gateway } from "./support/gateways.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const page = read("docs/runbook.md");

const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found = ""]) => found);
const unique = (codes: readonly string[]): string[] => [...new Set(codes)].sort();

/** The codes of `failed(gateway, effect, code, …)`: stages, which get a problem's cause as suffix, and whole words. */
function codesOfFailures(): { readonly stages: string[]; readonly words: string[]; readonly calls: number } {
  const stages: string[] = [];
  const words: string[] = [];
  let calls = 0;
  for (const body of read("src/rotation/failures.ts").split(/^(?:export )?function /m)) {
    for (const code of all(body, /return failed\(gateway, "\w+", (.+?), \{/g)) {
      calls += 1;
      const [, stage, variable = ""] = code.match(/^`([a-z-]+)-\$\{([\w.]+)\}`$/) ?? [];
      const union = body.match(new RegExp(`\\b${variable}: ((?:"[a-z-]+"[ |]*)+)`))?.[1] ?? "";
      if (variable === "problem.code") stages.push(stage ?? "");
      else if (stage !== undefined) words.push(...all(union, /"([a-z-]+)"/g).map((end) => `${stage}-${end}`));
      else words.push(...(code === "step.reason" ? refusals() : all(code, /^"([a-z-]+)"$/g)));
    }
  }
  return { stages, words, calls };
}

const refusals = (): string[] =>
  all(read("src/rotation/nextStep.ts"), /kind: "refuse", reason: "([a-z-]+)"/g);

const causes = (): string[] =>
  ["src/azure", "src/rotation"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => read(`${folder}/${file}`)),
    )
    .flatMap((source) => [
      ...all(source, /\bcode: "([a-z-]+)"/g),
      ...all(source, /\b(?:refused|unclear)\(\s*"([a-z-]+)"/g),
    ]);

describe("the runbook's error codes", () => {
  test("its stages → the stages of the failures, each once", () => {
    expect(all(page, /^### Stage `([a-z-]+)`$/gm).sort()).toEqual(unique(codesOfFailures().stages));
  });

  test("its whole words → all other failures and the refusals of nextStep, each once", () => {
    expect(refusals().length).toBeGreaterThan(1);
    expect(all(page, /^### `([a-z-]+)`$/gm).sort()).toEqual(unique(codesOfFailures().words));
  });

  test("its causes → the codes with which a call can end, each once", () => {
    expect(all(page, /^### Cause `([a-z-]+)`$/gm).sort()).toEqual(unique(causes()));
  });

  test("its reasons for skipped and pending gateways → exactly those of the code", () => {
    const nextStep = read("src/rotation/nextStep.ts");
    const steps = (kind: string) =>
      all(nextStep, new RegExp(`kind: "${kind}",[^}]*?reason: "([a-z-]+)"`, "g"));
    const outcomes = all(read("src/rotation/outcome.ts"), /kind: "pending",[^}]*?reason: "([a-z-]+)"/g);
    const listed = (state: string) =>
      all(page, new RegExp(`^\\| \`([a-z-]+)\` \\| ${state} \\|`, "gm")).sort();
    expect(steps("skip").length).toBeGreaterThan(1);
    expect(listed("skipped")).toEqual(unique(steps("skip")));
    expect(listed("pending")).toEqual(unique([...steps("leave"), ...outcomes]));
  });

  test("every failure in the source → has a form that this test recognizes", () => {
    expect(codesOfFailures().calls).toBe(all(read("src/rotation/failures.ts"), /return (failed)\(/g).length);
  });

  test("every stage and word → says what it means for key and consumers, and what to do", () => {
    const sections = page.split(/^##+ /m).filter((section) => /^(?:Stage )?`/.test(section));
    expect(sections.length).toBeGreaterThan(15);
    for (const section of sections)
      expect(section).toMatch(/\*\*Key:\*\*[\s\S]+\*\*Consumers:\*\*[\s\S]+\*\*Next:\*\*/);
  });
});

test("the runbook's alerts → exactly the deployed alerts", () => {
  const section = page.match(/^## Alerts$[\s\S]+?(?=^## )/m)?.[0] ?? "";
  const rules = read("infra/alerts.bicep").match(/^var rules = \[[\s\S]+?^\]/m)?.[0] ?? "";
  expect(all(rules, /^ {4}name: '([a-z-]+)'/gm).length).toBeGreaterThan(3);
  expect(all(section, /^### ([a-z-]+)$/gm).sort()).toEqual(all(rules, /^ {4}name: '([a-z-]+)'/gm).sort());
});

describe("the runbook's commands", () => {
  const bodies = all(page, /--data '(\{.+\})'/g);

  test("its HTTP requests → are accepted by the function", async () => {
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

  test("its shell blocks → have valid syntax", () => {
    const blocks = all(page, /^ *```sh\n([\s\S]+?)^ *```$/gm);
    expect(blocks.length).toBeGreaterThan(8);
    for (const block of blocks)
      execFileSync("sh", ["-n"], { input: block, stdio: ["pipe", "ignore", "inherit"] });
  });

  test("its command for a journal's name → gives the journal's name", () => {
    const [command] = all(page, /^(journal=.+)$/gm);
    const { target } = gateway();
    const printed = execFileSync("sh", ["-c", `${command}; printf %s "$journal"`], {
      env: { PATH: process.env["PATH"], gateway: target.resourceId.toUpperCase() },
      encoding: "utf8",
    });
    expect(printed).toBe(journalName(gateway()));
  });

  test("the exit codes of the host's script → the same as in the script's help", () => {
    const help = all(read("docs/Register-GatewayKey.ps1"), /^(\d) {2}\S/gm);
    const table = page.match(/\| exit code \| means \|\n\|---\|---\|\n((?:\|.*\n)+)/)?.[1] ?? "";
    expect(help.length).toBeGreaterThan(5);
    expect(all(table, /^\| (\d) \|/gm)).toEqual(help);
  });
});
