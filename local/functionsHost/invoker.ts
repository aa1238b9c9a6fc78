import { randomUUID } from "node:crypto";
import type { ProgrammingModel } from "./coreModule.ts";
import type { TimerFunction } from "./functionApp.ts";
import type { InvocationOutcome } from "./protocol.ts";
import type { Reporter } from "./reporter.ts";

/** The timer's payload as the real host sends it to the worker. */
export interface TimerInfo {
  readonly Schedule: { readonly AdjustForDST: boolean };
  /** Null until the schedule has come round once: a trigger by hand may find it so. */
  readonly ScheduleStatus: {
    readonly Last: string;
    readonly Next: string;
    readonly LastUpdated: string;
  } | null;
  readonly IsPastDue: boolean;
}

interface Invocation {
  readonly invocationId: string;
  /** Never rejects: a handler that throws is an outcome. */
  readonly completed: Promise<InvocationOutcome>;
}

export interface Invoker {
  invoke(target: TimerFunction, timer: TimerInfo): Invocation;
}

export interface InvokerDependencies {
  readonly programmingModel: ProgrammingModel;
  readonly reporter: Reporter;
  /** Milliseconds; undefined: no limit. */
  readonly functionTimeoutMs: number | undefined;
  /** Called after an invocation has run out of time; the real host ends its worker process then. */
  onTimeout(): void;
}

/** Runs functions through `@azure/functions`' own invocation model, as the Functions worker does. */
export function createInvoker(dependencies: InvokerDependencies): Invoker {
  const { programmingModel, reporter, functionTimeoutMs, onTimeout } = dependencies;

  async function run(
    target: TimerFunction,
    timer: TimerInfo,
    invocationId: string,
  ): Promise<InvocationOutcome> {
    try {
      const model = programmingModel.getInvocationModel({
        invocationId,
        metadata: target.metadata,
        request: { inputData: [{ name: target.bindingName, data: { json: JSON.stringify(timer) } }] },
        log: (level, _category, message) =>
          reporter.log({ level, message, functionName: target.name, invocationId }),
      });
      const { context, inputs } = await model.getArguments();
      const result = await model.invokeFunction(context, inputs, target.callback);
      await model.getResponse(context, result);
      return { kind: "succeeded" };
    } catch (error) {
      const described = error instanceof Error ? (error.stack ?? error.message) : String(error);
      reporter.log({ level: "error", message: described, functionName: target.name, invocationId });
      return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }

  function invoke(target: TimerFunction, timer: TimerInfo): Invocation {
    const functionName = target.name;
    const invocationId = randomUUID();
    const startedAt = performance.now();
    const { promise: completed, resolve } = Promise.withResolvers<InvocationOutcome>();
    let timeout: NodeJS.Timeout | undefined;

    const complete = (outcome: InvocationOutcome) => {
      clearTimeout(timeout);
      const durationMs = Math.round(performance.now() - startedAt);
      reporter.report({ kind: "invocationCompleted", invocationId, functionName, durationMs, outcome });
      resolve(outcome);
    };

    if (functionTimeoutMs !== undefined) {
      timeout = setTimeout(() => {
        const message = `Timeout value of ${functionTimeoutMs / 1000} s exceeded by function "${functionName}".`;
        reporter.log({ level: "critical", message, functionName, invocationId });
        complete({ kind: "failed", message });
        onTimeout();
      }, functionTimeoutMs);
    }
    reporter.report({ kind: "invocationStarted", invocationId, functionName });
    void run(target, timer, invocationId).then(complete);
    return { invocationId, completed };
  }

  return { invoke };
}
