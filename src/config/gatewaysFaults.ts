import * as z from "zod/mini";
import { resourceIdForms } from "../domain/resourceId.ts";
import { weekdays } from "../domain/rotationWindow.ts";
import { shown } from "./configurationProblem.ts";
import { defaultsSchema, frameSchema, gatewaySchema, windowSchema } from "./gatewaysSchema.ts";

export interface DocumentFault {
  readonly path: readonly PropertyKey[];
  readonly value: string;
  readonly rule: string;
  readonly remedy: string;
}

/** Either the value of a part of the document, or all its faults. */
export type PartResult<T> =
  | { readonly kind: "valid"; readonly value: T }
  | { readonly kind: "faulty"; readonly faults: readonly DocumentFault[] };

interface Part<Shape extends z.core.$ZodShape> {
  readonly schema: z.ZodMiniObject<Shape>;
  /** For a value that is no object. */
  readonly words: Words;
}

/** Checks one part of the document, which is at `path`, by itself. */
export function readPart<Shape extends z.core.$ZodShape>(
  { schema, words }: Part<Shape>,
  value: unknown,
  path: readonly PropertyKey[],
): PartResult<z.output<z.ZodMiniObject<Shape>>> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return { kind: "valid", value: parsed.data };
  const faults = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownProperty(key, issue, schema))
      : [explain(issue, words)],
  );
  return { kind: "faulty", faults: faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] })) };
}

const foundByParser = z.object({ value: z.optional(z.string()), rule: z.string(), remedy: z.string() });

function explain(issue: z.core.$ZodIssue, ofObject: Words): DocumentFault {
  const { path, input } = issue;
  const found = issue.code === "custom" ? foundByParser.safeParse(issue.params).data : undefined;
  if (found !== undefined) return { ...found, path, value: shown(found.value ?? input) };
  const [parent, last] = path.slice(-2);
  const property = typeof last === "number" ? rules[`${String(parent)}[]`] : rules[String(last ?? parent)];
  return { path, value: shown(input), ...(property ?? ofObject) };
}

/** Proposes the property that is meant, unless another key of this part means the same. */
function unknownProperty<Shape extends z.core.$ZodShape>(
  key: string,
  { path, input }: z.core.$ZodIssue,
  schema: z.ZodMiniObject<Shape>,
): DocumentFault {
  const known = Object.keys(path.length === 0 ? schema.shape : windowSchema.shape);
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  const meant = known.find((name) => plain(name) === plain(key));
  const alike = Object.keys(Object(input)).filter((name) => plain(name) === plain(key));
  return {
    path: [...path, key],
    value: "(no such property)",
    rule: `known properties are ${known.join(", ")}`,
    remedy: meant !== undefined && alike.length === 1 ? `write "${meant}"` : "remove it, or correct its name",
  };
}

type Words = Pick<DocumentFault, "rule" | "remedy">;

const timeRule = "a time of day from 00:00 to 23:59: two digits, a colon, two digits";
const daysRule = "a whole number of days from 1 to 3650";

/** By the property that breaks its rule. */
const rules: Readonly<Record<string, Words>> = {
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
    rule: "an object with days, from, to and timeZone, all optional",
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

export const documentPart = {
  schema: frameSchema,
  words: { rule: 'an object with "gateways" and perhaps "defaults"', remedy: 'write { "gateways": [ … ] }' },
};

export const defaultsPart = {
  schema: defaultsSchema,
  words: {
    rule: "an object with vaultUrl, expireAfterDays, rotateEveryDays, verifyEveryDays and window, all optional",
    remedy: "write { … }, or leave it out",
  },
};

export const gatewayPart = {
  schema: gatewaySchema,
  words: { rule: "an object", remedy: 'write { "resourceId": "…" }' },
};
