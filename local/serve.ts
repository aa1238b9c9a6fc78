import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { defaultOutDir } from "../scripts/build.ts";
import type { FunctionsHost } from "./functionsHost/launch.ts";
import type { InvocationResult } from "./functionsHost/protocol.ts";
import { aborted, type Session } from "./interruption.ts";
import { buildApart, type Machine, startMachine } from "./machine.ts";
import { rehearsedFaults, startRehearsal } from "./rehearsal.ts";
import { describeInvocation, describeLog, rotationFunction } from "./runReport.ts";
import type { GatewaysDocument } from "./sample.ts";
import { type Services, startServices } from "./services.ts";

/**
 * Runs a machine, with its timers on their schedules, until the session is interrupted.
 *
 * @returns the exit code: 0 if it was interrupted, 1 if the functions host ended by itself
 * @throws if it was interrupted before the machine had started
 */
export async function serve(session: Session, gateways: GatewaysDocument | undefined): Promise<number> {
  const { print, interruption } = session;
  let shown = 0;
  const onInvocation = (result: InvocationResult, { simulator }: Services) => {
    print(`\n${describeInvocation(simulator, result, shown)}\n`);
    shown = simulator.telemetry.length;
  };
  await using cleanup = new AsyncDisposableStack();
  const machine = await startMachine({
    gateways,
    past: gateways === undefined,
    interruption,
    onLog: (log) => print(describeLog(log)),
    onInvocation,
  });
  cleanup.defer(machine.stop);
  const { url, stop } = await startRehearsal(machine);
  cleanup.defer(stop);
  print(
    `\n${describePage(machine)}\n\n${describeAddresses(machine)}\n\n${howToRehearse(machine, url)}\n\n${howToTrigger(machine)}\n`,
  );
  return await untilEnd(machine.functionsHost, session);
}

/** The page that an operator opens first. */
const describePage = ({ functionsHost: { port, functionKey } }: Machine): string =>
  `Status page, for your browser: http://127.0.0.1:${port}/api/status\nIt asks for the function key: ${functionKey}`;

/** Request bodies, by function. */
const bodies: Readonly<Record<string, string>> = {
  requestRotation: '{"gateways":"*","reason":"first try","dryRun":true}',
};

/** Commands to paste into a second terminal. */
function howToTrigger({ functionsHost, settings }: Machine): string {
  const { port, masterKey, functionKey, httpRoutes } = functionsHost;
  const called = httpRoutes.filter(({ functionName }) => functionName !== "showStatus");
  const routes = called.map(({ functionName, methods, url }) => {
    const body = bodies[functionName];
    const sent = body === undefined ? "" : ` \\\n    -H 'content-type: application/json' -d '${body}'`;
    return `${functionName}:\n  curl -i -X ${methods[0]} '${url}' -H 'x-functions-key: ${functionKey}'${sent}`;
  });
  return `To call the HTTP routes, paste into another terminal:
${routes.join("\n")}
${rotationFunction} (timer):
  curl -i -X POST http://127.0.0.1:${port}/admin/functions/${rotationFunction} \\
    -H 'content-type: application/json' -H 'x-functions-key: ${masterKey}' -d '{}'

The timer runs on its schedule, ${settings["ROTATION_SCHEDULE"]} (UTC). Press Ctrl-C to stop everything.`;
}

/** What the audit needs beside the vaults: a sign-in, and trust in the simulator's certificate. */
const auditSettings = [
  "AZURE_TOKEN_CREDENTIALS",
  "IDENTITY_ENDPOINT",
  "IDENTITY_HEADER",
  "NODE_EXTRA_CA_CERTS",
];

/** Variables for the commands of the runbook and of the audit, and a line for each fault. */
function howToRehearse({ functionsHost, settings, simulator }: Machine, rehearsal: string): string {
  const { port, functionKey } = functionsHost;
  const vaults = Object.values(simulator.vaultUrls).map((url) => `--vault ${url}`);
  const variables = {
    url: `http://127.0.0.1:${port}`,
    key: functionKey,
    rehearsal,
    vaults: vaults.join(" "),
    ...Object.fromEntries(auditSettings.map((name) => [name, settings[name] ?? ""])),
  };
  const exports = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  const faults = rehearsedFaults.map(
    ({ name, what }) => `  curl -X POST $rehearsal/faults/${name}  # ${what}`,
  );
  return `To rehearse (docs/runbook.md, "Rehearsal") or to audit these vaults, paste this first:
  export ${exports.join(" ")}

  npm run audit -- $vaults --out rehearsal.html
${faults.join("\n")}
  curl -X DELETE $rehearsal/faults  # all faults end
  curl -X POST $rehearsal/hosts/<gateway>  # its host registers with the key in the vault`;
}

/** How many lines of the functions host's output are printed when it ends by itself. */
const lastLines = 12;

/** @returns 0 if the session was interrupted; 1 if the host ended by itself, after printing its last lines */
export async function untilEnd(
  functionsHost: Pick<FunctionsHost, "exited" | "output">,
  { print, interruption }: Session,
): Promise<number> {
  const end = await Promise.race([functionsHost.exited, aborted(interruption)]);
  // Ctrl-C also goes to the host, which may end before this process receives it.
  if (end === undefined || interruption.aborted) return 0;
  const lines = functionsHost.output().trimEnd().split("\n").slice(-lastLines);
  print(`The functions host ended (${end.code ?? end.signal}). Its last output:\n${lines.join("\n")}`);
  return 1;
}

/**
 * Runs the Azure services for the real Functions host until the session is interrupted. The host runs in dist/, where
 * this function writes the settings with the services' addresses.
 *
 * @returns the exit code: 0
 * @throws if it was interrupted before the services had started
 */
export async function serveServices(
  { print, interruption }: Session,
  gateways: GatewaysDocument | undefined,
): Promise<number> {
  await buildApart(defaultOutDir);
  interruption.throwIfAborted();
  const services = await startServices({ gateways });
  const settingsFile = path.join(defaultOutDir, "local.settings.json");
  try {
    interruption.throwIfAborted();
    await writeFile(settingsFile, JSON.stringify({ IsEncrypted: false, Values: services.settings }, null, 2));
    print(`
${describeAddresses(services)}

${path.relative(process.cwd(), settingsFile)} has these addresses. In another terminal, run:
  cd dist && func start

Press Ctrl-C to stop everything.`);
    await aborted(interruption);
    return 0;
  } finally {
    await Promise.all([rm(settingsFile, { force: true }), services.stop()]);
  }
}

/** The addresses of a machine's services, one line each. */
export function describeAddresses({ simulator, settings }: Services): string {
  const storage = /BlobEndpoint=([^;]+)/.exec(settings["AzureWebJobsStorage"] ?? "")?.[1] ?? "";
  const vaults = Object.entries(simulator.vaultUrls).map(([name, url]) => ["Key Vault", `${url} (${name})`]);
  const addresses = [
    ["Resource Manager", simulator.resourceManagerUrl],
    ...vaults,
    ["Blob storage", storage],
    ["Certificate", settings["NODE_EXTRA_CA_CERTS"] ?? ""],
  ];
  return addresses.map(([what = "", where]) => `${what.padEnd(18)}${where}`).join("\n");
}
