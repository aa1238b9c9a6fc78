import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import {
  type FunctionMetadata,
  type LogLevel,
  type ProgrammingModel,
  type RegisteredFunction,
  supplyCoreModule,
} from "./coreModule.ts";
import { resolveSettings } from "./settings.ts";

export interface TimerFunction extends RegisteredFunction {
  readonly name: string;
  /** Of the binding through which the function gets its timer. */
  readonly bindingName: string;
  /** NCRONTAB with six fields, settings resolved. */
  readonly schedule: string;
  readonly runOnStartup: boolean;
}

export interface FunctionApp {
  readonly name: string;
  readonly programmingModel: ProgrammingModel;
  readonly functions: ReadonlyMap<string, TimerFunction>;
  /** As host.json has it. */
  readonly functionTimeout: string | undefined;
}

const HostJson = z.object({ version: z.literal("2.0"), functionTimeout: z.string().optional() });
const PackageJson = z.object({ name: z.string().default("app"), main: z.string() });

/**
 * Loads a deployable folder as the Functions worker does: `main` of its package.json, a path or a glob, names
 * the CommonJS modules that register the functions.
 *
 * @throws where the folder is no function app, its code throws, or a function cannot be served here
 */
export async function loadFunctionApp(
  folder: string,
  log: (level: LogLevel, message: string) => void,
): Promise<FunctionApp> {
  const { functionTimeout } = HostJson.parse(readJson(folder, "host.json"));
  const { name, main } = PackageJson.parse(readJson(folder, "package.json"));
  const registrations = supplyCoreModule(log);

  const require = createRequire(path.join(folder, "package.json"));
  const entryPoints = globSync(main, { cwd: folder });
  if (entryPoints.length === 0)
    throw new Error(`package.json's main is "${main}", and ${folder} has no such file.`);
  for (const entryPoint of entryPoints) require(path.join(folder, entryPoint));

  const { programmingModel } = registrations;
  if (programmingModel === undefined) throw new Error(`${main} registers no function.`);
  await programmingModel.getCapabilities?.({});
  const timers = [...registrations.functions.values()].map(toTimerFunction);
  return {
    name,
    programmingModel,
    functionTimeout,
    functions: new Map(timers.map((timer) => [timer.name, timer])),
  };
}

function toTimerFunction(registered: RegisteredFunction): TimerFunction {
  const { name } = registered.metadata;
  const [bindingName, trigger] = triggerOf(registered.metadata);
  if (trigger.type !== "timerTrigger" || trigger.schedule === undefined) {
    throw new Error(
      `The function "${name}" has a ${trigger.type}; the local functions host serves timers only.`,
    );
  }
  try {
    const schedule = resolveSettings(trigger.schedule, process.env);
    return { ...registered, name, bindingName, schedule, runOnStartup: trigger.runOnStartup ?? false };
  } catch (error) {
    throw new Error(`The function "${name}" cannot be started.`, { cause: error });
  }
}

function triggerOf({ name, bindings }: FunctionMetadata) {
  const trigger = Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type));
  if (trigger === undefined) throw new Error(`The function "${name}" has no trigger.`);
  return trigger;
}

function readJson(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(path.join(folder, file), "utf8"));
  } catch (error) {
    throw new Error(`${folder} is no function app that can be loaded: ${file} cannot be read.`, {
      cause: error,
    });
  }
}
