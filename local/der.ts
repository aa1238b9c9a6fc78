/**
 * The few words of DER (ITU-T X.690) that a certificate is written in. Each function returns one whole
 * element: tag, length, content.
 */

function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(body.length)]), body]);
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets = bigEndian(length, 0x100);
  return [0x80 | octets.length, ...octets];
}

/** The digits of a number in a base, most significant first. */
function bigEndian(value: number, base: number): readonly number[] {
  const rest = Math.floor(value / base);
  return [...(rest === 0 ? [] : bigEndian(rest, base)), value % base];
}

export function sequence(...content: readonly Uint8Array[]): Buffer {
  return element(0x30, ...content);
}

export function set(...content: readonly Uint8Array[]): Buffer {
  return element(0x31, ...content);
}

/** @param octets the number in two's complement, most significant octet first, as short as possible. */
export function integer(octets: Uint8Array): Buffer {
  return element(0x02, octets);
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.from([value ? 0xff : 0x00]));
}

export function octetString(octets: Uint8Array): Buffer {
  return element(0x04, octets);
}

/** @param unusedBits how many bits at the end of the last octet do not count. */
export function bitString(octets: Uint8Array, unusedBits = 0): Buffer {
  return element(0x03, Buffer.from([unusedBits]), octets);
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text, "utf8"));
}

/** Seconds precision; for years from 1950 to 2049. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+Z$/, "Z");
  return element(0x17, Buffer.from(digits.slice(2).replace(/[-:T]/g, ""), "ascii"));
}

/** @param dotted an object identifier such as `2.5.29.17`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const octets = [first * 40 + second, ...others].flatMap((arc) =>
    bigEndian(arc, 0x80).map((digit, index, digits) => (index < digits.length - 1 ? digit | 0x80 : digit)),
  );
  return element(0x06, Buffer.from(octets));
}

/** `[number]` around whole elements. */
export function explicit(number: number, ...content: readonly Uint8Array[]): Buffer {
  return element(0xa0 | number, ...content);
}

/** `[number] IMPLICIT` in place of a primitive element's own tag. */
export function implicit(number: number, octets: Uint8Array): Buffer {
  return element(0x80 | number, octets);
}
