import path from "node:path";
import { parseArgs } from "node:util";
import { createAdminApi } from "./adminApi.ts";
import type { LogLevel } from "./coreModule.ts";
import { loadFunctionApp } from "./functionApp.ts";
import { createHttpTriggers } from "./httpTriggers.ts";
import { createInvoker } from "./invoker.ts";
import { createKeys } from "./keys.ts";
import { azureFrontEndTimeoutMs } from "./protocol.ts";
import { createReporter } from "./reporter.ts";
import { startServer } from "./server.ts";
import { functionTimeoutMs, requestBodySizeLimit } from "./settings.ts";
import { holdSingleton, type Singleton } from "./singleton.ts";
import { createTimer, type Timer } from "./timer.ts";

/**
 * A small Azure Functions host: `node local/functionsHost/main.ts <folder> [--port <number>]
 * [--front-end-timeout <ms>]`. Environment variables are the app settings; the folder is what would be deployed.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    "front-end-timeout": { type: "string", default: String(azureFrontEndTimeoutMs) },
  },
});
const reporter = createReporter();
const running: { readonly timer: Timer; readonly singleton: Singleton }[] = [];
const exitPatienceMs = 2_000;

/** Stops the timers and releases the leases. Does not wait for running invocations. */
async function exit(code: number): Promise<never> {
  setTimeout(() => process.exit(code), exitPatienceMs);
  for (const { timer } of running) timer.stop();
  await Promise.all(running.map(({ singleton }) => singleton.release()));
  process.exit(code);
}

async function main(folder: string): Promise<void> {
  const log = (level: LogLevel, message: string, functionName?: string) =>
    reporter.log({ level, message, functionName });
  const app = await loadFunctionApp(folder, log);
  const invoker = createInvoker({
    programmingModel: app.programmingModel,
    reporter,
    functionTimeoutMs: functionTimeoutMs(app.functionTimeout, process.env),
    // The leases are not released: whatever blocks this process must not delay its end.
    onTimeout: () => setImmediate(() => process.exit(1)),
  });
  const timers = new Map(
    app.functions
      .filter((target) => target.kind === "timer")
      .map((target) => [target.name, createTimer(target, invoker)]),
  );
  const storage = process.env["AzureWebJobsStorage"] ?? "";
  if (timers.size > 0 && storage === "")
    throw new Error("AzureWebJobsStorage is not set: timers need a storage account.");

  const keys = createKeys();
  const functions = app.functions.map(({ name }) => name);
  const httpFunctions = app.functions.filter((target) => target.kind === "http");
  const bodySizeLimit = requestBodySizeLimit(process.env);
  const answerAdmin = createAdminApi({ keys, functions, timers });
  const answerHttp = createHttpTriggers({ functions: httpFunctions, keys, invoker, bodySizeLimit, log });
  const port = await startServer({
    port: Number(values.port),
    frontEndTimeoutMs: Number(values["front-end-timeout"]),
    respond(request, url) {
      const answer = /^\/admin(\/|$)/i.test(url.pathname) ? answerAdmin : answerHttp;
      return answer(request, url);
    },
    onProblem: (message) => log("error", message),
  });

  const httpRoutes = httpFunctions.map(({ name, methods, route }) => ({
    functionName: name,
    methods: [...methods],
    url: `http://127.0.0.1:${port}/${route.template}`,
  }));
  for (const { functionName, methods, url } of httpRoutes)
    log("information", `serves ${methods.join(", ")} ${url}`, functionName);
  const { masterKey, functionKey } = keys;
  reporter.ready({ port, masterKey, functionKey, functions, httpRoutes });
  for (const [name, timer] of timers) runTimer(app.name, storage, name, timer);
}

/** Runs the function's timer while this host holds the function's lease. */
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
