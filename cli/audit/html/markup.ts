import { htmlEscape } from "escape-goat";
import { utc, visible } from "../../words.ts";

/** Markup in which every value is escaped. Only {@link html} makes it, and {@link style} for the style sheet. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | readonly Html[];

/** Markup with values in it. It escapes text, and takes other markup as it is. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  markup: String.raw({ raw: strings }, ...parts.map(markupOf)),
});

function markupOf(part: Part): string {
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return htmlEscape(visible(part));
  return "markup" in part ? part.markup : part.map(({ markup }) => markup).join("");
}

export const nothing = html``;

export const style = (css: string): Html => ({ markup: `<style>${css}</style>` });

/** A moment to the minute. */
export const timeOf = (date: Date): Html => html`<time datetime="${date.toISOString()}">${utc(date)}</time>`;
