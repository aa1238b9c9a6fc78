import path from "node:path";
import { runScript } from "../runScript.ts";

const script = path.join(import.meta.dirname, "../../../cli/gateways/gatewaysCommand.ts");

/** Runs `npm run gateways`. */
export const runCommandLine = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  runScript(script, args, env);
