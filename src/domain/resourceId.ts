import {
  gatewayKinds,
  isLegalName,
  kindNames,
  kindOfResourceType,
  type NameRule,
  nameRules,
} from "./gatewayKinds.ts";
import type { Target, TargetIdentity } from "./target.ts";

export interface ResourceIdProblem {
  readonly kind: "problem";
  /** The wrong part, exactly as it was written: not yet safe to show. */
  readonly value: string;
  readonly rule: string;
  readonly remedy: string;
}

export type ParsedResourceId = { readonly kind: "target"; readonly target: Target } | ResourceIdProblem;

/**
 * Parses the Azure resource id of a gateway of any kind, as the portal shows it. Segment names compare without case.
 * Where the text allows only one reading, the remedy contains the corrected id.
 */
export function parseResourceId(id: string): ParsedResourceId {
  const strict = parseStrictly(id);
  if (strict.kind === "target") return strict;
  const bare = withoutDecoration(id);
  if (bare === id) return strict;
  const parsed = parseStrictly(bare);
  const remedy = parsed.kind === "target" ? `write "${bare}"` : parsed.remedy;
  return problem(id, decorationRule(id), remedy);
}

const problem = (value: string, rule: string, remedy: string): ResourceIdProblem => ({
  kind: "problem",
  value,
  rule,
  remedy,
});

const kinds = kindNames.map((kind) => {
  const { resourceType, title, parentTitle } = gatewayKinds[kind];
  const [namespace = "", parentType = "", childType = ""] = resourceType.split("/");
  return { namespace, parentType, childType, title, parentTitle };
});

/** The form of each kind's id, in words. */
export const resourceIdForms = kinds
  .map(({ namespace, parentType, childType, title }, index) => {
    const start = index === 0 ? "/subscriptions/{id}/resourceGroups/{name}/providers" : "…";
    return `${start}/${namespace}/${parentType}/{name}/${childType}/{name} (${title})`;
  })
  .join(" or ");

const parentTitles = [...new Set(kinds.map(({ parentTitle }) => parentTitle))].join(" or ");
const endings = kinds.map(({ childType, title }) => `/${childType}/{name} (${title})`).join(" or ");
const whereToFindIt = `copy the Resource ID of the ${parentTitles} from its Properties in the portal, and append ${endings}`;

const shape =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/i;

function parseStrictly(id: string): ParsedResourceId {
  const match = shape.exec(id);
  if (match === null) return incomplete(id);
  const [subscriptionId = "", resourceGroupName = "", ...rest] = match.slice(1);
  const [namespace = "", parentType = "", parentName = "", childType = "", name = ""] = rest;
  const resourceType = `${namespace}/${parentType}/${childType}`;
  const kind = kindOfResourceType(resourceType);
  if (kind === undefined) {
    const value = `${parentType}/${parentName}/${childType}/${name}`;
    return mixedTypes(value, namespace, parentType, childType) ?? noGateway(resourceType);
  }
  const { names } = gatewayKinds[kind];
  const identity = id.toLowerCase() as TargetIdentity;
  const target = { kind, resourceId: id, identity, subscriptionId, resourceGroupName, parentName, name };
  return (
    brokenName(nameRules.subscription, subscriptionId) ??
    brokenName(names.resourceGroup, resourceGroupName) ??
    brokenName(names.parent, parentName) ??
    brokenName(names.gateway, name) ?? { kind: "target", target }
  );
}

const brokenName = (rule: NameRule, name: string): ResourceIdProblem | undefined =>
  isLegalName(rule, name) ? undefined : problem(name, rule.rule, rule.remedy);

const noGateway = (value: string): ResourceIdProblem => problem(value, resourceIdForms, whereToFindIt);

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The parent of one kind with the child of another. */
function mixedTypes(
  value: string,
  namespace: string,
  parentType: string,
  childType: string,
): ResourceIdProblem | undefined {
  const siblings = kinds.filter((kind) => sameName(kind.namespace, namespace));
  if (!siblings.some((kind) => sameName(kind.parentType, parentType))) return undefined;
  if (!siblings.some((kind) => sameName(kind.childType, childType))) return undefined;
  const pairs = siblings.map((kind) => `${kind.parentType} have ${kind.childType}`);
  const ids = siblings.map((kind) => `"${kind.parentType}/…/${kind.childType}/…" (${kind.title})`);
  return problem(value, pairs.join(", "), `write ${ids.join(" or ")}`);
}

const parentShape = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/([^/]+)\/([^/]+)\/[^/]+$/i;

/** The id of a parent itself is a usual mistake. */
function incomplete(id: string): ResourceIdProblem {
  const [, namespace = "", parentType = ""] = parentShape.exec(id) ?? [];
  const kind = kinds.find(
    (each) => sameName(each.namespace, namespace) && sameName(each.parentType, parentType),
  );
  if (kind === undefined) return noGateway(id);
  return problem(
    id,
    `this is a ${kind.parentTitle}, but keys belong to the ${kind.childType} in it`,
    `append "/${kind.childType}/" and the name; npm run gateways -- discover writes the ids of all that are in it`,
  );
}

/** A resource id without what is often copied with it: a URL, white space, slashes, what follows the name. */
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
