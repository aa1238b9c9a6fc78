import path from "node:path";
import { parseArgs } from "node:util";
import { writeAuditPage } from "./auditPage.ts";
import { Interrupted, listenForInterruption } from "./interruption.ts";
import { startMachine } from "./machine.ts";
import { rotateOnce } from "./rotateOnce.ts";
import { serve } from "./serve.ts";
import { serveServices } from "./serveServices.ts";
import type { Session } from "./session.ts";

const usage = `npm start [-- options]

Runs the real job on this machine, with no Azure account: Azure Storage by Azurite, everything else by a
simulator, and the very bundle that is deployed in a small functions host.

  (none)       rotate the sample's gateways once, show what came of it, and write the audit of it to audit.html
  --serve      stay up with the timers on their schedules and the HTTP routes, until Ctrl-C
  --services   Azure's services alone, and dist/local.settings.json for "func start" in dist/, until Ctrl-C
  --help       this text
`;

type Mode = "once" | "serve" | "services" | "help";

function readMode(): Mode {
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({ options: { serve: flag, services: flag, help: { ...flag, short: "h" } } });
  if (values.help) return "help";
  if (values.serve && values.services) throw new Error("--serve and --services exclude each other.");
  if (values.serve) return "serve";
  return values.services ? "services" : "once";
}

const next = `
Next:
  npm start -- --serve   the same machine, kept up: its addresses, its timers, its routes, with a line to paste for each
  npm test               every way in which a rotation can go wrong
  README.md              how to deploy it`;

/** In the folder where `npm start` was called; git does not see it. */
const auditPage = path.resolve("audit.html");

async function once(session: Session): Promise<number> {
  const machine = await startMachine({ interruption: session.interruption });
  try {
    const exitCode = await rotateOnce(machine, session);
    await writeAuditPage(machine, auditPage);
    session.print(`\nThe audit of its vaults, a page for your browser: ${auditPage}`);
    session.print(next);
    return exitCode;
  } finally {
    await machine.stop();
  }
}

async function run(mode: Mode, session: Session): Promise<number> {
  const { print } = session;
  switch (mode) {
    case "once":
      print("Building, starting Azurite, the simulator and the functions host …");
      return once(session);
    case "serve":
      print("Building, starting Azurite, the simulator and the functions host …");
      return serve(session);
    case "services":
      print("Building dist/, starting Azurite and the simulator …");
      return serveServices(session);
    case "help":
      print(usage);
      return 0;
  }
}

/** @returns the exit code: 2 where the command line is wrong, the signal's where one cut the start short */
async function main(session: Session): Promise<number> {
  let mode: Mode;
  try {
    mode = readMode();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  try {
    return await run(mode, session);
  } catch (error) {
    // Ctrl-C goes to Azurite and the functions host too: whatever failed, failed because of it.
    const { reason } = session.interruption;
    if (reason instanceof Interrupted) return reason.exitCode;
    throw error;
  }
}

process.exitCode = await main({ print: console.log, interruption: listenForInterruption() });
