import Module from "node:module";
import type { InvocationResponse, TraceContext, TriggerData } from "./rpc.ts";

export interface FunctionMetadata {
  readonly name: string;
  /** The other properties of a binding depend on its type. */
  readonly bindings: Readonly<Record<string, { readonly type: string }>>;
}

type FunctionCallback = (...inputs: unknown[]) => unknown;
export type LogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical";

interface CoreInvocationContext {
  readonly invocationId: string;
  readonly metadata: FunctionMetadata;
  readonly request: {
    readonly inputData: readonly { readonly name: string; readonly data: TriggerData }[];
    readonly traceContext: TraceContext;
  };
  log(level: LogLevel, category: "user" | "system" | "customMetric", message: string): void;
}

/** The calls of `@azure/functions` for each invocation, in this order. */
interface InvocationModel<Context = unknown> {
  getArguments(): Promise<{ readonly context: Context; readonly inputs: unknown[] }>;
  invokeFunction(context: Context, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: Context, result: unknown): Promise<InvocationResponse>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
  /** After this call the app may no longer call `app.setup`. */
  getCapabilities?(workerCapabilities: Record<string, string>): Promise<Readonly<Record<string, string>>>;
}

interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** What the app registered while it loaded. */
export interface Registrations {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly programmingModel: ProgrammingModel | undefined;
}

const coreModuleId = "@azure/functions-core";

/**
 * Supplies the module `@azure/functions-core`, which the Functions worker gives to `@azure/functions`. Like the worker,
 * it intercepts `require` for that one id.
 *
 * @see https://github.com/Azure/azure-functions-nodejs-worker `src/setupCoreModule.ts`
 */
export function supplyCoreModule(log: (level: LogLevel, message: string) => void): Registrations {
  const functions = new Map<string, RegisteredFunction>();
  let programmingModel: ProgrammingModel | undefined;

  const coreModule = {
    version: "3.0.0",
    hostVersion: "4.0.0",
    setProgrammingModel(model: ProgrammingModel): void {
      programmingModel = model;
    },
    getProgrammingModel: () => programmingModel,
    registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): void {
      if (functions.has(metadata.name))
        throw new Error(`A function named "${metadata.name}" is already registered.`);
      functions.set(metadata.name, { metadata, callback });
    },
    registerHook(name: string): never {
      throw new Error(`The local functions host does not support hooks, but the app registers "${name}".`);
    },
    log: (level: LogLevel, _category: string, message: string) => log(level, message),
  };

  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (require, self, [id, ...rest]) =>
      id === coreModuleId ? coreModule : Reflect.apply(require, self, [id, ...rest]),
  });

  return {
    functions,
    get programmingModel() {
      return programmingModel;
    },
  };
}
