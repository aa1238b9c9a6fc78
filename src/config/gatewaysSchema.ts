import * as z from "zod/mini";
import { parseResourceId, resourceIdForms } from "../domain/resourceId.ts";
import { weekdays } from "../domain/rotationWindow.ts";
import type { Target } from "../domain/target.ts";
import {
  explainIssue,
  objectRule,
  type Parsed,
  parsedText,
  value,
  type Words,
} from "./configurationProblem.ts";
import { parseVaultUrl } from "./endpoints.ts";

function parseTarget(text: string): Parsed<Target> {
  const parsed = parseResourceId(text);
  return parsed.kind === "target" ? value(parsed.target) : parsed;
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

const windowSchema = z
  .strictObject({
    days: z.optional(z.array(z.enum(weekdays)).check(z.minLength(1))),
    from: z.optional(timeOfDay),
    to: z.optional(timeOfDay),
    timeZone: z.optional(z.string().check(z.refine(isTimeZone))),
  })
  .check(({ value, issues }) => {
    const { days, from, to } = value;
    if (days === undefined && from === undefined && to === undefined)
      issues.push({ code: "custom", input: value });
    if (to !== undefined && from === to) issues.push({ code: "custom", path: ["to"], input: to });
  });

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

/** gateways.json. scripts/gatewaysJsonSchema.ts describes its properties for editors. */
export const documentSchema = z.strictObject({
  $schema: z.optional(z.string()),
  defaults: z.optional(defaultsSchema),
  gateways: z.array(gatewaySchema).check(z.minLength(1)),
});

/**
 * Checks the document, its defaults and each entry by themselves.
 *
 * @returns `defaults`: undefined while they are broken; `entries`: those that are valid by themselves
 */
export function readDocument(value: unknown) {
  const whole = documentSchema.safeParse(value, { reportInput: true });
  const { defaults = {}, gateways = [] } = looseSchema.safeParse(value).data ?? {};
  return {
    faults: (whole.error?.issues ?? []).flatMap((issue) =>
      explainIssue(issue, words, "(the whole document)"),
    ),
    defaults: defaultsSchema.safeParse(defaults).data,
    entries: gateways.flatMap((each, index) => {
      const entry = whole.data?.gateways[index] ?? gatewaySchema.safeParse(each).data;
      return entry === undefined ? [] : [{ path: `gateways[${index}]`, entry }];
    }),
  };
}

const looseSchema = z.object({
  defaults: z.optional(z.unknown()),
  gateways: z.catch(z.array(z.unknown()), []),
});

const timeRule =
  "a time of day from 00:00 to 23:59, as two digits, a colon and two digits; from and to differ";
const daysRule = `a whole number of days from 1 to ${mostDays}`;

/** As {@link explainIssue} takes them. */
const words: Readonly<Record<string, Words>> = {
  "": { rule: objectRule(documentSchema), remedy: 'write { "gateways": [ … ] }' },
  defaults: { rule: objectRule(defaultsSchema), remedy: "write { … }, or leave it out" },
  "gateways[]": { rule: objectRule(gatewaySchema), remedy: 'write { "resourceId": "…" }' },
  $schema: { rule: "text", remedy: 'write "./gateways.schema.json"' },
  gateways: { rule: "a list of at least one gateway", remedy: 'write [ { "resourceId": "…" } ]' },
  resourceId: {
    rule: "every gateway is named by its Azure resource id, in quotes",
    remedy: `copy it from the portal: ${resourceIdForms}`,
  },
  name: {
    rule: "1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit",
    remedy:
      "shorten it and replace other characters by hyphens, or leave it out to use the gateway's own name",
  },
  secretName: {
    rule: "a Key Vault secret's name: 1 to 127 letters, digits and hyphens",
    remedy: "shorten it and replace other characters by hyphens, or leave it out to use {factory}-{gateway}",
  },
  vaultUrl: {
    rule: "the vault's URL, in quotes",
    remedy:
      "write the Vault URI that the portal shows, such as https://contoso-keys.vault.azure.net, in quotes",
  },
  expireAfterDays: {
    rule: daysRule,
    remedy: "write a whole number without quotes, such as 90, or leave it out: then no version expires",
  },
  rotateEveryDays: {
    rule: daysRule,
    remedy: "write a whole number without quotes, such as 30, or leave it out: then every tick rotates",
  },
  verifyEveryDays: {
    rule: daysRule,
    remedy: "write a whole number without quotes, such as 7, or leave it out",
  },
  window: {
    rule: `${objectRule(windowSchema)}; it names days, from or to`,
    remedy: 'write { "days": ["Tue", "Wed"], "from": "09:00", "to": "15:00" }, or leave it out',
  },
  days: {
    rule: `a list of ${weekdays.join(", ")}`,
    remedy: 'write [ "Tue", "Wed" ], or leave it out: then every day',
  },
  "days[]": { rule: `one of ${weekdays.join(", ")}`, remedy: 'write its first three letters, such as "Tue"' },
  from: { rule: timeRule, remedy: 'write a time in quotes, such as "09:00", or leave it out: then midnight' },
  to: { rule: timeRule, remedy: 'write a time in quotes, such as "15:00", or leave it out: then midnight' },
  timeZone: {
    rule: "the IANA name of a time zone",
    remedy: 'write a name such as "Europe/Berlin", or leave it out: then UTC',
  },
  enabled: { rule: "true or false", remedy: "write true or false without quotes, or leave it out" },
};
