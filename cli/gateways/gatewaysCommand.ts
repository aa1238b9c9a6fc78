import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { createCredential } from "../../src/azure/credential.ts";
import { ConfigurationError } from "../../src/config/configurationProblem.ts";
import { createGatewayLists } from "../azure/gatewayLists.ts";
import { createProgress, runCommand } from "../command.ts";
import { count } from "../words.ts";
import { checkGateways, checkGatewaysFile } from "./check.ts";
import { differenceOf, renderDifference, renderFirstTick } from "./difference.ts";
import { discover } from "./discover.ts";
import { entriesOf, newDocument, withGateways } from "./gatewaysDocument.ts";
import { type CheckCommand, type DiscoverCommand, readCommand, usage } from "./gatewaysOptions.ts";
import { renderOutlook } from "./outlook.ts";

/** @returns the exit code */
async function check({ file, schedule, keyVaultUrl }: CheckCommand): Promise<number> {
  const checked = await checkGatewaysFile(file, {
    schedule,
    keyVaultUrl,
    sampleAllowed: basename(file) === "gateways.sample.json",
  });
  if (checked.kind === "valid") {
    process.stdout.write(renderOutlook(file, checked, new Date()));
    return 0;
  }
  console.error(new ConfigurationError(checked.problems).message);
  return 1;
}

/** A list of thousands of gateways has some dozen pages. */
const callTimeoutMs = 2 * 60_000;

/** @returns the exit code */
async function runDiscover(command: DiscoverCommand): Promise<number> {
  const { scope, file, writes, vaultUrl, resourceManager } = command;
  // Read before the lists, which can take minutes: a wrong file is reported at once.
  const text = writes && !existsSync(file) ? undefined : await readValid(file);
  const progress = createProgress("lists read");
  const lists = createGatewayLists({
    credential: createCredential(undefined),
    url: resourceManager.url,
    scope: resourceManager.scope,
    callTimeoutMs,
  });
  const discovery = await discover(scope, lists, progress.show);
  progress.stop();
  const difference = differenceOf(text === undefined ? [] : entriesOf(text), discovery);
  const { unlisted, gone } = difference;
  console.log(renderDifference(difference, discovery, writes ? "what was not written" : "all"));
  if (writes && unlisted.length > 0) {
    const written = text === undefined ? newDocument(unlisted, vaultUrl) : withGateways(text, unlisted);
    const checked = checkGateways(written, file);
    if (checked.kind === "invalid") throw new ConfigurationError(checked.problems);
    await writeFile(file, written);
    console.log(`${count(unlisted.length, "entry", "entries")} added to ${file}.`);
    console.log(
      [renderFirstTick(unlisted), `Next: npm run gateways -- check ${file}`].join("\n").trimStart(),
    );
  }
  if (discovery.unread.length > 0) return 2;
  return !writes && unlisted.length + gone.length > 0 ? 1 : 0;
}

/** @throws ConfigurationError */
async function readValid(file: string): Promise<string> {
  const checked = await checkGatewaysFile(file);
  if (checked.kind === "invalid") throw new ConfigurationError(checked.problems);
  return readFile(file, "utf8");
}

await runCommand("gateways", async (args) => {
  const command = readCommand(args, process.env);
  switch (command.kind) {
    case "check":
      return check(command);
    case "discover":
      return runDiscover(command);
    case "help":
      console.log(usage);
      return 0;
  }
});
