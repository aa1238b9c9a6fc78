import { expect, test } from "vitest";
import { defaultSecretName } from "../../src/config/gateways.ts";

test("legal names → joined by a hyphen", () => {
  expect(defaultSecretName("adf-sales", "warehouse")).toBe("adf-sales-warehouse");
});

test("characters that Key Vault refuses → one hyphen for each run of them, none at the ends", () => {
  expect(defaultSecretName("adf", "my__gate.way_")).toBe("adf-my-gate-way");
});

test("a name of 127 characters → unchanged", () => {
  expect(defaultSecretName("f".repeat(63), "g".repeat(63))).toBe(`${"f".repeat(63)}-${"g".repeat(63)}`);
});

test("long names that differ only at their end → different names of 127 characters", () => {
  const names = ["a", "b"].map((end) => defaultSecretName("f".repeat(63), "g".repeat(200) + end));
  expect(new Set(names).size).toBe(2);
  expect(names.map((name) => name.length)).toEqual([127, 127]);
});

test("any text → a legal name", () => {
  for (let length = 0; length < 300; length += 1) {
    const text = Array.from({ length }, (_, index) =>
      String.fromCharCode((index * 31 + length * 17) % 700),
    ).join("");
    expect(defaultSecretName(text, text)).toMatch(/^[0-9A-Za-z-]{1,127}$/);
  }
});
