import * as z from "zod/mini";
import { parseResourceId, resourceIdForms } from "../domain/resourceId.ts";
import { weekdays } from "../domain/rotationWindow.ts";
import type { Target } from "../domain/target.ts";
import type { Parsed } from "./configurationProblem.ts";
import { parseVaultUrl } from "./endpoints.ts";

/** A property whose text a parser of ours reads. The issue's `params` carry the problem that the parser finds. */
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
  return parsed;
}

/** Adds what editors show of a property. */
function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  z.globalRegistry.add(schema, { description });
  return schema;
}

export const mostDays = 3650;

const vaultUrl = parsedText(parseVaultUrl);
const days = z.int().check(z.minimum(1), z.maximum(mostDays));

const timeOfDay = z.string().check(z.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/));

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

export const windowSchema = described(
  z
    .strictObject({
      days: described(
        z.optional(z.array(z.enum(weekdays)).check(z.minLength(1))),
        "The days on which it opens. Default: every day.",
      ),
      from: described(z.optional(timeOfDay), "When it opens. Default: 00:00."),
      to: described(
        z.optional(timeOfDay),
        "When it closes; on the next day where that is earlier than from. Default: midnight.",
      ),
      timeZone: described(
        z.optional(z.string().check(z.refine(isTimeZone))),
        "The time zone of days, from and to, by its IANA name. Default: UTC.",
      ),
    })
    .check(
      z.refine(({ days, from, to }) => days !== undefined || from !== undefined || to !== undefined, {
        params: {
          rule: "a window names days, from or to",
          remedy: 'write { "days": ["Tue", "Wed"] }, or leave it out',
        },
      }),
      ({ value: { from, to }, issues }) => {
        const remedy = "write another time, or leave it out: then midnight";
        if (to !== undefined && from === to)
          issues.push({
            code: "custom",
            path: ["to"],
            input: to,
            params: { rule: "from and to differ", remedy },
          });
      },
    ),
  "The schedule rotates the gateway only in this window; a request over HTTP is not bound by it. Default: at any time.",
);

const termsShape = {
  expireAfterDays: described(
    z.optional(days),
    "Days after which a new secret version expires (its exp). Key Vault still returns an expired version: the date is for alerts and audits. More than 7 days longer than rotateEveryDays.",
  ),
  rotateEveryDays: described(
    z.optional(days),
    "Rotate only when the last rotation is at least this many days old. Without it, every tick of ROTATION_SCHEDULE rotates.",
  ),
  verifyEveryDays: described(
    z.optional(days),
    "Of a gateway with two keys that is not due: how often a tick asks Resource Manager whether the published key still works, in days. A dead one is rotated. Default: 7.",
  ),
  window: z.optional(windowSchema),
};

export const gatewaySchema = z.strictObject({
  resourceId: parsedText(parseTarget).register(z.globalRegistry, {
    description: `Azure resource id of the gateway, as the portal shows it: ${resourceIdForms}. Upper and lower case do not matter. The id of a factory or workspace alone is not enough: npm run gateways -- discover writes the ids of what is in it.`,
  }),
  name: described(
    z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/))),
    "Its name in logs, requests and errors. Default: the gateway's own name. Unique among enabled gateways.",
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
    "false leaves this gateway out: its name and secret are free for another. Default: true.",
  ),
});

/** An entry of the document that is valid by itself. */
export type GatewayEntry = z.infer<typeof gatewaySchema>;

export const defaultsSchema = described(
  z.strictObject({
    vaultUrl: described(
      z.optional(vaultUrl),
      "The vault of every gateway that names none. Default: the app setting KEY_VAULT_URL.",
    ),
    ...termsShape,
  }),
  "The values of every gateway that does not set its own.",
);

export type GatewayDefaults = z.infer<typeof defaultsSchema>;

export const documentSchema = z
  .strictObject({
    $schema: described(z.optional(z.string()), "The path of this schema, for editors."),
    defaults: z.optional(defaultsSchema),
    gateways: described(z.array(gatewaySchema).check(z.minLength(1)), "The gateways whose keys are rotated."),
  })
  .register(z.globalRegistry, {
    title: "Gateways",
    description: "The gateways whose keys are rotated, and where each key is kept.",
  });

/** The document without its parts, which are read one by one. */
export const frameSchema = z.extend(documentSchema, {
  defaults: z.optional(z.unknown()),
  gateways: z.array(z.unknown()).check(z.minLength(1)),
});
