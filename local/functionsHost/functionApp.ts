import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { settings } from "../../src/config/appSettings.ts";
import type { LogLevel } from "./protocol.ts";
import type { InvocationResponse, TraceContext, TriggerData } from "./rpc.ts";

const HostJson = z.object({ version: z.literal("2.0"), functionTimeout: z.string().optional() });
const PackageJson = z.object({ main: z.string() });

/**
 * The app setting takes precedence over host.json. Without either, it is that of the Flex Consumption plan.
 *
 * @throws if the folder is not a function app, or its functionTimeout is wrong
 */
export function readFunctionTimeoutMs(folder: string): number {
  const hostJson = HostJson.parse(readJson(folder, "host.json"));
  const { name, default: ofPlan, parse } = settings.functionTimeoutMs;
  const text = process.env[name] ?? hostJson.functionTimeout ?? ofPlan;
  const parsed = parse(text);
  if (parsed.kind !== "value") throw new Error(`functionTimeout is "${text}". Rule: ${parsed.rule}.`);
  return parsed.value;
}

export interface FunctionMetadata {
  readonly name: string;
  /** The other properties of a binding depend on its type. */
  readonly bindings: Readonly<Record<string, { readonly type: string }>>;
}

type FunctionCallback = (...inputs: unknown[]) => unknown;

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

interface ProgrammingModel {
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
}

/** What the app registered while it loaded. */
export interface Registrations {
  readonly functions: Map<
    string,
    { readonly metadata: FunctionMetadata; readonly callback: FunctionCallback }
  >;
  programmingModel: ProgrammingModel | undefined;
}

type Log = (level: LogLevel, message: string) => void;

/**
 * Supplies the module `@azure/functions-core`, which the Functions worker gives to `@azure/functions`. Like the worker,
 * it intercepts `require` for that one id.
 *
 * @see https://github.com/Azure/azure-functions-nodejs-worker `src/setupCoreModule.ts`
 */
export function supplyCoreModule(log: Log): Registrations {
  const registrations: Registrations = { functions: new Map(), programmingModel: undefined };
  const coreModule = {
    version: "3.0.0",
    hostVersion: "4.0.0",
    setProgrammingModel(model: ProgrammingModel): void {
      registrations.programmingModel = model;
    },
    registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): void {
      registrations.functions.set(metadata.name, { metadata, callback });
    },
    log: (level: LogLevel, _category: string, message: string) => log(level, message),
  };

  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (require, self, [id, ...rest]) =>
      id === "@azure/functions-core" ? coreModule : Reflect.apply(require, self, [id, ...rest]),
  });
  return registrations;
}

/**
 * Loads a deployable folder like the Functions worker: `main` in its package.json is the CommonJS module that registers
 * the functions.
 *
 * @throws if its code throws, or it needs what this host does not have
 */
export function loadFunctionApp(folder: string, log: Log) {
  const { main } = PackageJson.parse(readJson(folder, "package.json"));
  const registrations = supplyCoreModule(log);
  createRequire(path.join(folder, "package.json"))(path.join(folder, main));
  const { functions, programmingModel } = registrations;
  if (programmingModel === undefined) throw new Error(`${main} registers no function.`);
  return { functions, programmingModel };
}

function readJson(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(path.join(folder, file), "utf8"));
  } catch (error) {
    throw new Error(`${folder} is not a function app: its ${file} cannot be read.`, { cause: error });
  }
}

/** An error's message with those of its causes, which say what is wrong. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} ${describeFailure(error.cause)}`;
}
