import { writeFile } from "node:fs/promises";
import * as z from "zod";
import { vaultDomains } from "../src/config/endpoints.ts";
import { documentSchema } from "../src/config/gatewaysSchema.ts";
import { gatewayKinds, kindNames, type NameRule, nameRules } from "../src/domain/gatewayKinds.ts";
import { resourceIdForms } from "../src/domain/resourceId.ts";

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
      if (path.join(".") === "properties.defaults.properties.vaultUrl")
        jsonSchema.description =
          "The vault of every gateway that names none. Default: the app setting KEY_VAULT_URL.";
      if (path.length === 0)
        Object.assign(jsonSchema, {
          title: "Gateways",
          description: "The gateways whose keys are rotated, and where each key is kept.",
        });
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
    return `${anyCase("resourceGroups")}/${segment(nameRules.resourceGroup)}/${anyCase("providers")}/${namespace}/${own}`;
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

const periods = [30, 90];

/** By property: what it means, examples, which editors offer, and patterns of values that a parser of ours reads. */
const hints: Readonly<Record<string, object>> = {
  $schema: {
    description: "The path of this schema, for editors.",
    examples: ["./gateways.schema.json"],
  },
  defaults: { description: "The values of every gateway that does not set its own." },
  gateways: { description: "The gateways whose keys are rotated." },
  resourceId: {
    description: `Azure resource id of the gateway, as the portal shows it: ${resourceIdForms}. Upper and lower case do not matter. The id of a factory or workspace alone is not enough: npm run gateways -- discover writes the ids of what is in it.`,
    pattern: `^${subscription}/(?:${resourceId})$`,
    examples: kindNames.map((kind) => exampleId(kind, "contoso", "warehouse")),
  },
  name: {
    description:
      "Its name in logs, requests and errors. Default: the gateway's own name. Unique among enabled gateways.",
    examples: ["warehouse"],
  },
  secretName: {
    description:
      "Name of the Key Vault secret that holds the key. Default: {factory}-{gateway}. Unique in its vault, among enabled gateways.",
    examples: ["adf-warehouse-key"],
  },
  vaultUrl: {
    description:
      "The vault that holds the secret. Default: defaults.vaultUrl, then the app setting KEY_VAULT_URL.",
    pattern: `^${anyCase("https")}://(?:${vault}(?::443)?|${loopback})/?$`,
    examples: [`https://contoso-keys.${vaultDomains[0]}`],
  },
  rotateEveryDays: {
    description:
      "Rotate only when the last rotation is at least this many days old. Without it, every tick of ROTATION_SCHEDULE rotates.",
    examples: periods,
  },
  expireAfterDays: {
    description:
      "Days after which a new secret version expires (its exp). Key Vault still returns an expired version: the date is for alerts and audits. More than 7 days longer than rotateEveryDays.",
    examples: periods,
  },
  verifyEveryDays: {
    description:
      "Of a gateway with two keys that is not due: how often a tick asks Resource Manager whether the published key still works, in days. A dead one is rotated. Default: 7.",
    examples: [7],
  },
  window: {
    description:
      "The schedule rotates the gateway only in this window; a request over HTTP is not bound by it. Default: at any time.",
    examples: [{ days: ["Tue", "Wed"], from: "09:00", to: "15:00", timeZone: "Europe/Berlin" }],
    anyOf: ["days", "from", "to"].map((name) => ({ properties: { [name]: true }, required: [name] })),
  },
  days: {
    description: "The days on which it opens. Default: every day.",
    examples: [["Mon", "Tue", "Wed", "Thu", "Fri"]],
  },
  from: { description: "When it opens. Default: 00:00.", examples: ["09:00"] },
  to: {
    description: "When it closes; on the next day where that is earlier than from. Default: midnight.",
    examples: ["15:00"],
  },
  timeZone: {
    description: "The time zone of days, from and to, by its IANA name. Default: UTC.",
    examples: ["Europe/Berlin"],
  },
  enabled: {
    description: "false leaves this gateway out: its name and secret are free for another. Default: true.",
    examples: [false],
  },
};

if (import.meta.main)
  await writeFile(new URL("../gateways.schema.json", import.meta.url), renderGatewaysSchema());
