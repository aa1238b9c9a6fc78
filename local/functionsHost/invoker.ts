import { randomUUID } from "node:crypto";
import type { ProgrammingModel } from "./coreModule.ts";
import type { InvocationOutcome } from "./protocol.ts";
import type { Reporter } from "./reporter.ts";
import type { InvocationResponse, TriggerData } from "./rpc.ts";
import type { Target } from "./triggers.ts";

interface Completion {
  readonly outcome: InvocationOutcome;
  /** Undefined if the invocation failed. */
  readonly response?: InvocationResponse;
}

interface Invocation {
  readonly invocationId: string;
  /** Never rejects: a handler that throws is the outcome `failed`. */
  readonly completed: Promise<Completion>;
}

export interface Invoker {
  invoke(target: Target, data: TriggerData): Invocation;
}

export interface InvokerDependencies {
  readonly programmingModel: ProgrammingModel;
  readonly reporter: Reporter;
  /** Milliseconds; undefined: no limit. */
  readonly functionTimeoutMs: number | undefined;
  /** Called when an invocation reaches its time-out; the real host ends its worker process then. */
  onTimeout(): void;
}

/** Runs functions through the invocation model of `@azure/functions`, like the Functions worker. */
export function createInvoker(dependencies: InvokerDependencies): Invoker {
  const { programmingModel, reporter, functionTimeoutMs, onTimeout } = dependencies;

  async function run(target: Target, data: TriggerData, invocationId: string): Promise<Completion> {
    try {
      const model = programmingModel.getInvocationModel({
        invocationId,
        metadata: target.metadata,
        request: { inputData: [{ name: target.bindingName, data }] },
        log: (level, _category, message) =>
          reporter.log({ level, message, functionName: target.name, invocationId }),
      });
      const { context, inputs } = await model.getArguments();
      const result = await model.invokeFunction(context, inputs, target.callback);
      return { outcome: { kind: "succeeded" }, response: await model.getResponse(context, result) };
    } catch (error) {
      const described = error instanceof Error ? (error.stack ?? error.message) : String(error);
      reporter.log({ level: "error", message: described, functionName: target.name, invocationId });
      return { outcome: { kind: "failed", message: error instanceof Error ? error.message : String(error) } };
    }
  }

  function invoke(target: Target, data: TriggerData): Invocation {
    const functionName = target.name;
    const invocationId = randomUUID();
    const startedAt = performance.now();
    const { promise: completed, resolve } = Promise.withResolvers<Completion>();
    let timeout: NodeJS.Timeout | undefined;

    const complete = (completion: Completion) => {
      clearTimeout(timeout);
      const durationMs = Math.round(performance.now() - startedAt);
      const { outcome } = completion;
      reporter.report({ kind: "invocationCompleted", invocationId, functionName, durationMs, outcome });
      resolve(completion);
    };

    if (functionTimeoutMs !== undefined) {
      timeout = setTimeout(() => {
        const message = `Timeout value of ${functionTimeoutMs / 1000} s exceeded by function "${functionName}".`;
        reporter.log({ level: "critical", message, functionName, invocationId });
        complete({ outcome: { kind: "failed", message } });
        onTimeout();
      }, functionTimeoutMs);
    }
    reporter.report({ kind: "invocationStarted", invocationId, functionName });
    void run(target, data, invocationId).then(complete);
    return { invocationId, completed };
  }

  return { invoke };
}
