import fs from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod/mini";
import type { Gateway } from "../domain/target.ts";
import {
  type AppSettings,
  type EnvironmentVariables,
  type HostJson,
  readAppSettings,
} from "./appSettings.ts";
import type { ConfigurationProblem } from "./configurationProblem.ts";
import { type GatewaysReading, type GatewaysSettings, readGateways } from "./gateways.ts";
import { parseJson } from "./json.ts";
import { rotationScheduleProblems } from "./schedule.ts";

export type ConfigurationResult =
  | {
      readonly kind: "valid";
      readonly settings: AppSettings;
      /** The enabled ones; at least one. */
      readonly gateways: readonly Gateway[];
    }
  /** The app settings have no problem: resume finishes open runs even while the gateways are wrong. */
  | (Invalid & { readonly settings: AppSettings })
  | (Invalid & { readonly settings: undefined });

interface Invalid {
  readonly kind: "invalid";
  readonly problems: readonly ConfigurationProblem[];
}

/** Where the application finds its settings and its gateways. */
export interface AppEnvironment {
  /** App settings: the platform passes them as environment variables. */
  readonly env: EnvironmentVariables;
  /** The folder of host.json and gateways.json. The latter is not read while GATEWAYS is set. */
  readonly directory: string;
}

/** Reads app settings, host.json and gateways, and returns all problems at once. Never rejects. */
export async function loadConfiguration({ env, directory }: AppEnvironment): Promise<ConfigurationResult> {
  const { settings, document, ...ofSettings } = readAppSettings(env, await readHostJson(directory));
  const { gatewaysJson, rotationSchedule, ...surroundings } = document;
  const { gateways, ...ofGateways } =
    gatewaysJson === undefined
      ? await readGatewaysFile(join(directory, "gateways.json"), surroundings)
      : readGateways(gatewaysJson, "GATEWAYS", surroundings);
  const ofSchedule = rotationScheduleProblems(rotationSchedule, gateways);
  const problems = [...ofSettings.problems, ...ofSchedule, ...ofGateways.problems];
  return settings !== undefined && problems.length === 0
    ? { kind: "valid", settings, gateways }
    : { kind: "invalid", problems, settings };
}

/** Reads a file like gateways.json; its name is the source of its problems. Never rejects. */
export async function readGatewaysFile(file: string, settings: GatewaysSettings): Promise<GatewaysReading> {
  const source = basename(file);
  const { text, code } = await readText(file);
  if (code === undefined) return readGateways(text, source, settings);
  const problem = {
    source,
    path: "(the whole document)",
    value: `(${file}: ${code})`,
    rule: "the gateways are listed in gateways.json beside host.json, in UTF-8, or in the app setting GATEWAYS",
    remedy:
      code === "ENOENT"
        ? "there is no such file: copy gateways.sample.json to gateways.json and put your own gateways in it"
        : 'save it as "UTF-8", and correct its permissions',
  };
  return { problems: [problem], gateways: [] };
}

const hostJsonSchema = z.object({ functionTimeout: z.optional(z.coerce.string()) });

async function readHostJson(directory: string): Promise<HostJson> {
  const { text, code } = await readText(join(directory, "host.json"));
  if (code === "ENOENT") return {};
  const json = parseJson(text, "accept");
  const parsed = hostJsonSchema.safeParse(json.kind === "json" ? json.value : undefined);
  const why = code ?? (json.kind === "fault" ? `${json.fault.path}: ${json.fault.remedy}` : "not an object");
  // With such a host.json, the host does not start the app. The default time-out may be longer than the file's.
  return parsed.data ?? { functionTimeout: `(host.json cannot be read: ${why})` };
}

/** `node:fs/promises` has it too, but loads all of Node's `readline` for its other functions. */
const readFile = promisify(fs.readFile);

/** The text of a file in UTF-8, without a byte order mark, or the code of the error. */
async function readText(file: string): Promise<{ readonly text: string; readonly code?: string }> {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file)) };
  } catch (error) {
    return { text: "", code: error instanceof Error && "code" in error ? String(error.code) : "unreadable" };
  }
}
