import { basename } from "node:path";
import { ConfigurationError } from "../../src/config/configurationProblem.ts";
import { runCommand } from "../command.ts";
import { checkGatewaysFile } from "./check.ts";
import { type CheckCommand, readCommand, usage } from "./gatewaysOptions.ts";
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

await runCommand("gateways", async (args) => {
  const command = readCommand(args, process.env);
  switch (command.kind) {
    case "check":
      return check(command);
    case "help":
      console.log(usage);
      return 0;
  }
});
