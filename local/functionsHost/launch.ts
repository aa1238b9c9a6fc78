import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import path from "node:path";
import type { z } from "zod";
import { type Exit, endChild, exitOf } from "../childProcess.ts";
import {
  type HostLog,
  HostMessage,
  type HostOptions,
  type HostReady,
  type InvocationResult,
  type TriggerMessage,
} from "./protocol.ts";

export interface FunctionsHostOptions extends z.input<typeof HostOptions> {
  /** App settings. The host's process gets these, `PATH` and where Node keeps what it compiled; no other variable. */
  readonly env: Readonly<Record<string, string>>;
  readonly onLog?: ((log: HostLog) => void) | undefined;
  /** Called at the end of each invocation. */
  readonly onInvocation?: ((result: InvocationResult) => void) | undefined;
}

/** The header `x-functions-key` carries one of its keys, which are new at every start. */
export interface FunctionsHost extends HostReady {
  readonly pid: number;
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
  const { env, onLog, onInvocation, ...hostOptions } = options;
  const main = path.join(import.meta.dirname, "main.ts");
  const args = ["--disable-warning=ExperimentalWarning", main, JSON.stringify(hostOptions)];
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, args, {
    env: { PATH, NODE_COMPILE_CACHE, ...env },
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
  const { functions } = first;
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
    ...first,
    pid: child.pid,
    logs,
    invocations,
    output: () => output.join(""),
    trigger,
    exited,
    stop: () => endChild(child, stopPatienceMs, "SIGINT"),
  };
}
