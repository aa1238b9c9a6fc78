import * as z from "zod/mini";
import { shown } from "./configurationProblem.ts";
import { defaultsSchema, documentSchema, gatewaySchema } from "./gatewaysSchema.ts";

const daysRule = {
  rule: "a whole number of days from 1 to 3650",
  remedy: "write a number without quotes and fraction",
};

const rules: Readonly<Record<string, { readonly rule: string; readonly remedy: string }>> = {
  $schema: { rule: "text", remedy: 'write "./gateways.schema.json"' },
  defaults: {
    rule: "an object with vaultUrl, expireAfterDays and rotateEveryDays, all optional",
    remedy: "write { … }",
  },
  gateways: { rule: "a list of at least one gateway", remedy: 'write [ { "resourceId": "…" } ]' },
  resourceId: {
    rule: "every gateway is named by its Azure resource id, in quotes",
    remedy: "copy it from the portal: /subscriptions/…/gateways/… or /subscriptions/…/integrationRuntimes/…",
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
  vaultUrl: { rule: "the vault's URL, in quotes", remedy: 'write it as "https://{name}.vault.azure.net"' },
  expireAfterDays: daysRule,
  rotateEveryDays: daysRule,
  enabled: { rule: "true or false", remedy: "write true or false without quotes, or leave it out" },
};

const entryRule = { rule: "an object", remedy: 'write { "resourceId": "…" }' };

export interface DocumentFault {
  readonly path: readonly PropertyKey[];
  readonly value: string;
  readonly rule: string;
  readonly remedy: string;
}

const foundByParser = z.object({ value: z.optional(z.string()), rule: z.string(), remedy: z.string() });

/** Everything that the schema finds wrong with a document, in the words of its rules. */
export function documentFaults(document: unknown): readonly DocumentFault[] {
  const parsed = documentSchema.safeParse(document, { reportInput: true });
  return parsed.success ? [] : parsed.error.issues.flatMap(explain);
}

function explain(issue: z.core.$ZodIssue): readonly DocumentFault[] {
  const { path, input } = issue;
  if (issue.code === "unrecognized_keys") {
    const known = knownProperties(path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      value: "(no such property)",
      rule: `known properties are ${known.join(", ")}`,
      remedy: closest(key, known),
    }));
  }
  const found = issue.code === "custom" ? foundByParser.safeParse(issue.params).data : undefined;
  if (found !== undefined)
    return [{ path, value: shown(found.value ?? input), rule: found.rule, remedy: found.remedy }];
  const last = path.at(-1);
  const rule =
    path.length === 0
      ? documentRule
      : typeof last === "number"
        ? entryRule
        : (rules[String(last)] ?? entryRule);
  return [{ path, value: shown(input), ...rule }];
}

const documentRule = {
  rule: 'an object with "gateways" and perhaps "defaults"',
  remedy: 'write { "gateways": [ … ] }',
};

function knownProperties(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(documentSchema.shape);
  return Object.keys(path[0] === "defaults" ? defaultsSchema.shape : gatewaySchema.shape);
}

function closest(key: string, known: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  const meant = known.find((name) => plain(name) === plain(key));
  return meant === undefined ? "remove it, or correct its name" : `write "${meant}"`;
}
