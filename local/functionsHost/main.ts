import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { BlobServiceClient } from "@azure/storage-blob";
import { createAdminApi } from "./adminApi.ts";
import type { LogLevel } from "./coreModule.ts";
import { readAppFiles } from "./functionApp.ts";
import { createHttpTriggers } from "./httpTriggers.ts";
import { createInvoker, type Invoker } from "./invoker.ts";
import { createKeys } from "./keys.ts";
import { azureDrainMs, azureFrontEndTimeoutMs, TriggerMessage } from "./protocol.ts";
import { createReporter, describeFailure } from "./reporter.ts";
import { decodePath } from "./route.ts";
import { createScheduleStatuses } from "./scheduleStatus.ts";
import { type RunningServer, startServer } from "./server.ts";
import { functionTimeoutMs, requestBodySizeLimit } from "./settings.ts";
import { holdSingleton, type Singleton } from "./singleton.ts";
import { createTimer, type Timer } from "./timer.ts";
import { type TimerFunction, toServedFunction } from "./triggers.ts";
import { openWorkerChannel } from "./workerChannel.ts";

/**
 * A small Azure Functions host: `node local/functionsHost/main.ts <folder> [--port <number>]
 * [--front-end-timeout <ms>] [--drain <ms>]`. Environment variables are the app settings; the folder is what would be
 * deployed.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    "front-end-timeout": { type: "string", default: String(azureFrontEndTimeoutMs) },
    drain: { type: "string", default: String(azureDrainMs) },
  },
});
const reporter = createReporter();
const log = (level: LogLevel, message: string, functionName?: string) =>
  reporter.log({ level, message, functionName });
const timers = new Map<string, Timer>();
const singletons: Singleton[] = [];
const exitPatienceMs = 2_000;

/** Stops the timers and releases the leases. Does not wait for running invocations. */
async function exit(code: number): Promise<never> {
  setTimeout(() => process.exit(code), exitPatienceMs);
  for (const timer of timers.values()) timer.stop();
  await Promise.all(singletons.map((singleton) => singleton.release()));
  process.exit(code);
}

async function main(folder: string): Promise<void> {
  const app = readAppFiles(folder);
  const worker = await openWorkerChannel({
    folder,
    log: (level, message, invocationId) => reporter.log({ level, message, invocationId }),
    onBroken: failStart,
  });
  const functions = worker.functions.map((metadata) => toServedFunction(metadata, app.routePrefix));
  const timeLimitMs = functionTimeoutMs(app.functionTimeout, process.env);
  const invoker = createInvoker({ worker, reporter, functionTimeoutMs: timeLimitMs });
  const startTimers = prepareTimers(
    app.name,
    functions.filter((target) => target.kind === "timer"),
    invoker,
  );

  const names = functions.map(({ name }) => name);
  const keys = createKeys(names);
  const httpFunctions = functions.filter((target) => target.kind === "http");
  const bodySizeLimit = requestBodySizeLimit(process.env);
  const answerAdmin = createAdminApi({ appName: app.name, keys, functions: names, trigger });
  const answerHttp = createHttpTriggers({ functions: httpFunctions, keys, invoker, bodySizeLimit, log });
  const server = await startServer({
    port: Number(values.port),
    frontEndTimeoutMs: Number(values["front-end-timeout"]),
    respond(request, url) {
      const answer = /^\/admin(\/|$)/i.test(decodePath(url.pathname)) ? answerAdmin : answerHttp;
      return answer(request, url);
    },
    onProblem: (message) => log("error", message),
  });

  const httpRoutes = httpFunctions.map(({ name, methods, route }) => ({
    functionName: name,
    methods: [...methods],
    url: `http://127.0.0.1:${server.port}/${route.template}`,
    key: keys.ofFunction(name),
  }));
  for (const { functionName, methods, url } of httpRoutes)
    log("information", `serves ${methods.join(", ")} ${url}`, functionName);
  process.on("message", (message) => {
    const { functionName, invocationId } = TriggerMessage.parse(message);
    trigger(functionName, invocationId);
  });
  process.once("SIGTERM", () => void drain(server, invoker));
  const { masterKey, functionKey } = keys;
  reporter.ready({ port: server.port, masterKey, functionKey, functions: names, httpRoutes });
  startTimers();
}

/**
 * Creates the timers. One that cannot be created is in error, and the other functions run, as in the real host.
 *
 * @returns starts each timer while this host holds the function's lease
 */
function prepareTimers(appName: string, functions: readonly TimerFunction[], invoker: Invoker): () => void {
  const connectionString = process.env["AzureWebJobsStorage"] ?? "";
  if (functions.length === 0) return () => {};
  if (connectionString === "")
    throw new Error("AzureWebJobsStorage is not set: timers need a storage account.");
  const storage = BlobServiceClient.fromConnectionString(connectionString, { retryOptions: { maxTries: 1 } });
  const container = storage.getContainerClient("azure-webjobs-hosts");
  for (const target of functions) {
    const statuses = createScheduleStatuses(container, appName, target.name);
    try {
      const tell = (message: string) => log("information", message, target.name);
      timers.set(target.name, createTimer(target, { invoker, statuses, log: tell }));
    } catch (error) {
      log("error", `The function "${target.name}" is in error: ${describeFailure(error)}`, target.name);
    }
  }
  return () => {
    for (const [functionName, timer] of timers) {
      const onChange = (held: boolean) => {
        log("information", held ? "holds the timer's lease" : "lost the timer's lease", functionName);
        if (held) timer.start();
        else timer.stop();
      };
      const onProblem = (message: string) => log("warning", message, functionName);
      singletons.push(holdSingleton({ container, appName, functionName, onChange, onProblem }));
    }
  };
}

function trigger(functionName: string, invocationId?: string): void {
  const timer = timers.get(functionName);
  if (timer !== undefined) {
    timer.trigger(invocationId);
    return;
  }
  const message = `"${functionName}" cannot be triggered: it is in error, or has no timer.`;
  log("error", message, functionName);
  if (invocationId === undefined) return;
  const outcome = { kind: "failed", message } as const;
  reporter.report({ kind: "invocationCompleted", invocationId, functionName, durationMs: 0, outcome });
}

/** Takes no new work, and lets what runs end, for as long as the platform does. */
async function drain(server: RunningServer, invoker: Invoker): Promise<never> {
  log("information", "drains");
  for (const timer of timers.values()) timer.stop();
  const done = Promise.all([server.close(), invoker.idle()]);
  await Promise.race([done, sleep(Number(values.drain))]);
  return exit(0);
}

function failStart(error: unknown): Promise<never> {
  console.error(describeFailure(error));
  return exit(1);
}

for (const event of ["SIGINT", "SIGHUP", "disconnect"]) process.once(event, () => void exit(0));

const [folder] = positionals;
if (folder === undefined) {
  console.error("Usage: node local/functionsHost/main.ts <folder> [--port <number>]");
  process.exit(2);
}
try {
  await main(path.resolve(folder));
} catch (error) {
  await failStart(error);
}
