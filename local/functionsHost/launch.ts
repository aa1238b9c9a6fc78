import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { type Exit, endChild, exitOf } from "../childProcess.ts";
import {
  azureDrainMs,
  azureFrontEndTimeoutMs,
  type HostLog,
  HostMessage,
  type HostReady,
  type HttpRoute,
  type InvocationResult,
  type TriggerMessage,
} from "./protocol.ts";

export interface FunctionsHostOptions {
  /** A deployable folder. */
  readonly folder: string;
  /** App settings. The host's process gets these and `PATH`, and no other variable. */
  readonly env: Readonly<Record<string, string>>;
  /** The port of the routes and the admin API. Default: any free port. */
  readonly port?: number | undefined;
  /**
   * Milliseconds after which the client of an HTTP function gets 502, while the function continues. Default: the 230 s
   * of Azure's front end.
   */
  readonly frontEndTimeoutMs?: number | undefined;
  /** Milliseconds that running invocations have to end after SIGTERM. Default: the ten seconds of Azure. */
  readonly drainMs?: number | undefined;
  readonly onLog?: ((log: HostLog) => void) | undefined;
  /** Called at the end of each invocation. */
  readonly onInvocation?: ((result: InvocationResult) => void) | undefined;
}

export interface FunctionsHost {
  readonly pid: number;
  readonly port: number;
  /** The admin API's key, for the header `x-functions-key`. Both keys are new at every start. */
  readonly masterKey: string;
  /** The key for HTTP functions of the level `function`, in the same header or as `code` in the query. */
  readonly functionKey: string;
  /** The names of all functions. */
  readonly functions: readonly string[];
  /** In the order of registration. */
  readonly httpRoutes: readonly HttpRoute[];
  readonly logs: readonly HostLog[];
  /** Every invocation that has ended, however it was triggered. */
  readonly invocations: readonly InvocationResult[];
  /** Everything that the process wrote to stdout and stderr. */
  readonly output: () => string;
  /**
   * Triggers a timer and waits for the end of the invocation.
   *
   * @throws if there is no such function, or the host ends before the invocation
   */
  trigger(functionName: string): Promise<InvocationResult>;
  readonly exited: Promise<Exit>;
  /** Ends the host without a wait for running invocations, like Ctrl-C. */
  stop(): Promise<void>;
}

/** The host ends itself within 2 s, on a busy machine later. */
const stopPatienceMs = 30_000;

/**
 * Starts a functions host as a child process, which ends at the latest when this process ends.
 *
 * @throws with the host's output if it ends before it is ready
 */
export async function launchFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const { folder, env, port = 0, onLog, onInvocation } = options;
  const { frontEndTimeoutMs = azureFrontEndTimeoutMs, drainMs = azureDrainMs } = options;
  const main = path.join(import.meta.dirname, "main.ts");
  const flags = [`--port=${port}`, `--front-end-timeout=${frontEndTimeoutMs}`, `--drain=${drainMs}`];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, folder, ...flags], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const exited = exitOf(child);
  const ready = Promise.withResolvers<HostReady>();
  const logs: HostLog[] = [];
  const invocations: InvocationResult[] = [];
  const waiting = new Map<string, (result: InvocationResult) => void>();
  const output: string[] = [];

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => output.push(text));
  }
  child.on("message", (message) => receive(HostMessage.parse(message)));

  function receive(message: HostMessage): void {
    switch (message.kind) {
      case "ready":
        ready.resolve(message);
        break;
      case "log":
        logs.push(message);
        onLog?.(message);
        break;
      case "invocationCompleted":
        invocations.push(message);
        waiting.get(message.invocationId)?.(message);
        waiting.delete(message.invocationId);
        onInvocation?.(message);
        break;
    }
  }

  const first = await Promise.race([ready.promise, exited]);
  if (!("masterKey" in first) || child.pid === undefined) {
    throw new Error(`The functions host did not start.\n${output.join("").trim()}`);
  }
  const { port: actualPort, masterKey, functionKey, functions, httpRoutes } = first;

  async function trigger(functionName: string): Promise<InvocationResult> {
    if (!functions.includes(functionName))
      throw new Error(`The functions host has no function "${functionName}".`);
    const message: TriggerMessage = { invocationId: randomUUID(), functionName };
    const { promise, resolve } = Promise.withResolvers<InvocationResult>();
    waiting.set(message.invocationId, resolve);
    child.send(message);
    const result = await Promise.race([promise, exited]);
    if (!("outcome" in result))
      throw new Error(`The functions host ended (${result.code ?? result.signal}) during ${functionName}.`);
    return result;
  }

  return {
    pid: child.pid,
    port: actualPort,
    masterKey,
    functionKey,
    functions,
    httpRoutes,
    logs,
    invocations,
    output: () => output.join(""),
    trigger,
    exited,
    stop: () => endChild(child, stopPatienceMs, "SIGINT"),
  };
}
