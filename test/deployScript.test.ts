import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = path.join(import.meta.dirname, "..", "scripts", "deploy.sh");
const functionKey = "a-function-key-that-no-output-may-show";

/** Stands for the Azure CLI: writes down what it is called with, and answers as the real one does. */
const fakeAz = `#!/usr/bin/env bash
echo "az $*" >> "$CALLS"
case "$*" in
  *"deployment group show"*) echo func-keyrotation-test ;;
  *"functionapp show"*) echo func-keyrotation-test.azurewebsites.net ;;
  *"keys list"*) echo ${functionKey} ;;
  *config-zip*)
    failures=$(cat "$FAILURES")
    echo $((failures - 1)) > "$FAILURES"
    if [ "$failures" -gt 0 ]; then echo 'Forbidden' >&2; exit 1; fi ;;
esac
env | grep -E '^(ROTATION|ALERT|ASSIGN|ACTION|RUNBOOK|OPERATOR)' | sort >> "$CALLS" || true
`;

/** Stands for curl: keeps its standard input, and answers with the statuses of a file, one a call. */
const fakeCurl = `#!/usr/bin/env bash
echo "curl $*" >> "$CALLS"
cat >> "$STDIN"
out=$(echo "$*" | sed -n 's/.*--output \\([^ ]*\\).*/\\1/p')
echo '{ "dryRun": true }' > "$out"
head -n 1 "$STATUSES"
sed -i 1d "$STATUSES"
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "deploy-script-"));
  await mkdir(path.join(folder, "bin"));
  for (const [name, text] of Object.entries({ az: fakeAz, curl: fakeCurl })) {
    await writeFile(path.join(folder, "bin", name), text);
    await chmod(path.join(folder, "bin", name), 0o755);
  }
});
afterEach(() => rm(folder, { recursive: true }));

interface Situation {
  readonly step: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How often the zip is refused. */
  readonly refusals?: number;
  /** Of the dry run, one for each request. */
  readonly statuses?: readonly number[];
}

async function deploy({ step, env = {}, refusals = 0, statuses = [] }: Situation) {
  const file = (name: string) => path.join(folder, name);
  await writeFile(file("failures"), `${refusals}\n`);
  await writeFile(file("statuses"), `${statuses.join("\n")}\n`);
  const variables = {
    PATH: `${path.join(folder, "bin")}${path.delimiter}${process.env["PATH"] ?? ""}`,
    CALLS: file("calls"),
    STDIN: file("stdin"),
    FAILURES: file("failures"),
    STATUSES: file("statuses"),
    RETRY_SECONDS: "0",
    AZURE_RESOURCE_GROUP: "rg-rotation",
    ...env,
  };
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>();
  execFile("bash", [script, step], { env: variables }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
  );
  const ended = await promise;
  const lines = async (name: string) =>
    (await readFile(file(name), "utf8").catch(() => "")).trim().split("\n");
  return { ...ended, calls: await lines("calls"), stdin: await lines("stdin") };
}

const parameters = "--resource-group rg-rotation --name rotation --parameters infra/main.bicepparam";

// Pipelines run it on Linux. Windows has another `bash`, if any.
describe.skipIf(process.platform === "win32")("scripts/deploy.sh", () => {
  test("preview → what-if alone, which changes nothing", async () => {
    const { code, calls } = await deploy({ step: "preview" });
    expect({ code, calls }).toEqual({ code: 0, calls: [`az deployment group what-if ${parameters}`] });
  });

  test("apply → the deployment, with the variables that are set, and no other", async () => {
    const { code, calls } = await deploy({
      step: "apply",
      env: { ROTATION_SCHEDULE: "0 0 9 * * *", ROTATION_PAUSED: "", ALERT_WEBHOOKS: "$(ALERT_WEBHOOKS)" },
    });
    expect(code).toBe(0);
    expect(calls).toEqual([
      `az deployment group create ${parameters} --output none`,
      "ROTATION_SCHEDULE=0 0 9 * * *",
    ]);
  });

  test("upload, refused while a role is new → tried again until it is accepted", async () => {
    const { code, calls } = await deploy({ step: "upload", refusals: 2 });
    expect(code).toBe(0);
    const uploads = calls.filter((call) => call.includes("config-zip"));
    expect(uploads).toHaveLength(3);
    expect(uploads[0]).toContain("--name func-keyrotation-test --src package/gateway-key-rotation.zip");
  });

  test("upload, always refused → fails", async () => {
    const { code, calls } = await deploy({ step: "upload", refusals: 100 });
    expect(code).not.toBe(0);
    expect(calls.filter((call) => call.includes("config-zip"))).toHaveLength(15);
  });

  test("dry run: ready at the third request → succeeds, and rotates nothing", async () => {
    const { code, calls } = await deploy({ step: "dry-run", statuses: [503, 207, 200] });
    expect(code).toBe(0);
    const requests = calls.filter((call) => call.startsWith("curl"));
    expect(requests).toHaveLength(3);
    for (const request of requests) {
      expect(request).toContain('"dryRun": true');
      expect(request).toContain("https://func-keyrotation-test.azurewebsites.net/api/rotations");
    }
  });

  test("dry run: never ready → fails, and shows the answer", async () => {
    const { code, output } = await deploy({ step: "dry-run", statuses: Array(15).fill(207) });
    expect(code).not.toBe(0);
    expect(output).toContain('{ "dryRun": true }');
  });

  test("the function key → reaches curl's standard input, no command line and no log", async () => {
    const { output, calls, stdin } = await deploy({ step: "dry-run", statuses: [200] });
    expect(stdin).toEqual([`header = "x-functions-key: ${functionKey}"`]);
    expect([output, ...calls].join("\n")).not.toContain(functionKey);
  });

  test.each([
    ["another word", { step: "deploy" }, 2],
    ["no resource group", { step: "apply", env: { AZURE_RESOURCE_GROUP: "" } }, 1],
  ])("%s → nothing is called", async (_, situation, code) => {
    const ended = await deploy(situation);
    expect(ended).toMatchObject({ code, calls: [""] });
  });
});
