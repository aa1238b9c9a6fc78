import type { Gateway } from "../domain/target.ts";
import type { DocumentSettings } from "./appSettings.ts";
import { type ConfigurationProblem, formatPath, looksSecret, shown } from "./configurationProblem.ts";
import { documentFaults } from "./gatewaysFaults.ts";
import { relationFaults } from "./gatewaysRelations.ts";
import { readLegibly } from "./gatewaysSchema.ts";
import { type DuplicateKey, type JsonFault, parseJson } from "./json.ts";
import { resolveDocument, toGateway } from "./resolve.ts";

export type GatewaysResult =
  | { readonly kind: "valid"; readonly gateways: readonly Gateway[] }
  /** Without problems of its own where the app setting KEY_VAULT_URL alone is at fault. */
  | { readonly kind: "invalid"; readonly problems: readonly ConfigurationProblem[] };

/**
 * Reads the document of gateways.json (or of the app setting GATEWAYS; `source` says which) and gives all its
 * problems at once. An entry that is not enabled is checked for itself and left out of the result: its name, secret and
 * target are free for another.
 */
export function readGateways(
  text: string,
  source: string,
  { keyVaultUrl, sampleAllowed }: Omit<DocumentSettings, "gatewaysJson">,
): GatewaysResult {
  const body = text.replace(/^\uFEFF/, "");
  const marks = body === text ? [] : [byteOrderMark(source)];
  const json = parseJson(body, { comments: "accept" });
  if (json.kind === "fault")
    return { kind: "invalid", problems: [...marks, syntaxProblem(source, body, json)] };
  const faults = documentFaults(json.value);
  const document = resolveDocument(readLegibly(json.value), faults, keyVaultUrl);
  const found = [...faults, ...relationFaults(document, sampleAllowed)];
  const problems = [
    ...marks,
    ...json.duplicates.map((duplicate) => duplicateProblem(source, duplicate)),
    ...found.map((fault) => ({ ...fault, source, path: formatPath(fault.path) || "(the whole document)" })),
  ];
  const gateways = document.gateways.filter(({ enabled }) => enabled !== false).map(toGateway);
  return problems.length === 0 && gateways.every((gateway) => gateway !== undefined)
    ? { kind: "valid", gateways }
    : { kind: "invalid", problems };
}

function byteOrderMark(source: string): ConfigurationProblem {
  return {
    source,
    path: "line 1, column 1",
    value: "(a byte order mark, U+FEFF)",
    rule: "JSON is UTF-8 without a byte order mark",
    remedy: 'save it as "UTF-8", not as "UTF-8 with BOM"',
  };
}

function syntaxProblem(
  source: string,
  text: string,
  { place, offset, remedy }: JsonFault,
): ConfigurationProblem {
  return {
    source,
    path: `line ${place.line}, column ${place.column}`,
    value: excerpt(text, offset),
    rule: "the document is JSON",
    remedy,
  };
}

const excerptLength = 20;

function excerpt(text: string, offset: number): string {
  if (offset >= text.length) return "(the end of the text)";
  return looksSecret(text) ? shown(text) : shown(text.slice(offset, offset + excerptLength));
}

function duplicateProblem(source: string, { path, first, second }: DuplicateKey): ConfigurationProblem {
  return {
    source,
    path,
    value: `(at line ${first.line}, column ${first.column} and at line ${second.line}, column ${second.column})`,
    rule: "a property is given once: of two, JSON would silently take the last",
    remedy: "remove one of the two",
  };
}
