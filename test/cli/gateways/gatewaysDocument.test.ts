import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkGateways } from "../../../cli/gateways/check.ts";
import { entriesOf, newDocument, withGateways } from "../../../cli/gateways/gatewaysDocument.ts";
import { parseResourceId } from "../../../src/domain/resourceId.ts";
import type { Target } from "../../../src/domain/target.ts";

const providers = "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers";

function runtime(factory: string, name: string): Target {
  const id = `${providers}/Microsoft.DataFactory/factories/${factory}/integrationRuntimes/${name}`;
  const parsed = parseResourceId(id);
  if (parsed.kind === "problem") throw new TypeError(parsed.rule);
  return parsed.target;
}

const first = runtime("sales", "first");

function problemsOf(text: string) {
  const checked = checkGateways(text, "gateways.json");
  return checked.kind === "invalid" ? checked.problems : [];
}

const commented = `{
  // Who owns this file: the data platform team.
  "gateways": [
    { "resourceId": "${first.resourceId}" } // the first, INC-1
    // The next ones are added by hand or by discover.
  ] /* the end */
}
`;

describe("entries that are added", () => {
  test("a file with comments → all stay, each beside the entry that it is about", () => {
    const text = withGateways(commented, [runtime("sales", "second"), runtime("sales", "third")]);
    expect(text).toBe(`{
  // Who owns this file: the data platform team.
  "gateways": [
    { "resourceId": "${first.resourceId}" }, // the first, INC-1
    {
      "resourceId": "${runtime("sales", "second").resourceId}"
    },
    {
      "resourceId": "${runtime("sales", "third").resourceId}"
    }
    // The next ones are added by hand or by discover.
  ] /* the end */
}
`);
    expect(problemsOf(text)).toEqual([]);
  });

  test.each([
    ["a list on one line", (text: string) => JSON.stringify(JSON.parse(text))],
    ["Windows line ends", (text: string) => text.replaceAll("\n", "\r\n")],
    ["tabs", (text: string) => text.replaceAll("  ", "\t")],
    ["a block comment", (text: string) => text.replace("\n  ]", " /* last */ ]")],
  ])("%s → the added entry is read, and the style is kept", (_, styled) => {
    const before = styled(newDocument([first], undefined));
    const text = withGateways(before, [runtime("sales", "second")]);
    expect(problemsOf(text)).toEqual([]);
    expect(entriesOf(text).map(({ name }) => name)).toEqual(["first", "second"]);
    expect(/[^\r]\n/.test(text)).toBe(!before.includes("\r\n"));
  });

  test("two gateways of the same name → the second is named after its factory too", () => {
    const text = withGateways(newDocument([first], undefined), [runtime("stock", "FIRST")]);
    expect(entriesOf(text).map(({ name }) => name)).toEqual(["first", "stock-FIRST"]);
  });

  test("two gateways with the same default secret → the second gets a secret of its own", () => {
    const text = newDocument(
      [runtime("a-b1", "c-d1"), runtime("a-b1-c", "d1x"), runtime("a-b1-c", "d-1")],
      undefined,
    );
    expect(problemsOf(text)).toEqual([]);
    const clash = newDocument([runtime("aaa-bbb", "ccc"), runtime("aaa", "bbb-ccc")], undefined);
    expect(entriesOf(clash).map(({ secretName }) => secretName)).toEqual([
      "aaa-bbb-ccc",
      expect.stringMatching(/^aaa-bbb-ccc-[0-9a-f]{8}$/),
    ]);
    expect(problemsOf(clash)).toEqual([]);
  });

  test("any gateways, added in two goes → a file without problems that has each once", () => {
    const part = fc.stringMatching(/^[ab][AB]{1,2}(?:-[ab1]{1,2}){0,2}$/);
    const long = fc.constantFrom("a".repeat(63), `${"a".repeat(61)}-b`);
    const name = fc
      .oneof({ weight: 5, arbitrary: part }, { weight: 1, arbitrary: long })
      .filter((each) => each.length >= 3);
    const targets = fc.uniqueArray(
      fc.tuple(name, name).map(([factory, own]) => runtime(factory, own)),
      {
        selector: ({ identity }) => identity,
        minLength: 2,
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(targets, fc.nat(29), (all, some) => {
        const begun = newDocument(all.slice(0, 1 + (some % all.length)), undefined);
        const text = withGateways(begun, all.slice(1 + (some % all.length)));
        expect(problemsOf(text)).toEqual([]);
        expect(entriesOf(text).map(({ target }) => target.identity)).toEqual(
          all.map(({ identity }) => identity),
        );
      }),
    );
  });
});

test("a new file → the schema, the vault that is named, a period and an expiry", () => {
  const text = newDocument([first], "https://contoso-keys.vault.azure.net");
  expect(JSON.parse(text)).toMatchObject({
    $schema: "./gateways.schema.json",
    defaults: { vaultUrl: "https://contoso-keys.vault.azure.net", rotateEveryDays: 30, expireAfterDays: 90 },
  });
});
