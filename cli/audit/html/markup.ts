import { htmlEscape } from "escape-goat";
import { visible } from "../words.ts";

/** Markup in which all that is not ours is escaped: only {@link html} makes it, and {@link style} for the style sheet. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | readonly Html[];

/** Markup with values in it: text is escaped, other markup goes in as it is. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  markup: String.raw({ raw: strings }, ...parts.map(textOf)),
});

function textOf(part: Part): string {
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return htmlEscape(visible(part));
  return "markup" in part ? part.markup : part.map(({ markup }) => markup).join("");
}

export const nothing = html``;

export const style = (css: string): Html => ({ markup: `<style>${css}</style>` });
