import { describeFailure, readFunctionTimeoutMs } from "./functionApp.ts";
import { createAdminApi, createHttpTriggers, createKeys } from "./httpTriggers.ts";
import { startInvoker } from "./invoker.ts";
import { HostOptions, log, report, TriggerMessage } from "./protocol.ts";
import { startServer } from "./server.ts";
import { startTimer } from "./timer.ts";
import { toServedFunction } from "./triggers.ts";

/** A small Azure Functions host, which launch.ts starts. Environment variables are the app settings. */
const options = HostOptions.parse(JSON.parse(process.argv[2] ?? ""));
/** Invokes a timer's function now. */
const timers = new Map<string, (invocationId?: string) => void>();

async function main({ folder, frontEndTimeoutMs }: HostOptions): Promise<void> {
  const functionTimeoutMs = readFunctionTimeoutMs(folder);
  const invoker = await startInvoker({ folder, functionTimeoutMs, onBroken: failStart });
  const served = invoker.functions.map(toServedFunction);
  const functions = served.map(({ name }) => name);
  const httpFunctions = served.filter((target) => target.kind === "http");
  const keys = createKeys();
  const answerAdmin = createAdminApi(keys, functions, trigger);
  const answerHttp = createHttpTriggers({ functions: httpFunctions, keys, invoker });
  const { port } = await startServer({
    frontEndTimeoutMs,
    respond: (request, url) =>
      (/^\/admin(\/|$)/i.test(url.pathname) ? answerAdmin : answerHttp)(request, url),
    onProblem: (message) => log("error", message),
  });

  const httpRoutes = httpFunctions.map(({ name, methods, route }) => ({
    functionName: name,
    methods: [...methods],
    url: `http://127.0.0.1:${port}/${route.template}`,
  }));
  for (const { functionName, methods, url } of httpRoutes)
    log("information", `serves ${methods.join(", ")} ${url}`, functionName);
  for (const target of served) {
    if (target.kind !== "timer") continue;
    try {
      timers.set(target.name, startTimer(target, invoker));
    } catch (error) {
      // This function alone is in error, as in the real host.
      log("error", `The function "${target.name}" is in error: ${describeFailure(error)}`, target.name);
    }
  }
  process.on("message", (message) => {
    const { functionName, invocationId } = TriggerMessage.parse(message);
    trigger(functionName, invocationId);
  });
  report({ kind: "ready", port, ...keys, functions, httpRoutes });
}

/** @param invocationId of an invocation whose end the parent process waits for */
function trigger(functionName: string, invocationId?: string): void {
  const invoke = timers.get(functionName);
  if (invoke !== undefined) {
    invoke(invocationId);
    return;
  }
  const message = `"${functionName}" cannot be triggered: it is in error, or has no timer.`;
  log("error", message, functionName);
  if (invocationId === undefined) return;
  const outcome = { kind: "failed", message } as const;
  report({ kind: "invocationCompleted", invocationId, functionName, durationMs: 0, outcome });
}

function failStart(error: unknown): never {
  console.error(describeFailure(error));
  process.exit(1);
}

// Running invocations end with the process.
for (const event of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"]) process.once(event, () => process.exit());

await main(options).catch(failStart);
