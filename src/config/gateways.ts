import type { Gateway } from "../domain/target.ts";
import type { DocumentSettings } from "./appSettings.ts";
import { type ConfigurationProblem, formatPath, looksSecret, shown } from "./configurationProblem.ts";
import { type DocumentFault, defaultsPart, documentPart, gatewayPart, readPart } from "./gatewaysFaults.ts";
import { relationFaults } from "./gatewaysRelations.ts";
import { type DuplicateKey, type JsonFault, parseJson } from "./json.ts";
import { resolveGateway, toGateway } from "./resolveGateway.ts";

export type GatewaysResult =
  /** The enabled ones; at least one. */
  | { readonly kind: "valid"; readonly gateways: readonly Gateway[] }
  | {
      readonly kind: "invalid";
      /** Empty if only the app setting KEY_VAULT_URL is at fault. */
      readonly problems: readonly ConfigurationProblem[];
      /** The enabled gateways that have no problem of their own. */
      readonly readable: readonly Gateway[];
    };

export type GatewaysSettings = Pick<DocumentSettings, "keyVaultUrl" | "sampleAllowed">;

/**
 * Reads the document of gateways.json and returns all its problems at once. First each entry is checked by itself; then
 * the entries that have no problem are checked against each other. An entry that is not enabled is left out of the
 * result, and its name, secret and resource id are free for another.
 *
 * @param source of the text, for the problems: `gateways.json` or `GATEWAYS`
 */
export function readGateways(text: string, source: string, settings: GatewaysSettings): GatewaysResult {
  const body = text.replace(/^\uFEFF/, "");
  const marks = body === text ? [] : [byteOrderMark(source)];
  const json = parseJson(body, "accept");
  if (json.kind === "fault") {
    return { kind: "invalid", problems: [...marks, syntaxProblem(source, body, json)], readable: [] };
  }
  const { faults, gateways } = readDocument(json.value, settings);
  const problems = [
    ...marks,
    ...json.duplicates.map((duplicate) => duplicateProblem(source, duplicate)),
    ...faults.map((fault) => ({ ...fault, source, path: formatPath(fault.path) || "(the whole document)" })),
  ];
  const readable = gateways.filter((gateway) => gateway !== undefined);
  return problems.length === 0 && readable.length === gateways.length
    ? { kind: "valid", gateways: readable }
    : { kind: "invalid", problems, readable };
}

interface DocumentReading {
  readonly faults: readonly DocumentFault[];
  /** One for each enabled entry without faults; undefined while its vault is not known. */
  readonly gateways: readonly (Gateway | undefined)[];
}

function readDocument(value: unknown, settings: GatewaysSettings): DocumentReading {
  const document = readPart(documentPart, value, []);
  const { defaults: givenDefaults = {}, gateways: givenGateways } = asRecord(value);
  const defaults = readPart(defaultsPart, givenDefaults, ["defaults"]);
  const entries = (Array.isArray(givenGateways) ? givenGateways : []).map((entry, index) =>
    readPart(gatewayPart, entry, ["gateways", index]),
  );
  const faults = [defaults, ...entries, document].flatMap((part) =>
    part.kind === "faulty" ? part.faults : [],
  );
  const context = { ...settings, defaults: defaults.kind === "valid" ? defaults.value : undefined };
  const gateways = entries.flatMap((entry, index) =>
    entry.kind === "valid" ? [resolveGateway(entry.value, ["gateways", index], context)] : [],
  );
  const enabled = gateways.filter((gateway) => gateway.enabled);
  return {
    faults: [...faults, ...relationFaults({ ...context, gateways, isWhole: faults.length === 0 })],
    // Without the defaults the terms of a gateway are not known.
    gateways: defaults.kind === "valid" ? enabled.map(toGateway) : [],
  };
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

function byteOrderMark(source: string): ConfigurationProblem {
  return {
    source,
    path: "line 1, column 1",
    value: "(a byte order mark, U+FEFF)",
    rule: "JSON is UTF-8 without a byte order mark",
    remedy: 'save it as "UTF-8", not as "UTF-8 with BOM"',
  };
}

function syntaxProblem(source: string, text: string, fault: JsonFault): ConfigurationProblem {
  return {
    source,
    path: `line ${fault.place.line}, column ${fault.place.column}`,
    value: excerpt(text, fault.offset),
    rule: "the document is JSON",
    remedy: fault.remedy,
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
