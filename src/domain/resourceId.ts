import { gatewayKinds, isLegalName, kindNames, type NameRule, nameRules } from "./gatewayKinds.ts";
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
  return problem(id, decorationRule, remedy);
}

const problem = (value: string, rule: string, remedy: string): ResourceIdProblem => ({
  kind: "problem",
  value,
  rule,
  remedy,
});

const kinds = kindNames.map((kind) => {
  const [namespace = "", parentType = "", childType = ""] = gatewayKinds[kind].resourceType.split("/");
  return { kind, ...gatewayKinds[kind], namespace, parentType, childType };
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

/** The id of a gateway, or of what it belongs to. */
const shape =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)\/([^/]+)\/([^/]+)(?:\/([^/]+)\/([^/]+))?$/i;

function parseStrictly(id: string): ParsedResourceId {
  const [subscriptionId = "", resourceGroupName = "", ...rest] = shape.exec(id)?.slice(1) ?? [];
  const [namespace = "", parentType = "", parentName = "", childType = "", name = ""] = rest;
  const siblings = kinds.filter((each) => sameName(each.namespace, namespace));
  const ofParent = siblings.filter((each) => sameName(each.parentType, parentType));
  const found = ofParent.find((each) => sameName(each.childType, childType));
  if (found !== undefined) {
    const { kind, names } = found;
    const identity = id.toLowerCase() as TargetIdentity;
    const target = { kind, resourceId: id, identity, subscriptionId, resourceGroupName, parentName, name };
    return (
      brokenName(nameRules.subscription, subscriptionId) ??
      brokenName(nameRules.resourceGroup, resourceGroupName) ??
      brokenName(names.parent, parentName) ??
      brokenName(names.gateway, name) ?? { kind: "target", target }
    );
  }
  const [parent] = ofParent;
  if (parent === undefined)
    return problem(
      name === "" ? id : `${namespace}/${parentType}/${childType}`,
      resourceIdForms,
      whereToFindIt,
    );
  if (name === "")
    return problem(
      id,
      `this is a ${parent.parentTitle}, but keys belong to the ${parent.childType} in it`,
      `append "/${parent.childType}/" and the name; npm run gateways -- discover writes the ids of all that are in it`,
    );
  const pairs = siblings.map((each) => `${each.parentType} have ${each.childType}`);
  const ids = siblings.map((each) => `"${each.parentType}/…/${each.childType}/…" (${each.title})`);
  return problem(
    `${parentType}/${parentName}/${childType}/${name}`,
    pairs.join(", "),
    `write ${ids.join(" or ")}`,
  );
}

const brokenName = (rule: NameRule, name: string): ResourceIdProblem | undefined =>
  isLegalName(rule, name) ? undefined : problem(name, rule.rule, rule.remedy);

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const decorationRule =
  'a resource id alone, from "/subscriptions/" to the gateway\'s name: not in a URL, not percent-encoded, without white space, query or empty segments';

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
