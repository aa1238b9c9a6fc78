import { Worker } from "node:worker_threads";
import type { FunctionMetadata, LogLevel } from "./coreModule.ts";
import type { InvocationRequest, InvocationResponse, WorkerMessage } from "./rpc.ts";

export type Completion =
  | { readonly kind: "succeeded"; readonly response: InvocationResponse }
  | { readonly kind: "failed"; readonly message: string };

export interface WorkerChannel {
  /** Of the app, as it registered them. */
  readonly functions: readonly FunctionMetadata[];
  /** Resolves when no worker is being started. */
  ready(): Promise<unknown>;
  /** Never rejects. */
  invoke(request: InvocationRequest): Promise<Completion>;
  /** Ends the worker, whose running invocations fail, and starts another one. */
  restart(): Promise<void>;
}

export interface WorkerChannelOptions {
  /** The function app. */
  readonly folder: string;
  log(level: LogLevel, message: string, invocationId?: string): void;
  /** Called if a worker that takes the place of another one cannot load the app. */
  onBroken(error: unknown): void;
}

interface RunningWorker {
  readonly functions: readonly FunctionMetadata[];
  invoke(request: InvocationRequest): Promise<Completion>;
  terminate(): Promise<unknown>;
}

/**
 * Starts a worker. Where it ends by itself, another one takes its place, as in the real host.
 *
 * @throws if the app cannot be loaded
 */
export async function openWorkerChannel(options: WorkerChannelOptions): Promise<WorkerChannel> {
  const { log, onBroken } = options;
  let worker = startWorker(options, replace);

  function replace(): void {
    worker = startWorker(options, replace);
    worker.then(() => log("information", "started another worker"), onBroken);
  }

  const { functions } = await worker;
  return {
    functions,
    ready: () => worker,
    invoke: async (request) => (await worker).invoke(request),
    restart: async () => void (await (await worker).terminate()),
  };
}

async function startWorker(
  { folder, log }: WorkerChannelOptions,
  onExit: () => void,
): Promise<RunningWorker> {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), { workerData: folder });
  const loaded = Promise.withResolvers<readonly FunctionMetadata[]>();
  const running = new Map<string, (completion: Completion) => void>();

  function complete(invocationId: string, completion: Completion): void {
    running.get(invocationId)?.(completion);
    running.delete(invocationId);
  }

  thread.on("message", (message: WorkerMessage) => {
    switch (message.kind) {
      case "loaded":
        return loaded.resolve(message.functions);
      case "log":
        return log(message.level, message.message, message.invocationId);
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
        running.set(request.invocationId, resolve);
        thread.postMessage(request);
      });
    },
    terminate: () => thread.terminate().then(() => replaced),
  };
}
