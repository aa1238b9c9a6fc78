import * as z from "zod/mini";
import { parseResourceId } from "../domain/resourceId.ts";
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

export const windowSchema = z
  .strictObject({
    days: z.optional(z.array(z.enum(weekdays)).check(z.minLength(1))),
    from: z.optional(timeOfDay),
    to: z.optional(timeOfDay),
    timeZone: z.optional(z.string().check(z.refine(isTimeZone))),
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
  );

const termsShape = {
  expireAfterDays: z.optional(days),
  rotateEveryDays: z.optional(days),
  verifyEveryDays: z.optional(days),
  window: z.optional(windowSchema),
};

export const gatewaySchema = z.strictObject({
  resourceId: parsedText(parseTarget),
  name: z.optional(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/))),
  secretName: z.optional(z.string().check(z.regex(/^[0-9A-Za-z-]{1,127}$/))),
  vaultUrl: z.optional(vaultUrl),
  ...termsShape,
  enabled: z.optional(z.boolean()),
});

/** An entry of the document that is valid by itself. */
export type GatewayEntry = z.infer<typeof gatewaySchema>;

export const defaultsSchema = z.strictObject({ vaultUrl: z.optional(vaultUrl), ...termsShape });

export type GatewayDefaults = z.infer<typeof defaultsSchema>;

/** gateways.json. What its properties mean is in scripts/gatewaysJsonSchema.ts, for editors. */
export const documentSchema = z.strictObject({
  $schema: z.optional(z.string()),
  defaults: z.optional(defaultsSchema),
  gateways: z.array(gatewaySchema).check(z.minLength(1)),
});

/** The document without its parts, which are read one by one. */
export const frameSchema = z.extend(documentSchema, {
  defaults: z.optional(z.unknown()),
  gateways: z.array(z.unknown()).check(z.minLength(1)),
});
