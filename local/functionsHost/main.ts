import { setTimeout as sleep } from "node:timers/promises";
import { BlobServiceClient } from "@azure/storage-blob";
import { createAdminApi } from "./adminApi.ts";
import { describeFailure, readAppFiles } from "./functionApp.ts";
import { createHttpTriggers } from "./httpTriggers.ts";
import { type Invoker, startInvoker } from "./invoker.ts";
import { createKeys } from "./keys.ts";
import { HostOptions, log, report, TriggerMessage } from "./protocol.ts";
import { type RunningServer, startServer } from "./server.ts";
import { holdSingleton, type Singleton } from "./singleton.ts";
import { createScheduleStatuses, createTimer, type Timer } from "./timer.ts";
import { decodePath, type TimerFunction, toServedFunction } from "./triggers.ts";

/** A small Azure Functions host, which launch.ts starts. Environment variables are the app settings. */
const options = HostOptions.parse(JSON.parse(process.argv[2] ?? ""));
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

async function main({ folder, frontEndTimeoutMs, drainMs }: HostOptions): Promise<void> {
  const { name: appName, functionTimeoutMs } = readAppFiles(folder);
  const invoker = await startInvoker({ folder, functionTimeoutMs, onBroken: failStart });
  const functions = invoker.functions.map(toServedFunction);
  const startTimers = prepareTimers(
    appName,
    functions.filter((target) => target.kind === "timer"),
    invoker,
  );

  const names = functions.map(({ name }) => name);
  const keys = createKeys(names);
  const httpFunctions = functions.filter((target) => target.kind === "http");
  const answerAdmin = createAdminApi({ keys, functions: names, trigger });
  const answerHttp = createHttpTriggers({ functions: httpFunctions, keys, invoker });
  const server = await startServer({
    frontEndTimeoutMs,
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
  process.once("SIGTERM", () => void drain(server, invoker, drainMs));
  const { masterKey, functionKey } = keys;
  report({ kind: "ready", port: server.port, masterKey, functionKey, functions: names, httpRoutes });
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
    try {
      const statuses = createScheduleStatuses(container, appName, target.name);
      timers.set(target.name, createTimer(target, invoker, statuses));
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
  report({ kind: "invocationCompleted", invocationId, functionName, durationMs: 0, outcome });
}

/** Takes no new work, and lets what runs end, for as long as the platform does. */
async function drain(server: RunningServer, invoker: Invoker, drainMs: number): Promise<never> {
  log("information", "drains");
  for (const timer of timers.values()) timer.stop();
  await Promise.race([Promise.all([server.close(), invoker.idle()]), sleep(drainMs)]);
  return exit(0);
}

function failStart(error: unknown): Promise<never> {
  console.error(describeFailure(error));
  return exit(1);
}

for (const event of ["SIGINT", "SIGHUP", "disconnect"]) process.once(event, () => void exit(0));

await main(options).catch(failStart);
