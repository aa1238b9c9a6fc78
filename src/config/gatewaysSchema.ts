import * as z from "zod";
import { parseResourceId, type ResourceIdProblem } from "../domain/resourceId.ts";
import type { Target } from "../domain/target.ts";
import type { Parsed } from "./problem.ts";
import { parseVaultUrl } from "./urls.ts";

/** A property whose text is read by a parser of ours; what the parser finds travels in the issue's `params`. */
function parsedText<T>(parse: (text: string) => Parsed<T> | ResourceIdProblem) {
  return z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed.kind === "value") return parsed.value;
    const { kind, ...params } = parsed;
    context.issues.push({ code: "custom", input: text, message: parsed.rule, params });
    return z.NEVER;
  });
}

function parseTarget(text: string): Parsed<Target> | ResourceIdProblem {
  const parsed = parseResourceId(text);
  return parsed.kind === "target" ? { kind: "value", value: parsed.target } : parsed;
}

const vaultUrl = parsedText(parseVaultUrl);
const days = z.int().min(1).max(3650);

const termsShape = {
  expireAfterDays: days
    .optional()
    .describe(
      "Days after which a new secret version expires (its exp). Key Vault still hands out an expired version: the date is for alerts and audits.",
    ),
  rotateEveryDays: days
    .optional()
    .describe(
      "Rotate only when the last rotation is at least this many days old. Without it, every tick of ROTATION_SCHEDULE rotates.",
    ),
};

const gatewayShape = {
  resourceId: parsedText(parseTarget).meta({
    description:
      "Azure resource id of a Data Factory gateway (version 1) or of a self-hosted integration runtime (version 2), as the portal shows it: /subscriptions/…/datafactories/{name}/gateways/{name} or /subscriptions/…/factories/{name}/integrationRuntimes/{name}. Upper and lower case do not matter.",
    pattern: "^/[^?#%\\s]+[^/?#%\\s]$",
  }),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
    .optional()
    .describe(
      "What people call it in logs, requests and errors. Default: the gateway's own name. Unique among enabled gateways.",
    ),
  secretName: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,127}$/)
    .optional()
    .describe(
      "Name of the Key Vault secret that holds the key. Default: {factory}-{gateway}. Unique in its vault, among enabled gateways.",
    ),
  vaultUrl: vaultUrl
    .optional()
    .describe(
      "The vault that holds the secret. Default: defaults.vaultUrl, then the app setting KEY_VAULT_URL.",
    ),
  ...termsShape,
  enabled: z
    .boolean()
    .optional()
    .describe("false leaves this gateway alone: its name and secret are free for another. Default: true."),
};

const defaultsShape = {
  vaultUrl: vaultUrl
    .optional()
    .describe("The vault of every gateway that names none. Default: the app setting KEY_VAULT_URL."),
  ...termsShape,
};

export const gatewaySchema = z.strictObject(gatewayShape);
export const defaultsSchema = z
  .strictObject(defaultsShape)
  .describe("What holds for every gateway that does not say otherwise.");

export const documentSchema = z
  .strictObject({
    $schema: z.string().optional().describe("Where editors find this schema."),
    defaults: defaultsSchema.optional(),
    gateways: z.array(gatewaySchema).min(1).describe("The gateways whose keys are rotated."),
  })
  .meta({
    title: "Gateways",
    description: "The Data Factory gateways whose keys are rotated, and where each key is kept.",
  });

/** Every property is optional, and one that breaks its rule counts as absent. */
function legible<Shape extends z.ZodRawShape>(shape: Shape) {
  const schema = z.object(shape).partial();
  return schema.catch(({ value, issues }) => {
    const broken = new Set(issues.map(({ path }) => path?.[0]));
    const given = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return schema.parse(Object.fromEntries(given.filter(([name]) => !broken.has(name))));
  });
}

/** What can be read of a document that may be broken elsewhere. */
export const legibleSchema = z
  .object({
    defaults: legible(defaultsShape).optional(),
    gateways: z.array(legible(gatewayShape)).catch([]),
  })
  .catch({ gateways: [] });

export type LegibleDocument = z.output<typeof legibleSchema>;
export type LegibleGateway = LegibleDocument["gateways"][number];

/** The text of gateways.schema.json, by which editors complete and check gateways.json. Draft 7 is what they know best. */
export function renderGatewaysSchema(): string {
  const schema = z.toJSONSchema(documentSchema, { target: "draft-7", io: "input" });
  return `${JSON.stringify(schema, null, 2)}\n`;
}
