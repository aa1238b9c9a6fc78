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

/** The first 12 hex digits of the key's SHA-256: they distinguish two keys, and do not help to find one. */
export function fingerprint(redacted: Redacted): string {
  return digest(redacted).toString("hex").slice(0, 12);
}
