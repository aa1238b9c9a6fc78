import * as z from "zod";
import { vaultDomains } from "../src/config/endpoints.ts";
import { documentSchema } from "../src/config/gatewaysSchema.ts";
import { gatewayKinds, kindNames, type NameRule, nameRules } from "../src/domain/gatewayKinds.ts";

/**
 * The text of gateways.schema.json, by which editors complete and check gateways.json. Draft 7 is what they know best.
 * It refuses what the deployed function refuses of each value by itself: a parser of ours becomes a pattern, made of the
 * same rules.
 */
export function renderGatewaysSchema(): string {
  const schema = z.toJSONSchema(documentSchema, {
    target: "draft-7",
    io: "input",
    override({ jsonSchema, path }) {
      const [parent, property] = path.slice(-2);
      if (parent === "properties") Object.assign(jsonSchema, hints[String(property)]);
    },
  });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** A regular expression without flags for a text in any casing. */
const anyCase = (text: string): string =>
  text
    .replace(/[.]/g, "\\.")
    .replace(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`);

/** The rule's pattern inside of a path: without anchors, and with its lengths. */
const segment = ({ pattern, minimum, maximum }: NameRule): string =>
  `(?=[^/]{${minimum},${maximum}}(?:/|$))${pattern.source.replace(/^\^|\$$/g, "")}`;

/** `/` and what `parseResourceId` accepts. JSON Schema has no flag for casing, and ids compare without it. */
const resourceId = kindNames
  .map((kind) => {
    const { resourceType, names } = gatewayKinds[kind];
    const [namespace = "", parentType = "", childType = ""] = resourceType.split("/").map(anyCase);
    const own = `${parentType}/${segment(names.parent)}/${childType}/${segment(names.gateway)}`;
    return `${anyCase("resourceGroups")}/${segment(names.resourceGroup)}/${anyCase("providers")}/${namespace}/${own}`;
  })
  .join("|");

const subscription = `/${anyCase("subscriptions")}/${segment(nameRules.subscription)}`;
const vault = `(?=[^.]{3,24}\\.)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\\.(?:${vaultDomains.map(anyCase).join("|")})`;
/** As in `isLoopback`, for the local machine. */
const loopback = `(?:${anyCase("localhost")}|127(?:\\.\\d{1,3}){3}|\\[::1\\])(?::\\d{1,5})?`;

const exampleId = (kind: (typeof kindNames)[number], parent: string, name: string): string => {
  const [namespace, parentType, childType] = gatewayKinds[kind].resourceType.split("/");
  const group = "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf";
  return `${group}/providers/${namespace}/${parentType}/${parent}/${childType}/${name}`;
};

const periods = { examples: [30, 90] };

/** By property: patterns of values that a parser of ours reads, and examples, which editors offer. */
const hints: Readonly<Record<string, object>> = {
  $schema: { examples: ["./gateways.schema.json"] },
  resourceId: {
    pattern: `^${subscription}/(?:${resourceId})$`,
    examples: kindNames.map((kind) => exampleId(kind, "contoso", "warehouse")),
  },
  name: { examples: ["warehouse"] },
  secretName: { examples: ["adf-warehouse-key"] },
  vaultUrl: {
    pattern: `^${anyCase("https")}://(?:${vault}(?::443)?|${loopback})/?$`,
    examples: [`https://contoso-keys.${vaultDomains[0]}`],
  },
  rotateEveryDays: periods,
  expireAfterDays: periods,
  verifyEveryDays: { examples: [7] },
  window: {
    examples: [{ days: ["Tue", "Wed"], from: "09:00", to: "15:00", timeZone: "Europe/Berlin" }],
    anyOf: ["days", "from", "to"].map((name) => ({ properties: { [name]: true }, required: [name] })),
  },
  days: { examples: [["Mon", "Tue", "Wed", "Thu", "Fri"]] },
  from: { examples: ["09:00"] },
  to: { examples: ["15:00"] },
  timeZone: { examples: ["Europe/Berlin"] },
  enabled: { examples: [false] },
};
