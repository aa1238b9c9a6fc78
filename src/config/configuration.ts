import { join } from "node:path";
import type { Gateway } from "../domain/target.ts";
import {
  type AppSettings,
  type AppSettingsResult,
  type Environment,
  readAppSettings,
} from "./appSettings.ts";
import { type GatewaysResult, readGateways } from "./gateways.ts";
import { readHostJson } from "./hostJson.ts";
import type { ConfigurationProblem } from "./problem.ts";
import { readFile } from "./readFile.ts";

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
      /** Where nothing is wrong with the app settings: runs under way are finished even if the gateways are wrong. */
      readonly settings: AppSettings | undefined;
    };

export interface ConfigurationPlaces {
  readonly env: Environment;
  /** Where host.json lies, and beside it gateways.json: not read while the app setting GATEWAYS is set. */
  readonly directory: string;
}

/** Reads app settings, host.json and gateways, and gives all problems at once. Never rejects. */
export async function loadConfiguration({
  env,
  directory,
}: ConfigurationPlaces): Promise<ConfigurationResult> {
  const { result: settings, document: needed } = readAppSettings(env, await readHostJson(directory));
  const { gatewaysJson, ...surroundings } = needed;
  const document =
    gatewaysJson === undefined
      ? await readGatewaysFile(directory)
      : ({ kind: "text", text: gatewaysJson, source: "GATEWAYS" } as const);
  const gateways: GatewaysResult =
    document.kind === "text" ? readGateways(document.text, document.source, surroundings) : document;
  if (settings.kind === "valid" && gateways.kind === "valid") {
    return { kind: "valid", configuration: { settings: settings.settings, gateways: gateways.gateways } };
  }
  const problemsOf = (result: AppSettingsResult | GatewaysResult) =>
    result.kind === "invalid" ? result.problems : [];
  return {
    kind: "invalid",
    problems: [...problemsOf(settings), ...problemsOf(gateways)],
    settings: settings.kind === "valid" ? settings.settings : undefined,
  };
}

type GatewaysFile =
  | { readonly kind: "text"; readonly text: string; readonly source: string }
  | { readonly kind: "invalid"; readonly problems: readonly ConfigurationProblem[] };

const source = "gateways.json";

async function readGatewaysFile(directory: string): Promise<GatewaysFile> {
  const file = join(directory, source);
  const invalid = (value: string, rule: string, mend: string): GatewaysFile => ({
    kind: "invalid",
    problems: [{ source, path: "(the whole document)", value, rule, mend }],
  });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return code === "ENOENT"
      ? invalid(
          `(there is no ${file})`,
          "the gateways stand in gateways.json beside host.json, or in the app setting GATEWAYS",
          "copy gateways.sample.json to gateways.json and put your own gateways in it",
        )
      : invalid(
          `(${file}: ${code})`,
          "gateways.json is a file that the process may read",
          "correct it, or its permissions",
        );
  }
  try {
    // Byte order marks are kept: the document's reader names them.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { kind: "text", text: decoder.decode(bytes), source };
  } catch {
    return invalid("(not UTF-8)", "JSON is UTF-8 without a byte order mark", 'save it as "UTF-8"');
  }
}
