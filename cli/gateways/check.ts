import { readAppSettings, settings } from "../../src/config/appSettings.ts";
import { readGatewaysFile } from "../../src/config/configuration.ts";
import type { ConfigurationProblem } from "../../src/config/configurationProblem.ts";
import { type GatewaysReading, readGateways, unknownVault } from "../../src/config/gateways.ts";
import { rotationScheduleProblems } from "../../src/config/schedule.ts";
import type { Gateway } from "../../src/domain/target.ts";

/** Settings that the deployed function has, and an operator's machine may lack. */
export interface CheckTerms {
  /** ROTATION_SCHEDULE of the function app; undefined: what depends on it is not checked. */
  readonly schedule?: string | undefined;
  /** KEY_VAULT_URL of the function app; undefined: it may name any vault. */
  readonly keyVaultUrl?: string | undefined;
  /** Whether the file may be the sample, whose subscription exists on the local machine only. */
  readonly sampleAllowed?: boolean;
}

export type Checked =
  | {
      readonly kind: "valid";
      /** The enabled ones; at least one. */
      readonly gateways: readonly Gateway[];
      /** With single spaces. */
      readonly schedule: string | undefined;
    }
  | { readonly kind: "invalid"; readonly problems: readonly ConfigurationProblem[] };

/** Checks a gateways.json by the rules of the deployed function. Never rejects. */
export async function checkGatewaysFile(file: string, terms: CheckTerms = {}): Promise<Checked> {
  const known = knownBy(terms);
  return checked(known, await readGatewaysFile(file, known.settings));
}

export function checkGateways(text: string, source: string, terms: CheckTerms = {}): Checked {
  const known = knownBy(terms);
  return checked(known, readGateways(text, source, known.settings));
}

function knownBy({ schedule, keyVaultUrl, sampleAllowed = false }: CheckTerms) {
  const given = {
    [settings.rotationSchedule.name]: schedule,
    [settings.keyVaultUrl.name]: keyVaultUrl,
  };
  const { problems, document } = readAppSettings(given, {});
  return {
    problems: problems.filter(({ path }) => given[path] !== undefined),
    schedule: document.rotationSchedule,
    settings: { keyVaultUrl: document.keyVaultUrl ?? unknownVault, sampleAllowed },
  };
}

function checked({ schedule, ...known }: ReturnType<typeof knownBy>, read: GatewaysReading): Checked {
  const { gateways } = read;
  const problems = [...known.problems, ...rotationScheduleProblems(schedule, gateways), ...read.problems];
  return problems.length === 0 ? { kind: "valid", gateways, schedule } : { kind: "invalid", problems };
}
