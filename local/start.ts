import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { build, defaultOutDir } from "../scripts/build.ts";
import type { HostLog, InvocationResult } from "./functionsHost/protocol.ts";
import { startMachine } from "./machine.ts";
import { describeRuns } from "./runReport.ts";
import { type Services, startServices } from "./services.ts";

const functionName = "rotateOnSchedule";

const usage = `npm start [-- options]

Runs the real job on this machine, with no Azure account: Azure Storage by Azurite, everything else by a
simulator, and the very bundle that is deployed in a small functions host.

  (none)       rotate the sample's gateways once, and show what came of it
  --serve      stay up with the timer on its schedule and a trigger by hand, until Ctrl-C
  --services   Azure's services alone, and dist/local.settings.json for "func start" in dist/, until Ctrl-C
  --help       this text
`;

type Mode = "once" | "serve" | "services" | "help";

/** Resolves to the signal that ends this process. A second one ends it the hard way. */
const interrupted = new Promise<NodeJS.Signals>((resolve) => {
  process.once("SIGINT", resolve);
  process.once("SIGTERM", resolve);
});

function readMode(): Mode {
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({ options: { serve: flag, services: flag, help: { ...flag, short: "h" } } });
  if (values.help) return "help";
  if (values.serve && values.services) throw new Error("--serve and --services exclude each other.");
  if (values.serve) return "serve";
  return values.services ? "services" : "once";
}

async function rotateOnce(): Promise<number> {
  console.log("Building dist/, starting Azurite, the simulator and the functions host …");
  await build({ outDir: defaultOutDir });
  const machine = await startMachine();
  try {
    const result = await Promise.race([machine.functionsHost.trigger(functionName), interrupted]);
    if (typeof result === "string") return interruptedExitCode;
    showInvocation(machine, result, 0);
    console.log(`
Next:
  npm start -- --serve   the same machine, kept up: its addresses, its timer, a trigger by hand
  npm test               every way in which a rotation can go wrong
  README.md              how to deploy it`);
    return result.outcome.kind === "succeeded" ? 0 : 1;
  } finally {
    await machine.stop();
  }
}

const interruptedExitCode = 130;

async function serve(): Promise<number> {
  console.log("Building dist/, starting Azurite, the simulator and the functions host …");
  await build({ outDir: defaultOutDir });
  let shown = 0;
  const onInvocation = (result: InvocationResult, services: Services) => {
    showInvocation(services, result, shown);
    shown = services.simulator.telemetry.length;
  };
  const machine = await startMachine({ fixedPorts: true, onLog: showLog, onInvocation });
  try {
    const { port, masterKey, exited } = machine.functionsHost;
    showAddresses(machine);
    console.log(`
Trigger a rotation:
  curl -i -X POST http://127.0.0.1:${port}/admin/functions/${functionName} \\
    -H 'content-type: application/json' -H 'x-functions-key: ${masterKey}' -d '{}'

The timer runs on its schedule, ${machine.settings["ROTATION_SCHEDULE"]} (UTC). Ctrl-C ends it all.
`);
    const end = await Promise.race([interrupted, exited]);
    if (typeof end === "string") return 0;
    console.error(`The functions host ended (${end.code ?? end.signal}).\n${machine.functionsHost.output()}`);
    return 1;
  } finally {
    await machine.stop();
  }
}

async function serveServices(): Promise<number> {
  console.log("Building dist/, starting Azurite and the simulator …");
  await build({ outDir: defaultOutDir });
  const services = await startServices({ fixedPorts: true });
  const settingsFile = path.join(defaultOutDir, "local.settings.json");
  try {
    await writeFile(settingsFile, JSON.stringify({ IsEncrypted: false, Values: services.settings }, null, 2));
    showAddresses(services);
    console.log(`
${path.relative(process.cwd(), settingsFile)} leads there. In another terminal:
  cd dist && func start

Ctrl-C ends it all.`);
    await interrupted;
    return 0;
  } finally {
    await Promise.all([rm(settingsFile, { force: true }), services.stop()]);
  }
}

function showAddresses({ simulator, settings }: Services): void {
  const storage = /BlobEndpoint=([^;]+)/.exec(settings["AzureWebJobsStorage"] ?? "")?.[1] ?? "";
  const vaults = Object.entries(simulator.vaultUrls).map(([name, url]) => ["Key Vault", `${url} (${name})`]);
  const addresses = [
    ["Resource Manager", simulator.resourceManagerUrl],
    ...vaults,
    ["Blob storage", storage],
    ["CA certificate", settings["NODE_EXTRA_CA_CERTS"] ?? ""],
  ];
  console.log(`\n${addresses.map(([what = "", where]) => `${what.padEnd(18)}${where}`).join("\n")}`);
}

/** @param from how much telemetry was shown before */
function showInvocation({ simulator }: Services, result: InvocationResult, from: number): void {
  const { outcome, durationMs } = result;
  console.log(`\n${describeRuns(simulator, simulator.telemetry.slice(from))}`);
  if (outcome.kind === "succeeded") console.log(`${result.functionName} succeeded in ${durationMs} ms.`);
  else console.error(`\n${result.functionName} failed after ${durationMs} ms: ${outcome.message}`);
}

function showLog({ level, functionName, message }: HostLog): void {
  console.log(`${level.padEnd(11)} ${functionName ?? "host"}  ${message}`);
}

async function run(): Promise<number> {
  let mode: Mode;
  try {
    mode = readMode();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  switch (mode) {
    case "once":
      return rotateOnce();
    case "serve":
      return serve();
    case "services":
      return serveServices();
    case "help":
      console.log(usage);
      return 0;
  }
}

process.exitCode = await run();
