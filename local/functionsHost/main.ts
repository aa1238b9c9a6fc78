import { randomBytes } from "node:crypto";
import path from "node:path";
import { parseArgs } from "node:util";
import { startAdminServer } from "./adminServer.ts";
import { loadFunctionApp } from "./functionApp.ts";
import { createInvoker } from "./invoker.ts";
import { createReporter } from "./reporter.ts";
import { functionTimeoutMs } from "./settings.ts";
import { holdSingleton, type Singleton } from "./singleton.ts";
import { createTimer, type Timer } from "./timer.ts";

/**
 * A small Azure Functions host: `node local/functionsHost/main.ts <folder> [--port <number>]`. Environment
 * variables are the app settings; the folder is what would be deployed.
 */
const { positionals, values } = parseArgs({ allowPositionals: true, options: { port: { type: "string" } } });
const reporter = createReporter();
const running: { readonly timer: Timer; readonly singleton: Singleton }[] = [];
const exitPatienceMs = 2_000;

/** Nothing new is begun, and nothing that runs is waited for. */
async function exit(code: number): Promise<never> {
  setTimeout(() => process.exit(code), exitPatienceMs);
  for (const { timer } of running) timer.stop();
  await Promise.all(running.map(({ singleton }) => singleton.release()));
  process.exit(code);
}

async function main(folder: string): Promise<void> {
  const storage = process.env["AzureWebJobsStorage"];
  if (!storage) throw new Error("AzureWebJobsStorage is not set: timers need a storage account.");
  const app = await loadFunctionApp(folder, (level, message) => reporter.log({ level, message }));
  const invoker = createInvoker({
    programmingModel: app.programmingModel,
    reporter,
    functionTimeoutMs: functionTimeoutMs(app.functionTimeout, process.env),
    // Not through the lease's end: what is stuck in this process must not hold up its end.
    onTimeout: () => setImmediate(() => process.exit(1)),
  });
  const timers = new Map([...app.functions].map(([name, target]) => [name, createTimer(target, invoker)]));

  const trigger = (name: string): string => {
    const [target, timer] = [app.functions.get(name), timers.get(name)];
    if (target === undefined || timer === undefined) throw new Error(`There is no function ${name}.`);
    return invoker.invoke(target, timer.info()).invocationId;
  };

  const masterKey = randomBytes(24).toString("base64url");
  const functions = [...app.functions.keys()];
  const port = await startAdminServer({ port: Number(values.port ?? 0), masterKey, functions, trigger });
  reporter.report({ kind: "ready", port, masterKey, functions });
  console.log(
    `ready       http://127.0.0.1:${port}  functions: ${functions.join(", ")}  master key: ${masterKey}`,
  );
  for (const [name, timer] of timers) runTimer(app.name, storage, name, timer);
}

/** Only the host that holds the function's lease runs its timer. */
function runTimer(appName: string, connectionString: string, functionName: string, timer: Timer): void {
  const onChange = (held: boolean) => {
    const message = held ? "holds the timer's lease" : "lost the timer's lease";
    reporter.log({ level: "information", message, functionName });
    if (held) timer.start();
    else timer.stop();
  };
  const onProblem = (message: string) => reporter.log({ level: "warning", message, functionName });
  const singleton = holdSingleton({ connectionString, appName, functionName, onChange, onProblem });
  running.push({ timer, singleton });
}

for (const event of ["SIGTERM", "SIGINT", "SIGHUP", "disconnect"]) process.once(event, () => void exit(0));

const [folder] = positionals;
if (folder === undefined) {
  console.error("Usage: node local/functionsHost/main.ts <folder> [--port <number>]");
  process.exit(2);
}
try {
  await main(path.resolve(folder));
} catch (error) {
  console.error(error);
  await exit(1);
}
