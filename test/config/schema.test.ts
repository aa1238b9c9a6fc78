import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { renderGatewaysSchema } from "../../scripts/gatewaysJsonSchema.ts";
import { parseVaultUrl } from "../../src/config/endpoints.ts";
import { readGateways } from "../../src/config/gateways.ts";
import { gatewayKinds, kindNames } from "../../src/domain/gatewayKinds.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";

const schema: object = JSON.parse(renderGatewaysSchema());
const validate = new Ajv({ strict: true, allErrors: true }).compile(schema);

const group = "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers";
const ids = kindNames.map((kind) => {
  const [namespace, parentType, childType] = gatewayKinds[kind].resourceType.split("/");
  return `${group}/${namespace}/${parentType}/contoso/${childType}/warehouse`;
});
const [gatewayId = ""] = ids;

const withId = (resourceId: string) => ({ gateways: [{ resourceId }] });
const withVault = (vaultUrl: string) => ({ defaults: { vaultUrl }, gateways: [{ resourceId: gatewayId }] });

/** The places that the schema finds wrong. */
function faultsOf(document: unknown): readonly string[] {
  validate(document);
  return (validate.errors ?? []).map(({ instancePath }) => instancePath);
}

test("gateways.schema.json → as npm run schema writes it", async () => {
  const stored = await readFile(new URL("../../gateways.schema.json", import.meta.url), "utf8");
  expect(stored).toBe(renderGatewaysSchema());
});

test("gateways.sample.json → without a fault", async () => {
  const sample = await readFile(new URL("../../gateways.sample.json", import.meta.url), "utf8");
  expect(faultsOf(JSON.parse(sample))).toEqual([]);
});

const property = z.object({ description: z.string(), examples: z.array(z.unknown()).min(1) });
const objectSchema = z.object({
  description: z.string().optional(),
  properties: z.record(z.string(), property),
  additionalProperties: z.literal(false),
});

test("every property of an entry and of the defaults → a description and examples, for editors", () => {
  const parts = z.object({
    properties: z.object({ defaults: objectSchema, gateways: z.object({ items: objectSchema }) }),
  });
  const { defaults, gateways } = parts.parse(schema).properties;
  expect(Object.keys(defaults.properties)).toContain("rotateEveryDays");
  for (const [name, { examples }] of Object.entries(gateways.items.properties)) {
    for (const example of examples) {
      expect(faultsOf({ gateways: [{ resourceId: gatewayId, [name]: example }] })).toEqual([]);
    }
  }
});

describe("resource ids", () => {
  test.each(ids)("%s → accepted, in any casing", (id) => {
    for (const each of [id, id.toUpperCase(), id.toLowerCase()]) expect(faultsOf(withId(each))).toEqual([]);
  });

  test.each(ids)("the factory or workspace of %s alone → refused, here and by the function", (id) => {
    const parent = id.split("/").slice(0, -2).join("/");
    expect(faultsOf(withId(parent))).toEqual(["/gateways/0/resourceId"]);
    const parsed = parseResourceId(parent);
    expect(parsed).toMatchObject({
      kind: "problem",
      remedy: expect.stringContaining("gateways -- discover"),
    });
  });

  test("any change of one place in an id → refused exactly where the function refuses it", () => {
    const change = fc.tuple(
      fc.constantFrom(...ids),
      fc.nat(250),
      fc.nat(3),
      fc.stringMatching(/^[a-zA-Z0-9._()/?# %ü-]{0,3}$/),
    );
    fc.assert(
      fc.property(change, ([id, at, removed, added]) => {
        const from = at % id.length;
        const changed = id.slice(0, from) + added + id.slice(from + removed);
        const isAccepted = parseResourceId(changed).kind === "target";
        expect([changed, faultsOf(withId(changed)).length === 0]).toEqual([changed, isAccepted]);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([1, 2, 3, 50, 51, 63, 64, 90, 91])("names of %i characters → as the function", (length) => {
    const name = "a".repeat(length);
    for (const id of ids.flatMap((each) =>
      ["/adf/", "/contoso/", "/warehouse"].map((part) => each.replace(part, part.replace(/\w+/, name))),
    )) {
      expect([id, faultsOf(withId(id)).length === 0]).toEqual([id, parseResourceId(id).kind === "target"]);
    }
  });
});

test.each([
  "https://contoso-keys.vault.azure.net",
  "https://Contoso-Keys.Vault.azure.net/",
  "https://contoso.vault.azure.cn",
  "https://abc.vault.usgovcloudapi.net:443",
  "https://127.0.0.1:20443",
  "https://localhost",
  "https://[::1]:8443/",
  "https://ab.vault.azure.net",
  "https://a--b.vault.azure.net",
  "https://contoso.vault.azure.net:8443",
  "https://contoso.vault.azure.net/secrets/x",
  "https://contoso.managedhsm.azure.net",
  "https://contoso.vault.azure.net.evil.example",
  "http://contoso.vault.azure.net",
  "contoso",
  "",
])("the vault URL %j → refused or accepted as by the function", (url) => {
  expect(faultsOf(withVault(url)).length === 0).toBe(parseVaultUrl(url).kind === "value");
});

test("names, secrets, numbers and unknown properties → refused as by the function, at the same places", () => {
  const settings = {
    keyVaultUrl: "https://contoso.vault.azure.net",
    sampleAllowed: true,
  } as const;
  const entry = fc.record(
    {
      resourceId: fc.constantFrom(gatewayId, "x", 1),
      name: fc.constantFrom("warehouse", "-a", "a b", "", "a".repeat(64)),
      secretName: fc.constantFrom("adf-key", "adf_key", "", "a".repeat(128)),
      rotateEveryDays: fc.constantFrom(1, 30, 0, 3651, 1.5, "30"),
      expireAfterDays: fc.constantFrom(3650, 0, null),
      window: fc.record(
        {
          days: fc.constantFrom(["Tue"], [], ["Tuesday"], "Tue"),
          from: fc.constantFrom("09:00", "9:00", 9),
          to: fc.constantFrom("15:00", "24:00"),
          timeZone: fc.constantFrom("Europe/Berlin", 1),
          zone: fc.constant("UTC"),
        },
        { requiredKeys: [] },
      ),
      enabled: fc.constantFrom(true, "true"),
      enabld: fc.constant(true),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(entry, (each) => {
      const document = { gateways: [each] };
      const { problems } = readGateways(JSON.stringify(document), "gateways.json", settings);
      const isWrong = problems.some(({ path }) => path.startsWith("gateways[0]"));
      expect([document, faultsOf(document).length > 0]).toEqual([document, isWrong]);
    }),
    { numRuns: 500 },
  );
});
