import path from "node:path";
import { parseArgs } from "node:util";
import { ConfigurationError } from "../src/config/configurationProblem.ts";
import { writeAuditPage } from "./audit.ts";
import { Interrupted, listenForInterruption, type Session } from "./interruption.ts";
import { startMachine } from "./machine.ts";
import { rotateOnce } from "./runReport.ts";
import { type GatewaysDocument, readOwnGateways } from "./sample.ts";
import { serve, serveServices } from "./serve.ts";

const usage = `npm start [-- options]

Runs the real job on this machine, without an Azure account. Azurite stands in for Azure Storage and a simulator for all
other services. A small functions host runs the same bundle that is deployed.

  (none)       rotate the sample's gateways once, print the result, and write an audit report to audit.html
  --serve      run the timers on their schedules, the status page and the HTTP routes, until Ctrl-C
  --services   run only the Azure services, and write dist/local.settings.json for "func start" in dist/, until Ctrl-C
  --gateways FILE
               the gateways of this file, in simulated vaults, in the place of the sample's
  --help       print this text
`;

interface Command {
  readonly mode: "once" | "serve" | "services" | "help";
  /** A file like gateways.json; undefined: the sample. */
  readonly gatewaysFile: string | undefined;
}

function readCommand(): Command {
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    options: { serve: flag, services: flag, gateways: { type: "string" }, help: { ...flag, short: "h" } },
  });
  if (values.serve && values.services) throw new Error("--serve and --services exclude each other.");
  const running = values.serve ? "serve" : values.services ? "services" : "once";
  return { mode: values.help ? "help" : running, gatewaysFile: values.gateways };
}

const next = `
Next:
  npm start -- --serve   keep the machine running, with its timers, status page and HTTP routes
  npm test               run the tests
  README.md              how to deploy`;

/** In the folder where `npm start` was called; .gitignore names it. */
const auditPage = path.resolve("audit.html");

async function once(session: Session, gateways: GatewaysDocument | undefined): Promise<number> {
  const machine = await startMachine({
    gateways,
    // A list of one's own is audited alone.
    past: gateways === undefined,
    interruption: session.interruption,
  });
  try {
    const exitCode = await rotateOnce(machine, session);
    await writeAuditPage(machine, auditPage);
    session.print(`\nThe audit report of these vaults, a page for your browser: ${auditPage}`);
    session.print(next);
    return exitCode;
  } finally {
    await machine.stop();
  }
}

async function run({ mode, gatewaysFile }: Command, session: Session): Promise<number> {
  const { print } = session;
  const gateways = gatewaysFile === undefined ? undefined : await readOwnGateways(gatewaysFile);
  switch (mode) {
    case "once":
      print("Building, starting Azurite, the simulator and the functions host …");
      return once(session, gateways);
    case "serve":
      print("Building, starting Azurite, the simulator and the functions host …");
      return serve(session, gateways);
    case "services":
      print("Building dist/, starting Azurite and the simulator …");
      return serveServices(session, gateways);
    case "help":
      print(usage);
      return 0;
  }
}

/** @returns the exit code: 2 if the command line is wrong; the signal's code if a signal interrupted the start */
async function main(session: Session): Promise<number> {
  let command: Command;
  try {
    command = readCommand();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  try {
    return await run(command, session);
  } catch (error) {
    // Ctrl-C also ends Azurite and the functions host, so any failure after it is a consequence of it.
    const { reason } = session.interruption;
    if (reason instanceof Interrupted) return reason.exitCode;
    if (error instanceof ConfigurationError) {
      console.error(error.message);
      return 1;
    }
    throw error;
  }
}

process.exitCode = await main({ print: console.log, interruption: listenForInterruption() });
