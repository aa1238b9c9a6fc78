import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { type LogLevel, type ProgrammingModel, supplyCoreModule } from "./coreModule.ts";
import { type HttpFunction, type TimerFunction, toServedFunction } from "./triggers.ts";

export interface FunctionApp {
  readonly name: string;
  readonly programmingModel: ProgrammingModel;
  readonly functions: readonly (TimerFunction | HttpFunction)[];
  /** The value in host.json. */
  readonly functionTimeout: string | undefined;
}

const HostJson = z.object({
  version: z.literal("2.0"),
  functionTimeout: z.string().optional(),
  extensions: z
    .object({ http: z.object({ routePrefix: z.string().default("api") }).prefault({}) })
    .prefault({}),
});
const PackageJson = z.object({ name: z.string().default("app"), main: z.string() });

/**
 * Loads a deployable folder like the Functions worker: `main` in its package.json, a path or a glob, names the CommonJS
 * modules that register the functions.
 *
 * @throws if the folder is not a function app, its code throws, or this host cannot serve one of its functions
 */
export async function loadFunctionApp(
  folder: string,
  log: (level: LogLevel, message: string) => void,
): Promise<FunctionApp> {
  const { functionTimeout, extensions } = HostJson.parse(readJson(folder, "host.json"));
  const { name, main } = PackageJson.parse(readJson(folder, "package.json"));
  const registrations = supplyCoreModule(log);

  const require = createRequire(path.join(folder, "package.json"));
  const entryPoints = globSync(main, { cwd: folder });
  if (entryPoints.length === 0)
    throw new Error(`package.json's main is "${main}", but ${folder} has no such file.`);
  for (const entryPoint of entryPoints) require(path.join(folder, entryPoint));

  const { programmingModel } = registrations;
  if (programmingModel === undefined) throw new Error(`${main} registers no function.`);
  const capabilities = await programmingModel.getCapabilities?.({});
  if (capabilities?.["HttpUri"] !== undefined)
    throw new Error("The app turns on HTTP streams, which the local functions host does not support.");
  const { routePrefix } = extensions.http;
  const functions = [...registrations.functions.values()].map((registered) =>
    toServedFunction(registered, routePrefix),
  );
  return { name, programmingModel, functionTimeout, functions };
}

function readJson(folder: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(path.join(folder, file), "utf8"));
  } catch (error) {
    throw new Error(`${folder} is not a function app: its ${file} cannot be read.`, {
      cause: error,
    });
  }
}
