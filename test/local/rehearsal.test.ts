import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, endOf } from "../../local/childProcess.ts";
import { rehearsedFaults } from "../../local/rehearsal.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { type StartedMachine, startMachineOf } from "./startedMachine.ts";

const root = path.join(import.meta.dirname, "..", "..");
const script = path.join(root, "local", "start.ts");

const folder = temporaryFolder();
let machine: StartedMachine;
let variables: string;
let chapter: string;

beforeAll(async () => {
  chapter =
    (await readFile(path.join(root, "docs", "runbook.md"), "utf8")).split("\n## Rehearsal\n")[1] ?? "";
  machine = await startMachineOf(process.execPath, script, "--serve");
  await machine.until(() => machine.stdout().includes("Press Ctrl-C to stop everything."));
  variables = /^ {2}(export .+)$/m.exec(machine.stdout())?.[1] ?? "";
});

afterAll(async () => {
  await machine?.dispose();
});

/** Runs lines in bash as a person would, after the printed `export`. */
function bash(lines: string): Promise<Ended> {
  const child = spawn("bash", ["-euc", `${variables}\n${lines}`], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return endOf(child);
}

/** What these lines print while this fault is on. */
async function during(fault: string, lines: string): Promise<string> {
  const [begin, end] = [`-X POST $rehearsal/faults/${fault}`, "-X DELETE $rehearsal/faults"];
  return (await bash(`curl -fsS ${begin} >&2; ${lines}; curl -fsS ${end} >&2`)).stdout;
}

/** The command for a request to rotate. */
const request = (body: object, id: string) =>
  `curl -sS $url/api/rotations -H "x-functions-key: $key" -H 'content-type: application/json' \
    -H 'idempotency-key: ${id}' -d '${JSON.stringify({ ...body, reason: "rehearsal" })}'`;

/** The JSON that follows what other commands printed. */
const answerIn = (output: string): unknown => JSON.parse(output.slice(output.indexOf("{")));

describe("the runbook's rehearsal", () => {
  test("its commands, one after the other → each answers as the chapter says", async () => {
    const blocks = [...chapter.matchAll(/```bash\n(.+?)```/gs)].map(([, block = ""]) => block);
    const own = path.join(folder, "rehearsal.html");
    const ran: Ended[] = [];
    for (const block of blocks) ran.push(await bash(block.replace("rehearsal.html", own)));

    expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual(blocks.map(() => [0, ""]));
    const [healthy = "", failed = "", cause = "", fixed = "", host = "", audit = ""] = ran.map(
      ({ stdout }) => stdout,
    );
    for (const run of [healthy, fixed]) expect(answerIn(run)).toMatchObject({ rotated: 3 });
    const refused = { state: "pending", code: "vault-takes-no-writes", effect: "unchanged" };
    expect(answerIn(failed)).toMatchObject({ rotated: 0, gateways: [refused, refused, refused] });
    const obstacle = { ready: false, problems: [{ code: "vault-takes-no-writes" }] };
    expect(answerIn(cause)).toMatchObject({ ready: false, gateways: [obstacle, obstacle, obstacle] });
    expect(host).toMatch(/The host of "gatewaytest" has registered/);
    expect(audit).not.toBe("");
    const page = await readFile(own, "utf8");
    expect(page).toContain("rehearsal: a healthy start");
    expect(page).toContain("rehearsal: permission fixed");
  });

  test("its table of faults → the faults that npm start prints, and each begins and ends", async () => {
    const listed = [...chapter.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    const printed = machine.stdout().matchAll(/^ {2}curl -X POST \$rehearsal\/faults\/(\S+) {2}# /gm);
    expect([...printed].map(([, name]) => name)).toEqual(listed);
    expect(rehearsedFaults.map(({ name }) => name)).toEqual(listed);
    for (const name of listed) {
      const { stdout } = await bash(
        `curl -fsS -X POST $rehearsal/faults/${name}; curl -fsS -X DELETE $rehearsal/faults`,
      );
      expect(stdout).toMatch(/^From now on, .+\.\nAll faults have ended\.\n$/);
    }
    const { stdout } = await bash("curl -sS -X POST $rehearsal/faults/meteor");
    expect(stdout).toBe('There is no fault "meteor".\n');
  });

  test.each([
    ["throttled-subscription", /throttled/],
    ["locked-resource", /ScopeLocked/],
    ["soft-deleted-secrets", /soft-?deleted/],
  ])("the fault %s → the dry run names it", async (name, message) => {
    const dryRun = request({ gateways: "*", dryRun: true }, `dry-run-${name}`);
    expect(await during(name, dryRun)).toMatch(message);
  });

  test.each([
    ["lost-answer", { rotated: 1, gateways: [{ state: "rotated" }] }],
    [
      "locked-resource",
      { failed: 1, gateways: [{ code: expect.stringMatching("scope-locked"), effect: "unchanged" }] },
    ],
    ["soft-deleted-secrets", { gateways: [{ code: "secret-soft-deleted", effect: "unchanged" }] }],
  ])("the fault %s → the run of a version 1 gateway ends as the table says", async (name, expected) => {
    const rotation = request({ gateways: ["gatewaytest"] }, `of-${name}`);
    expect(answerIn(await during(name, rotation))).toMatchObject(expected);
  });

  test("a host that is given a dead key → is refused, until the vault has the live one", async () => {
    await bash(request({ gateways: ["gatewaytest"] }, "host-1"));
    const deleted = await during("soft-deleted-secrets", "curl -sS -X POST $rehearsal/hosts/gatewaytest");
    expect(deleted).toMatch(/its host cannot register/);
    const recovered = await bash("curl -sS -X POST $rehearsal/hosts/gatewaytest");
    expect(recovered.stdout).toMatch(/has registered with the key in the vault/);
    const other = await bash("curl -sS -X POST $rehearsal/hosts/warehouse");
    expect(other.stdout).toMatch(/has no host that needs its key/);
  });
});
