import { globSync, readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { settings } from "../../src/config/appSettings.ts";
import type { LogLevel } from "./protocol.ts";
import type { InvocationResponse, TraceContext, TriggerData } from "./rpc.ts";

const HostJson = z.object({
  version: z.literal("2.0"),
  functionTimeout: z.string().optional(),
  /** Such as another prefix of the routes. */
  extensions: z.undefined("The local functions host does not support extensions in host.json.").optional(),
});
const PackageJson = z.object({ name: z.string().default("app"), main: z.string() });

/** What the host reads of a deployable folder. */
export interface AppFiles {
  readonly name: string;
  /** The app setting takes precedence over host.json. Without either, it is that of the Flex Consumption plan. */
  readonly functionTimeoutMs: number;
}

/** @throws if the folder is not a function app, or its functionTimeout is wrong */
export function readAppFiles(folder: string): AppFiles {
  const hostJson = HostJson.parse(readJson(folder, "host.json"));
  const { name } = PackageJson.parse(readJson(folder, "package.json"));
  const { name: setting, default: ofPlan, parse } = settings.functionTimeoutMs;
  const text = process.env[setting] ?? hostJson.functionTimeout ?? ofPlan;
  const parsed = parse(text);
  if (parsed.kind !== "value") throw new Error(`functionTimeout is "${text}". Rule: ${parsed.rule}.`);
  return { name, functionTimeoutMs: parsed.value };
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
  /** After this call the app may no longer call `app.setup`. */
  getCapabilities?(workerCapabilities: Record<string, string>): Promise<Readonly<Record<string, string>>>;
}

/** What the app registered while it loaded. */
export interface Registrations {
  readonly functions: ReadonlyMap<
    string,
    { readonly metadata: FunctionMetadata; readonly callback: FunctionCallback }
  >;
  readonly programmingModel: ProgrammingModel | undefined;
}

export interface FunctionApp extends Registrations {
  readonly programmingModel: ProgrammingModel;
}

type Log = (level: LogLevel, message: string) => void;

/**
 * Supplies the module `@azure/functions-core`, which the Functions worker gives to `@azure/functions`. Like the worker,
 * it intercepts `require` for that one id.
 *
 * @see https://github.com/Azure/azure-functions-nodejs-worker `src/setupCoreModule.ts`
 */
export function supplyCoreModule(log: Log): Registrations {
  const functions = new Map<string, { metadata: FunctionMetadata; callback: FunctionCallback }>();
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
      id === "@azure/functions-core" ? coreModule : Reflect.apply(require, self, [id, ...rest]),
  });

  return {
    functions,
    get programmingModel() {
      return programmingModel;
    },
  };
}

/**
 * Loads a deployable folder like the Functions worker: `main` in its package.json, a path or a glob, names the CommonJS
 * modules that register the functions.
 *
 * @throws if its code throws, or it needs what this host does not have
 */
export async function loadFunctionApp(folder: string, log: Log): Promise<FunctionApp> {
  const { main } = PackageJson.parse(readJson(folder, "package.json"));
  const registrations = supplyCoreModule(log);

  const require = createRequire(path.join(folder, "package.json"));
  const entryPoints = globSync(main, { cwd: folder });
  if (entryPoints.length === 0)
    throw new Error(`package.json's main is "${main}", but ${folder} has no such file.`);
  for (const entryPoint of entryPoints) require(path.join(folder, entryPoint));

  const { functions, programmingModel } = registrations;
  if (programmingModel === undefined) throw new Error(`${main} registers no function.`);
  const capabilities = await programmingModel.getCapabilities?.({});
  if (capabilities?.["HttpUri"] !== undefined)
    throw new Error("The app turns on HTTP streams, which the local functions host does not support.");
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
