import { randomBytes, randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { FunctionMetadata } from "./functionApp.ts";
import { log, report } from "./protocol.ts";
import type {
  InvocationRequest,
  InvocationResponse,
  TraceContext,
  TriggerData,
  WorkerMessage,
} from "./rpc.ts";
import type { Target } from "./triggers.ts";

export type Completion =
  | { readonly kind: "succeeded"; readonly response: InvocationResponse }
  | { readonly kind: "failed"; readonly message: string };

/** Runs the functions of an app, in a worker. */
export interface Invoker {
  /** Of the app, as it registered them. */
  readonly functions: readonly FunctionMetadata[];
  /** Never rejects: a handler that throws is the completion `failed`. */
  invoke(target: Target, data: TriggerData, invocationId?: string): Promise<Completion>;
}

export interface InvokerOptions {
  /** The function app. */
  readonly folder: string;
  readonly functionTimeoutMs: number;
  /** Called if a worker that takes the place of another one cannot load the app. */
  onBroken(error: unknown): void;
}

/**
 * Starts a worker. Where it ends by itself, another one takes its place, as in the real host. After a time-out it is
 * restarted, which ends every other running invocation too.
 *
 * @throws if the app cannot be loaded
 */
export async function startInvoker(options: InvokerOptions): Promise<Invoker> {
  const { folder, functionTimeoutMs, onBroken } = options;
  let worker = startWorker(folder, replace);

  function replace(): void {
    worker = startWorker(folder, replace);
    worker.then(() => log("information", "started another worker"), onBroken);
  }

  async function invokeInWorker(
    { name: functionName, bindingName }: Target,
    data: TriggerData,
    invocationId: string = randomUUID(),
  ): Promise<Completion> {
    const { invoke, terminate } = await worker;
    const startedAt = performance.now();
    const traceContext = newTrace();
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), functionTimeoutMs);
    const done = invoke({ invocationId, functionName, bindingName, data, traceContext });
    let completion = await Promise.race([done, late.promise]);
    clearTimeout(timer);
    if (completion === "late") {
      const message = `Timeout value of ${functionTimeoutMs / 1000} s exceeded by function "${functionName}".`;
      log("critical", message, functionName, invocationId);
      await terminate();
      completion = { kind: "failed", message };
    }
    const durationMs = Math.round(performance.now() - startedAt);
    const outcome = completion.kind === "failed" ? completion : { kind: completion.kind };
    report({ kind: "invocationCompleted", invocationId, functionName, durationMs, outcome });
    return completion;
  }

  const { functions } = await worker;
  return { functions, invoke: invokeInWorker };
}

interface RunningWorker {
  readonly functions: readonly FunctionMetadata[];
  /** Never rejects. */
  invoke(request: InvocationRequest): Promise<Completion>;
  /** Ends the worker, whose running invocations fail. */
  terminate(): Promise<unknown>;
}

async function startWorker(folder: string, onExit: () => void): Promise<RunningWorker> {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), { workerData: folder });
  const loaded = Promise.withResolvers<readonly FunctionMetadata[]>();
  const running = new Map<string, { readonly functionName: string; complete(as: Completion): void }>();

  function complete(invocationId: string, as: Completion): void {
    running.get(invocationId)?.complete(as);
    running.delete(invocationId);
  }

  thread.on("message", (message: WorkerMessage) => {
    switch (message.kind) {
      case "loaded":
        return loaded.resolve(message.functions);
      case "log": {
        const { level, message: text, invocationId = "" } = message;
        return log(level, text, running.get(invocationId)?.functionName, message.invocationId);
      }
      case "succeeded":
        return complete(message.invocationId, message);
      case "failed":
        if (message.invocationId === undefined) return loaded.reject(new Error(message.message));
        return complete(message.invocationId, { kind: "failed", message: message.message });
    }
  });
  thread.on("error", (error) => {
    loaded.reject(error);
    log("error", error instanceof Error ? (error.stack ?? error.message) : String(error));
  });
  const exited = new Promise<number>((resolve) => thread.once("exit", resolve));
  void exited.then((code) => loaded.reject(new Error(`The worker ended (${code}).`)));

  const functions = await loaded.promise;
  const replaced = exited.then((code) => {
    for (const id of [...running.keys()])
      complete(id, { kind: "failed", message: `The worker ended (${code}).` });
    onExit();
  });
  return {
    functions,
    invoke(request) {
      return new Promise((resolve) => {
        running.set(request.invocationId, { functionName: request.functionName, complete: resolve });
        thread.postMessage(request);
      });
    },
    terminate: () => thread.terminate().then(() => replaced),
  };
}

/**
 * Each invocation has a trace of its own.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
const newTrace = (): TraceContext => ({
  traceParent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`,
  traceState: "",
  attributes: {},
});
