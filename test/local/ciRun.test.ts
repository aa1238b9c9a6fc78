import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf } from "../../local/childProcess.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ci-run-test-"));
  await mkdir(path.join(folder, "bin"));
  await cp(path.join(import.meta.dirname, "..", "..", ".ci"), path.join(folder, ".ci"), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the gate in a separate folder, with this script instead of npm. */
async function runGate(
  npm: string,
): Promise<{ readonly code: number | null; readonly lastLine: string | undefined }> {
  const file = path.join(folder, "bin", "npm");
  await writeFile(file, `#!/bin/sh\n${npm}\n`);
  await chmod(file, 0o755);
  const env = { ...process.env, PATH: `${path.dirname(file)}${path.delimiter}${process.env["PATH"]}` };
  const script = path.join(folder, ".ci", "run");
  const { code, stdout } = await endOf(spawn("bash", [script], { env, stdio: ["ignore", "pipe", "pipe"] }));
  return { code, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

/** A replacement for npm: its tests write these results, and its package fails if dist exists. */
const npmWithResults = (results: object) => `
  [ "$*" != "run package" ] || [ ! -e dist ] || exit 1
  for argument; do
    case "$argument" in --outputFile.json=*) echo '${JSON.stringify(results)}' > "\${argument#*=}" ;; esac
  done`;

test("the install fails → the counts are still the last line, exit code 1", async () => {
  expect(await runGate("exit 1")).toEqual({ code: 1, lastLine: "0 passed, 1 failed" });
});

test("all steps pass and an old build exists → it is deleted; counts last, exit code 0", async () => {
  await mkdir(path.join(folder, "dist"));
  const results = { numPassedTests: 7, numFailedTests: 0, testResults: [] };
  expect(await runGate(npmWithResults(results))).toEqual({ code: 0, lastLine: "7 passed, 0 failed" });
});

test("a test file that cannot be loaded → counts as a failure", async () => {
  const testResults = [{ status: "failed", assertionResults: [] }];
  const npm = npmWithResults({ numPassedTests: 7, numFailedTests: 0, testResults });
  expect(await runGate(npm)).toMatchObject({ lastLine: "7 passed, 1 failed" });
});
