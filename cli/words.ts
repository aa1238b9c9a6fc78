const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** `2026-03-04 05:06 UTC` */
export const utc = (date: Date): string => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** `2026-03-04` */
export const utcDay = (date: Date): string => date.toISOString().slice(0, 10);

/** `1 gateway`, `2 gateways`, `2 histories` */
export const count = (number: number, one: string, many?: string): string =>
  `${number.toLocaleString("en")} ${plural(number, one, many)}`;

/** The noun alone: `gateway` for 1, else `gateways`. */
export const plural = (number: number, one: string, many = `${one}s`): string => (number === 1 ? one : many);

/** A length of time in its largest unit, rounded down: `37 days`, `5 hours`, `less than a minute`. */
export function duration(ms: number): string {
  const length = Math.abs(ms);
  if (length >= dayMs) return count(Math.floor(length / dayMs), "day");
  if (length >= hourMs) return count(Math.floor(length / hourMs), "hour");
  if (length >= minuteMs) return count(Math.floor(length / minuteMs), "minute");
  return "less than a minute";
}

/** `12 days ago`, `just now`, `in 3 hours` */
export const relative = (date: Date, now: Date): string =>
  date > now
    ? `in ${duration(date.getTime() - now.getTime())}`
    : now.getTime() - date.getTime() < minuteMs
      ? "just now"
      : `${duration(now.getTime() - date.getTime())} ago`;

/**
 * The time of a finding, as a date and what follows it: `2026-05-30` and `2 days ago`, `since 2026-05-17` and `15 days`,
 * `2026-02-16` and `to 2026-03-18`, or `now`.
 */
export function when({ from, to }: { readonly from: Date; readonly to: Date }, now: Date): readonly string[] {
  if (from >= now) return ["now"];
  if (from >= to) return [utcDay(from), relative(from, now)];
  return [
    utcDay(from),
    to >= now ? `until now, ${duration(now.getTime() - from.getTime())}` : `to ${utcDay(to)}`,
  ];
}

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** `a, b and c` */
export const list = (items: readonly string[]): string =>
  new Intl.ListFormat("en-GB", { type: "conjunction" }).format(items);

/** `a, b and 3 more`: at most so many of the items, and the number of the others. */
export const listSome = (items: readonly string[], most: number): string =>
  list(items.length <= most ? items : [...items.slice(0, most), `${items.length - most} more`]);

const longestQuoted = 60;

/** A tag's value for a sentence. Any writer may have chosen it, so it is cut to 60 characters and made {@link visible}. */
export function quoted(text: string): string {
  const characters = [...text];
  const head = characters.slice(0, longestQuoted).join("");
  return `“${visible(head)}${characters.length > longestQuoted ? "…" : ""}”`;
}

/**
 * The text on one line. Control characters, line ends and characters that change the direction of writing become
 * `\u{…}`, so that they do no harm in a terminal.
 */
export const visible = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
