import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { fingerprint, redact, reveal, sameKey } from "../../src/domain/redacted.ts";

const secret = "ADF#canary-in-the-key";

describe("a redacted key", () => {
  test("printed in any way → the output does not contain its value", () => {
    const key = redact(secret);
    const wrapped = Object.assign(new Error(`broken: ${key}`, { cause: key }), { key });
    const prints = [
      String(key),
      `${key}`,
      JSON.stringify({ key }),
      inspect(key),
      inspect({ key }, { depth: null, showHidden: true, getters: true }),
      inspect(wrapped, { depth: null, showHidden: true }),
      JSON.stringify(wrapped),
      JSON.stringify(Object.getOwnPropertyDescriptors(key)),
      JSON.stringify(structuredClone({ ...key })),
    ];
    for (const print of prints) expect(print).not.toContain("canary");
    expect(inspect(key)).toBe("<redacted>");
  });

  test("revealed → the value", () => {
    expect(reveal(redact(secret))).toBe(secret);
  });

  test("an object that only looks like one → a TypeError, not undefined", () => {
    const forged = Object.create(Object.getPrototypeOf(redact(secret)));
    expect(() => reveal(forged)).toThrow(TypeError);
  });

  test("two of them → the same key only if the values are the same", () => {
    expect(sameKey(redact(secret), redact(secret))).toBe(true);
    expect(sameKey(redact(secret), redact(`${secret} `))).toBe(false);
  });

  test("its fingerprint → the first 12 hex digits of its SHA-256", () => {
    // printf '%s' abc | sha256sum
    expect(fingerprint(redact("abc"))).toBe("ba7816bf8f01");
  });
});
