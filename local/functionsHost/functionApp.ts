import { globSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { type LogLevel, type ProgrammingModel, type Registrations, supplyCoreModule } from "./coreModule.ts";

const HostJson = z.object({
  version: z.literal("2.0"),
  functionTimeout: z.string().optional(),
  extensions: z
    .object({ http: z.object({ routePrefix: z.string().default("api") }).prefault({}) })
    .prefault({}),
});
const PackageJson = z.object({ name: z.string().default("app"), main: z.string() });

/** What the host reads of a deployable folder. */
export interface AppFiles {
  readonly name: string;
  readonly functionTimeout: string | undefined;
  readonly routePrefix: string;
}

/** @throws if the folder is not a function app */
export function readAppFiles(folder: string): AppFiles {
  const { functionTimeout, extensions } = HostJson.parse(readJson(folder, "host.json"));
  const { name } = PackageJson.parse(readJson(folder, "package.json"));
  return { name, functionTimeout, routePrefix: extensions.http.routePrefix };
}

/**
 * Loads a deployable folder like the Functions worker: `main` in its package.json, a path or a glob, names the CommonJS
 * modules that register the functions.
 *
 * @throws if its code throws, or it needs what this host does not have
 */
export async function loadFunctionApp(
  folder: string,
  log: (level: LogLevel, message: string) => void,
): Promise<Registrations & { readonly programmingModel: ProgrammingModel }> {
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
    throw new Error(`${folder} is not a function app: its ${file} cannot be read.`, {
      cause: error,
    });
  }
}
