import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { fingerprint, holdsKey, redact, reveal, sameKey } from "../../src/domain/redacted.ts";

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

  test("two keys with one fingerprint → not the same key", () => {
    const [one, other] = [redact("IR@5463443"), redact("IR@9335983")];
    expect(fingerprint(one)).toBe(fingerprint(other));
    expect(sameKey(one, other)).toBe(false);
  });

  test("its fingerprint → the first 12 hex digits of its SHA-256", () => {
    // printf '%s' abc | sha256sum
    expect(fingerprint(redact("abc"))).toBe("ba7816bf8f01");
  });
});

describe("a value that may hold a key", () => {
  const key = "IR@6ea1b9@adf+sales/eu@ServiceEndpoint=x#Zm9v/+=";
  const base64 = (text: string, encoding: BufferEncoding = "utf8") =>
    Buffer.from(text, encoding).toString("base64");

  test.each<[string, string]>([
    ["as it is", key],
    ["white space around it", `\u00a0${key}\r\n`],
    ["an invisible character behind it", `${key}\u200b`],
    ["a byte order mark before it", `\ufeff${key}`],
    ["a line break within it", `${key.slice(0, 20)}\n${key.slice(20)}`],
    ["double quotes", `"${key}"`],
    ["single quotes", `'${key}'`],
    ["JSON", JSON.stringify({ authKey2: key })],
    ["JSON with escaped characters", `{"key":"${key.replaceAll("/", "\\/").replaceAll("+", "\\u002B")}"}`],
    ["JSON behind an invisible character", `\u200b{"key":"${key.replaceAll("+", "\\u002B")}"}`],
    ["base64", base64(key)],
    ["base64 with line breaks", base64(key).replace(/.{20}/g, "$&\n")],
    ["base64 of UTF-16", base64(key, "utf16le")],
    ["base64 of JSON", base64(JSON.stringify({ key: key }))],
    ["JSON of base64", JSON.stringify({ key: base64(key) })],
    ["base64 of JSON of base64", base64(JSON.stringify({ key: base64(key) }))],
  ])("%s → it holds the key, and no other", (_, value) => {
    expect(holdsKey(redact(value), redact(key))).toBe(true);
    expect(holdsKey(redact(value), redact(key.replace("6ea1b9", "6ea1b0")))).toBe(false);
  });

  test.each(["", "dead", "{", '{"a":1}', "null", key.slice(1), base64(key).slice(4)])(
    "%j → holds no key",
    (value) => {
      expect(holdsKey(redact(value), redact(key))).toBe(false);
    },
  );
});
