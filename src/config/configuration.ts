import { join } from "node:path";
import type { Gateway } from "../domain/target.ts";
import { type AppSettings, type EnvironmentVariables, readAppSettings } from "./appSettings.ts";
import type { ConfigurationProblem } from "./configurationProblem.ts";
import { type GatewaysText, readGatewaysFile, readHostJson } from "./files.ts";
import { type GatewaysResult, readGateways } from "./gateways.ts";
import { rotationScheduleProblems } from "./rotationSchedule.ts";

export interface Configuration {
  readonly settings: AppSettings;
  /** The enabled ones; at least one. */
  readonly gateways: readonly Gateway[];
}

export type ConfigurationResult =
  | { readonly kind: "valid"; readonly configuration: Configuration }
  | {
      readonly kind: "invalid";
      readonly problems: readonly ConfigurationProblem[];
      /** Set if the app settings have no problem: open runs are finished even while the gateways are wrong. */
      readonly settings: AppSettings | undefined;
    };

export interface ConfigurationPlaces {
  readonly env: EnvironmentVariables;
  /** The folder of host.json and gateways.json. The latter is not read while the app setting GATEWAYS is set. */
  readonly directory: string;
}

/** Reads app settings, host.json and gateways, and returns all problems at once. Never rejects. */
export async function loadConfiguration({
  env,
  directory,
}: ConfigurationPlaces): Promise<ConfigurationResult> {
  const { result, document } = readAppSettings(env, await readHostJson(directory));
  const { gatewaysJson, rotationSchedule, ...surroundings } = document;
  const text: GatewaysText =
    gatewaysJson === undefined
      ? await readGatewaysFile(join(directory, "gateways.json"))
      : { kind: "text", text: gatewaysJson, source: "GATEWAYS" };
  const gateways: GatewaysResult =
    text.kind === "text"
      ? readGateways(text.text, text.source, surroundings)
      : { kind: "invalid", problems: [text.problem], readable: [] };

  const settings = result.kind === "valid" ? result.settings : undefined;
  const readable = gateways.kind === "valid" ? gateways.gateways : gateways.readable;
  const ofSchedule = rotationScheduleProblems(rotationSchedule, readable);
  if (settings !== undefined && gateways.kind === "valid" && ofSchedule.length === 0) {
    return { kind: "valid", configuration: { settings, gateways: gateways.gateways } };
  }
  const problemsOf = (one: typeof result | GatewaysResult) => (one.kind === "invalid" ? one.problems : []);
  const problems = [...problemsOf(result), ...ofSchedule, ...problemsOf(gateways)];
  return { kind: "invalid", problems, settings };
}
