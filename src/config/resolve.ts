import type { Gateway, Target } from "../domain/target.ts";
import type { DocumentSettings } from "./appSettings.ts";
import { formatPath } from "./configurationProblem.ts";
import type { DocumentFault } from "./gatewaysFaults.ts";
import type { LegibleDocument, LegibleGateway } from "./gatewaysSchema.ts";
import { defaultSecretName } from "./secretName.ts";

export interface Terms {
  readonly expireAfterDays?: number | undefined;
  readonly rotateEveryDays?: number | undefined;
}

/** An entry with its defaults filled in, as far as it can be read. */
export interface ResolvedGateway {
  readonly path: readonly PropertyKey[];
  readonly given: LegibleGateway;
  readonly target: Target | undefined;
  readonly name: string | undefined;
  /** `broken`: one is named, but its fault is reported already. */
  readonly vault: { readonly kind: "vault"; readonly url: string } | { readonly kind: "missing" | "broken" };
  readonly secretName: string | undefined;
  readonly terms: Terms;
  /** Undefined where it is broken: nobody knows then what was meant. */
  readonly enabled: boolean | undefined;
}

export interface ResolvedDocument {
  readonly defaults: Terms;
  readonly gateways: readonly ResolvedGateway[];
}

/** Fills in what the document leaves out. What is there and broken stays undefined, and gets no default. */
export function resolveDocument(
  document: LegibleDocument,
  faults: readonly DocumentFault[],
  keyVaultUrl: DocumentSettings["keyVaultUrl"],
): ResolvedDocument {
  const faulty = new Set(faults.map(({ path }) => formatPath(path)));
  const isFaulty = (path: readonly PropertyKey[]): boolean =>
    path.some((_, index) => faulty.has(formatPath(path.slice(0, index + 1))));
  const defaults = document.defaults ?? {};

  function vaultOf(path: readonly PropertyKey[], own: string | undefined): ResolvedGateway["vault"] {
    if (own !== undefined) return { kind: "vault", url: own };
    if (isFaulty([...path, "vaultUrl"])) return { kind: "broken" };
    if (defaults.vaultUrl !== undefined) return { kind: "vault", url: defaults.vaultUrl };
    if (isFaulty(["defaults", "vaultUrl"])) return { kind: "broken" };
    if (keyVaultUrl.kind === "value") return { kind: "vault", url: keyVaultUrl.value };
    return { kind: keyVaultUrl.kind === "unset" ? "missing" : "broken" };
  }

  function resolve(given: LegibleGateway, index: number): ResolvedGateway {
    const path = ["gateways", index];
    const target = given.resourceId;
    const names = target === undefined ? undefined : namesOf(target);
    const or = <T>(own: T | undefined, property: string, fallback: T | undefined): T | undefined =>
      own ?? (isFaulty([...path, property]) ? undefined : fallback);
    return {
      path,
      given,
      target,
      name: or(given.name, "name", names?.gateway),
      vault: vaultOf(path, given.vaultUrl),
      secretName: or(
        given.secretName,
        "secretName",
        names && defaultSecretName(names.factory, names.gateway),
      ),
      terms: {
        expireAfterDays: or(given.expireAfterDays, "expireAfterDays", defaults.expireAfterDays),
        rotateEveryDays: or(given.rotateEveryDays, "rotateEveryDays", defaults.rotateEveryDays),
      },
      enabled: or(given.enabled, "enabled", true),
    };
  }

  return { defaults, gateways: document.gateways.map(resolve) };
}

function namesOf(target: Target): { readonly factory: string; readonly gateway: string } {
  switch (target.kind) {
    case "gateway":
      return { factory: target.dataFactoryName, gateway: target.gatewayName };
    case "integrationRuntime":
      return { factory: target.factoryName, gateway: target.integrationRuntimeName };
  }
}

/** Undefined while something of it is missing or broken. */
export function toGateway({ target, name, vault, secretName, terms }: ResolvedGateway): Gateway | undefined {
  if (target === undefined || name === undefined || vault.kind !== "vault" || secretName === undefined) {
    return undefined;
  }
  return { name, target, secret: { vaultUrl: vault.url, secretName }, ...terms };
}
