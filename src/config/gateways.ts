import type { Gateway } from "../domain/target.ts";
import { type ConfigurationProblem, looksSecret, shown } from "./configurationProblem.ts";
import { type GatewaysSettings, relateGateways } from "./gatewaysRelations.ts";
import { type DocumentFault, readDocument } from "./gatewaysSchema.ts";
import { type DuplicateKey, type JsonFault, parseJson } from "./json.ts";

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

/**
 * Reads the document of gateways.json and returns all its problems at once. First each entry is checked by itself; then
 * the entries that have no problem are checked against each other.
 *
 * @param source of the text, for the problems: `gateways.json` or `GATEWAYS`
 */
export function readGateways(text: string, source: string, settings: GatewaysSettings): GatewaysResult {
  const body = text.replace(/^\uFEFF/, "");
  const json = parseJson(body, "accept");
  if (json.kind === "fault") {
    return { kind: "invalid", problems: [{ source, ...syntaxFault(body, json) }], readable: [] };
  }
  const document = readDocument(json.value);
  const { gateways, faults } = relateGateways(document, settings);
  const all = [...json.duplicates.map(duplicateFault), ...document.faults, ...faults];
  return all.length === 0 && settings.keyVaultUrl.kind !== "broken"
    ? { kind: "valid", gateways }
    : { kind: "invalid", problems: all.map((fault) => ({ source, ...fault })), readable: gateways };
}

const excerptLength = 20;

function syntaxFault(text: string, { offset, place, remedy }: JsonFault): DocumentFault {
  const excerpt = shown(looksSecret(text) ? text : text.slice(offset, offset + excerptLength));
  return {
    path: place,
    value: offset < text.length ? excerpt : "(the end of the text)",
    rule: "the document is JSON",
    remedy,
  };
}

const duplicateFault = ({ path, first, second }: DuplicateKey): DocumentFault => ({
  path,
  value: `(at ${first} and at ${second})`,
  rule: "a property is given once: of two, JSON would silently take the last",
  remedy: "remove one of the two",
});
