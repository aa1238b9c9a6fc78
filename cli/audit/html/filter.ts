import { type AuditReport, type SecretAudit, severities } from "../report.ts";
import type { Severity } from "../rule.ts";
import { plural } from "../words.ts";
import { type Html, html, nothing } from "./markup.ts";

/** Fewer gateways are seen at a glance. */
const fewest = 10;

/** The most severe findings that a gateway has, as a class of its rows: the style's filter reads it. */
export const worst = ({ findings }: SecretAudit): Severity | "clean" =>
  severities.find((severity) => findings.some((finding) => finding.severity === severity)) ?? "clean";

/**
 * Buttons that hide other gateways and their findings, by style alone, on a screen only: a printed report is complete.
 * The parts that stay visible link only to visible parts.
 */
export function filter({ secrets }: AuditReport): Html {
  const number = (...wanted: readonly string[]): number =>
    secrets.filter((secret) => wanted.includes(worst(secret))).length;
  const choices: readonly (readonly [id: string, text: string, number: number])[] = [
    ["show-all", "all", secrets.length],
    ["show-warning", "with problems or warnings", number("problem", "warning")],
    ["show-problem", "with problems", number("problem")],
  ];
  const useful = choices.filter(([, , count], place) => place === 0 || (count > 0 && count < secrets.length));
  if (secrets.length < fewest || useful.length === 1) return nothing;
  return html`<fieldset class="filter"><legend>Show ${plural(secrets.length, "gateway")}</legend>${useful.map(
    ([id, text, count]) =>
      html`<label><input type="radio" name="show" id="${id}"${id === "show-all" ? html` checked` : nothing}>${text} (${count})</label>`,
  )}</fieldset>`;
}
