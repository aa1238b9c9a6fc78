import { randomBytes, randomUUID } from "node:crypto";
import type { Reporter } from "./reporter.ts";
import type { TraceContext, TriggerData } from "./rpc.ts";
import type { Target } from "./triggers.ts";
import type { Completion, WorkerChannel } from "./workerChannel.ts";

export interface Invoker {
  /** Never rejects: a handler that throws is the completion `failed`. */
  invoke(target: Target, data: TriggerData, options?: InvokeOptions): Promise<Completion>;
  /** Resolves when no invocation runs. */
  idle(): Promise<void>;
}

export interface InvokeOptions {
  /** Default: a new one. */
  readonly invocationId?: string;
  /** The caller's `traceparent`, whose trace the invocation joins. */
  readonly traceParent?: string | undefined;
}

export interface InvokerDependencies {
  readonly worker: WorkerChannel;
  readonly reporter: Reporter;
  /** Milliseconds; undefined: no limit. */
  readonly functionTimeoutMs: number | undefined;
}

/** Runs functions in the worker. After a time-out it restarts the worker, and so ends every other running invocation too. */
export function createInvoker({ worker, reporter, functionTimeoutMs }: InvokerDependencies): Invoker {
  const running = new Set<Promise<unknown>>();

  async function run(target: Target, data: TriggerData, options: InvokeOptions): Promise<Completion> {
    const { name: functionName, bindingName } = target;
    const { invocationId = randomUUID(), traceParent } = options;
    await worker.ready();
    const startedAt = performance.now();
    reporter.began(invocationId, functionName);
    const traceContext = continueTrace(traceParent);
    const done = worker.invoke({ invocationId, functionName, bindingName, data, traceContext });
    const completion = await withinTimeLimit(functionName, invocationId, done);
    const durationMs = Math.round(performance.now() - startedAt);
    const { kind } = completion;
    const outcome = kind === "succeeded" ? { kind } : { kind, message: completion.message };
    reporter.report({ kind: "invocationCompleted", invocationId, functionName, durationMs, outcome });
    return completion;
  }

  async function withinTimeLimit(
    functionName: string,
    invocationId: string,
    done: Promise<Completion>,
  ): Promise<Completion> {
    if (functionTimeoutMs === undefined) return done;
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), functionTimeoutMs);
    const first = await Promise.race([done, late.promise]);
    clearTimeout(timer);
    if (first !== "late") return first;
    const message = `Timeout value of ${functionTimeoutMs / 1000} s exceeded by function "${functionName}".`;
    reporter.log({ level: "critical", message, functionName, invocationId });
    await worker.restart();
    return { kind: "failed", message };
  }

  return {
    invoke(target, data, options = {}) {
      const completed = run(target, data, options);
      running.add(completed);
      void completed.then(() => running.delete(completed));
      return completed;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/**
 * An invocation is a span of the caller's trace, or of a new one.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
function continueTrace(traceParent = ""): TraceContext {
  const [, trace = randomBytes(16).toString("hex"), flags = "00"] =
    /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceParent) ?? [];
  return {
    traceParent: `00-${trace}-${randomBytes(8).toString("hex")}-${flags}`,
    traceState: "",
    attributes: {},
  };
}
