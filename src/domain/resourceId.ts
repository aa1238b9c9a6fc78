import { isLegalName, type NameRule, nameRules as rules } from "./resourceNames.ts";
import type { Target, TargetIdentity } from "./target.ts";

export interface ResourceIdProblem {
  readonly kind: "problem";
  /** The part at fault, as it was written: not yet safe to show. */
  readonly value: string;
  readonly rule: string;
  readonly mend: string;
}

export type ParsedResourceId = { readonly kind: "target"; readonly target: Target } | ResourceIdProblem;

/**
 * Reads the Azure resource id of a Data Factory gateway (version 1) or integration runtime (version 2), as the
 * portal shows it. Segment names compare without case. A problem's mend is the corrected id wherever the text
 * leaves no doubt which one is meant.
 */
export function parseResourceId(id: string): ParsedResourceId {
  const strict = parseStrictly(id);
  if (strict.kind === "target") return strict;
  const meant = withoutDecoration(id);
  if (meant === id) return strict;
  const mended = parseStrictly(meant);
  const rule = decorationRule(id);
  return mended.kind === "target"
    ? { kind: "problem", value: id, rule, mend: `write "${meant}"` }
    : { kind: "problem", value: id, rule, mend: mended.mend };
}

const forms =
  "/subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.DataFactory/datafactories/{name}/gateways/{name} " +
  "(version 1) or …/factories/{name}/integrationRuntimes/{name} (version 2)";

const whereToFindIt =
  "copy the Resource ID of the data factory from its Properties in the portal, and append /gateways/{name} " +
  "(version 1) or /integrationRuntimes/{name} (version 2)";

const shape =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/i;

function parseStrictly(id: string): ParsedResourceId {
  const [, subscriptionId, resourceGroupName, namespace, type, factory, childType, name] =
    shape.exec(id) ?? [];
  if (
    subscriptionId === undefined ||
    resourceGroupName === undefined ||
    namespace === undefined ||
    type === undefined ||
    factory === undefined ||
    childType === undefined ||
    name === undefined
  ) {
    return misshapen(id);
  }
  const base = {
    resourceId: id,
    identity: id.toLowerCase() as TargetIdentity,
    subscriptionId,
    resourceGroupName,
  };
  const resourceType = `${namespace}/${type}/${childType}`;
  switch (resourceType.toLowerCase()) {
    case "microsoft.datafactory/datafactories/gateways": {
      const target = { ...base, kind: "gatewayV1", dataFactoryName: factory, gatewayName: name } as const;
      const broken =
        brokenName(rules.subscription, subscriptionId) ??
        brokenName(rules.resourceGroupOfVersion1, resourceGroupName) ??
        brokenName(rules.factory, factory) ??
        brokenName(rules.gateway, name);
      return broken ?? { kind: "target", target };
    }
    case "microsoft.datafactory/factories/integrationruntimes": {
      const target = {
        ...base,
        kind: "integrationRuntime",
        factoryName: factory,
        integrationRuntimeName: name,
      } as const;
      const broken =
        brokenName(rules.subscription, subscriptionId) ??
        brokenName(rules.resourceGroup, resourceGroupName) ??
        brokenName(rules.factory, factory) ??
        brokenName(rules.integrationRuntime, name);
      return broken ?? { kind: "target", target };
    }
    case "microsoft.datafactory/datafactories/integrationruntimes":
    case "microsoft.datafactory/factories/gateways":
      return {
        kind: "problem",
        value: `${type}/${factory}/${childType}/${name}`,
        rule: "version 1 has datafactories and gateways, version 2 has factories and integrationRuntimes",
        mend: 'write "datafactories/…/gateways/…" (version 1) or "factories/…/integrationRuntimes/…" (version 2)',
      };
    case "microsoft.synapse/workspaces/integrationruntimes":
      return {
        kind: "problem",
        value: resourceType,
        rule: "integration runtimes of Azure Synapse are not supported yet, only those of Data Factory",
        mend: "remove this entry",
      };
    default:
      return { kind: "problem", value: resourceType, rule: forms, mend: whereToFindIt };
  }
}

function brokenName(rule: NameRule, name: string): ResourceIdProblem | undefined {
  if (isLegalName(rule, name)) return undefined;
  return { kind: "problem", value: name, rule: rule.rule, mend: rule.mend };
}

function misshapen(id: string): ResourceIdProblem {
  const [, factoryId, type] =
    /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.DataFactory\/(factories|datafactories)\/[^/]+)$/i.exec(
      id,
    ) ?? [];
  if (factoryId === undefined || type === undefined) {
    return { kind: "problem", value: id, rule: forms, mend: whereToFindIt };
  }
  const child = type.toLowerCase() === "factories" ? "integrationRuntimes" : "gateways";
  return {
    kind: "problem",
    value: id,
    rule: "this names a data factory, but keys belong to its gateways and integration runtimes",
    mend: `append "/${child}/" and the name`,
  };
}

/** A resource id with the things around it that people paste along: a URL, white space, slashes, what follows the name. */
function withoutDecoration(id: string): string {
  const [path = ""] = decoded(id)
    .replace(/^.*?(?=\/?subscriptions\/)/is, "")
    .split(/[?#]/);
  const segments = path.trim().split("/").filter(Boolean);
  return segments.length === 0 ? id : `/${segments.slice(0, segmentsOfAnId).join("/")}`;
}

/** `subscriptions/{s}/resourceGroups/{rg}/providers/{namespace}/{type}/{name}/{type}/{name}` */
const segmentsOfAnId = 10;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function decorationRule(id: string): string {
  if (id.includes("://")) return "a resource id, not a URL";
  if (id !== id.trim()) return "a resource id has no white space around it";
  if (/[?#]/.test(id)) return "a resource id has no query and no fragment";
  if (!id.startsWith("/")) return "a resource id begins with a slash";
  if (id.endsWith("/")) return "a resource id does not end in a slash";
  if (id.includes("//")) return "a resource id has no empty segments";
  if (id.includes("%")) return "a resource id is not percent-encoded";
  return "a resource id ends with the name of the gateway or integration runtime";
}
