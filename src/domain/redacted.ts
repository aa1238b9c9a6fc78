import { createHash, timingSafeEqual } from "node:crypto";
import { inspect } from "node:util";

declare const redactedBrand: unique symbol;

/**
 * A key that nothing can print: `String`, `JSON.stringify`, `util.inspect`, structured logging and an error's properties
 * all show `<redacted>`. The value is in a `WeakMap` of this module and in no property. Only the write to Key Vault may
 * call {@link reveal} (a test holds this); comparing keys and taking a fingerprint do not need it.
 */
export interface Redacted {
  readonly [redactedBrand]: true;
}

const shown = "<redacted>";
const values = new WeakMap<object, string>();

class RedactedKey {
  declare readonly [redactedBrand]: true;
  toString(): string {
    return shown;
  }
  toJSON(): string {
    return shown;
  }
  [inspect.custom](): string {
    return shown;
  }
}

export function redact(value: string): Redacted {
  const redacted = Object.freeze(new RedactedKey());
  values.set(redacted, value);
  return redacted;
}

export function reveal(redacted: Redacted): string {
  const value = values.get(redacted);
  if (value === undefined) throw new TypeError("reveal: not a value that redact() made");
  return value;
}

const digest = (redacted: Redacted): Buffer => createHash("sha256").update(reveal(redacted)).digest();

export function sameKey(a: Redacted, b: Redacted): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Whether a value holds a key, as it is or wrapped: operators store keys in quotes, in JSON, in base64, and with line breaks
 * and invisible characters.
 */
export function holdsKey(value: Redacted, key: Redacted): boolean {
  const wanted = visible(reveal(key));
  return readings(reveal(value), 3).some((reading) => reading.includes(wanted));
}

const visible = (text: string): string => text.replace(/[\s\p{C}\p{DI}]/gu, "");

/** What a text can be read as: itself, the strings in its JSON, what its base64 encodes; at most `depth` wrappings deep. */
function readings(text: string, depth: number): readonly string[] {
  const bare = visible(text);
  if (depth === 0) return [bare];
  const bytes = Buffer.from(bare, "base64");
  // PowerShell encodes UTF-16.
  const inside = [...stringsInJson(bare), bytes.toString("utf8"), bytes.toString("utf16le")];
  return [bare, ...inside.flatMap((each) => readings(each, depth - 1))];
}

function stringsInJson(text: string): readonly string[] {
  const strings: string[] = [];
  try {
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === "string") strings.push(value);
    });
  } catch {
    // It is not JSON. The error quotes the text, so nothing reads it.
  }
  return strings;
}

/** The first 12 hex digits of the key's SHA-256: they distinguish two keys, and do not help to find one. */
export function fingerprint(redacted: Redacted): string {
  return digest(redacted).toString("hex").slice(0, 12);
}

/** Name and stack of an error, without its message: a message from other code could contain a key. */
export function describeWithoutMessage(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(" ");
}
