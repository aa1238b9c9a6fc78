import * as z from "zod/mini";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Target } from "../domain/target.ts";
import type { Parsed } from "./configurationProblem.ts";
import { parseVaultUrl } from "./urls.ts";

/** A property whose text is read by a parser of ours; what the parser finds travels in the issue's `params`. */
function parsedText<T>(parse: (text: string) => Parsed<T>) {
  const parsing = z.transform((text: string, context): T => {
    const parsed = parse(text);
    if (parsed.kind === "value") return parsed.value;
    const { kind, ...params } = parsed;
    context.issues.push({ code: "custom", input: text, message: parsed.rule, params });
    return z.NEVER;
  });
  return z.pipe(z.string(), parsing);
}

function parseTarget(text: string): Parsed<Target> {
  const parsed = parseResourceId(text);
  if (parsed.kind === "target") return { kind: "value", value: parsed.target };
  const { mend: remedy, ...problem } = parsed;
  return { ...problem, remedy };
}

/** What editors show of a property. */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  z.globalRegistry.add(schema, { description });
  return schema;
}

const vaultUrl = parsedText(parseVaultUrl);
const days = z.int().check(z.minimum(1), z.maximum(3650));

const termsShape = {
  expireAfterDays: described(
    z.optional(days),
    "Days after which a new secret version expires (its exp). Key Vault still hands out an expired version: the date is for alerts and audits.",
  ),
  rotateEveryDays: described(
    z.optional(days),
    "Rotate only when the last rotation is at least this many days old. Without it, every tick of ROTATION_SCHEDULE rotates.",
  ),
};

const gatewayShape = {
  resourceId: parsedText(parseTarget).register(z.globalRegistry, {
    description:
      "Azure resource id of a Data Factory gateway (version 1) or of a self-hosted integration runtime (version 2), as the portal shows it: /subscriptions/…/datafactories/{name}/gateways/{name} or /subscriptions/…/factories/{name}/integrationRuntimes/{name}. Upper and lower case do not matter.",
    pattern: "^/[^?#%\\s]+[^/?#%\\s]$",
  }),
  name: described(
    z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/))),
    "What people call it in logs, requests and errors. Default: the gateway's own name. Unique among enabled gateways.",
  ),
  secretName: described(
    z.optional(z.string().check(z.regex(/^[0-9A-Za-z-]{1,127}$/))),
    "Name of the Key Vault secret that holds the key. Default: {factory}-{gateway}. Unique in its vault, among enabled gateways.",
  ),
  vaultUrl: described(
    z.optional(vaultUrl),
    "The vault that holds the secret. Default: defaults.vaultUrl, then the app setting KEY_VAULT_URL.",
  ),
  ...termsShape,
  enabled: described(
    z.optional(z.boolean()),
    "false leaves this gateway alone: its name and secret are free for another. Default: true.",
  ),
};

const defaultsShape = {
  vaultUrl: described(
    z.optional(vaultUrl),
    "The vault of every gateway that names none. Default: the app setting KEY_VAULT_URL.",
  ),
  ...termsShape,
};

export const gatewaySchema = z.strictObject(gatewayShape);
export const defaultsSchema = described(
  z.strictObject(defaultsShape),
  "What holds for every gateway that does not say otherwise.",
);

export const documentSchema = z
  .strictObject({
    $schema: described(z.optional(z.string()), "Where editors find this schema."),
    defaults: z.optional(defaultsSchema),
    gateways: described(z.array(gatewaySchema).check(z.minLength(1)), "The gateways whose keys are rotated."),
  })
  .register(z.globalRegistry, {
    title: "Gateways",
    description: "The Data Factory gateways whose keys are rotated, and where each key is kept.",
    /** For Visual Studio Code, which otherwise marks a comment as an error. */
    allowComments: true,
  });

const legibleDefaults = z.partial(z.object(defaultsShape));
const legibleGateway = z.partial(z.object(gatewayShape));

/** A property that breaks its rule counts as absent. */
function readLegible<Shape extends z.core.$ZodShape>(schema: z.ZodMiniObject<Shape>, value: unknown) {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const broken = new Set(parsed.error.issues.map(({ path }) => path[0]));
  const given = Object.entries(asRecord(value)).filter(([name]) => !broken.has(name));
  return schema.parse(Object.fromEntries(given));
}

/** What can be read of a document that may be broken elsewhere. */
export function readLegibly(document: unknown) {
  const { defaults, gateways } = asRecord(document);
  return {
    defaults: defaults === undefined ? undefined : readLegible(legibleDefaults, defaults),
    gateways: Array.isArray(gateways) ? gateways.map((each) => readLegible(legibleGateway, each)) : [],
  };
}

export type LegibleDocument = ReturnType<typeof readLegibly>;
export type LegibleGateway = LegibleDocument["gateways"][number];

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The text of gateways.schema.json, by which editors complete and check gateways.json. Draft 7 is what they know best. */
export function renderGatewaysSchema(): string {
  const schema = z.toJSONSchema(documentSchema, { target: "draft-7", io: "input" });
  return `${JSON.stringify(schema, null, 2)}\n`;
}
