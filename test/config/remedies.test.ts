import fc from "fast-check";
import { expect, test } from "vitest";
import { readAppSettings, settings } from "../../src/config/appSettings.ts";
import { readGateways } from "../../src/config/gateways.ts";
import { factories } from "./gatewaysDocuments.ts";

const vaultUrl = "https://contoso-keys.vault.azure.net";
const connectionString = "InstrumentationKey=066b1a89-e84f-47a4-a784-a753b2e06623";

/** What an operator writes for a remedy that describes a value instead of proposing one. */
const described: readonly (readonly [RegExp, string])[] = [
  [/name a day|write the (second|minute|hour|day|month)/, "0 0 3 * * *"],
  [/^write hours, minutes and seconds/, "00:30:00"],
  [/first three letters, such as "Tue"/, "Tue"],
  [/Client ID/, "066b1a89-e84f-47a4-a784-a753b2e06623"],
  [/Value of an app role/, "Rotation.Operator"],
  [/Vault URI/, vaultUrl],
  [/https:\/\/ and the host's name/, "https://management.azure.com"],
  [/only the account's name/, "contosokeys"],
  [/Connection String of the Application Insights/, connectionString],
  [/Authorization=AAD/, "Authorization=AAD"],
  [/^copy it again, whole/, "UseDevelopmentStorage=true"],
];

/** The value that a remedy asks for. */
function valueFor(remedy: string): string {
  const proposed = /(?:write|for example|in front:|functionTimeout to) "([^"…]+)"/.exec(remedy)?.[1];
  const largest = /^write digits only, from \d+ to (\d+)$/.exec(remedy)?.[1];
  const value = proposed ?? largest ?? described.find(([words]) => words.test(remedy))?.[1];
  if (value === undefined) throw new Error(`The test does not know this remedy: ${remedy}`);
  return value;
}

const defaults = Object.values(settings).flatMap((setting) =>
  "default" in setting ? [setting.default] : [],
);
const someText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.webUrl(),
  fc.constantFrom(...defaults, "0 3 * * *", "*/5 * * * * *", "00:00:10", "120", "7200", vaultUrl),
  fc.constantFrom(connectionString, `${connectionString};;x`, "http://contoso.vault.azure.net/x"),
  fc.constantFrom(
    "0 */90 * * * *",
    "0 0 22-2 * * *",
    "* */90 * * * *",
    "0 0 3\u00a0* * *",
    "W. Europe Standard Time",
  ),
  fc.constantFrom("kv-a", `${factories.replace("DataFactory", "KeyVault")}/vaults/kv-a`, "rota\u200btion"),
);

test("any value of an app setting → accepted, or accepted once its remedy is followed", () => {
  for (const setting of Object.values(settings)) {
    fc.assert(
      fc.property(someText, (value) => {
        const parsed = setting.parse(value.trim());
        if (parsed.kind === "problem") expect(setting.parse(valueFor(parsed.remedy)).kind).toBe("value");
      }),
      { numRuns: 200 },
    );
  }
});

test("app settings at random → valid once the remedies of three rounds are followed", () => {
  const names = Object.values(settings).map(({ name }) => name);
  const reference = fc.constant("@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/a)");
  const value = fc.oneof({ weight: 9, arbitrary: someText }, reference);
  const any = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
  fc.assert(
    fc.property(any, (given) => {
      const env: Record<string, string | undefined> = { ...given };
      for (let round = 0; round < 3; round += 1) {
        for (const { path, remedy } of readAppSettings(env, {}).problems) {
          if (remedy.endsWith("Storage Blob Data Owner on it"))
            env[settings.storageAccountName.name] = "contosokeys";
          // The platform then puts a value of the operator's in the place of the reference.
          else if (remedy.startsWith("give the app's identity a role")) delete env[path];
          else env[/^set (\w+) to "/.exec(remedy)?.[1] ?? path] = valueFor(remedy);
        }
      }
      expect(readAppSettings(env, {})).toMatchObject({ problems: [], settings: {} });
    }),
    { numRuns: 300 },
  );
});

const days = fc.constantFrom(1, 7, 8, 30, 3643, 3650, 0, 3651, 1.5, "90", null);
const times = fc.constantFrom("09:00", "24:00", "9:00", "00:00", "", 9);
const window = fc.oneof(
  fc.record(
    {
      days: fc.constantFrom(["Tue", "Wed"], ["tuesday"], [], "Tue"),
      from: times,
      to: times,
      timeZone: fc.constantFrom("Europe/Berlin", "W. Europe Standard Time", "Berlin", "", 1),
      time_zone: fc.constant("UTC"),
      until: fc.constant("15:00"),
    },
    { requiredKeys: [] },
  ),
  fc.constantFrom("Tue", null, []),
);
const terms = { expireAfterDays: days, rotateEveryDays: days, verifyEveryDays: days, window };
const vaults = fc.constantFrom(
  vaultUrl,
  "contoso",
  `${vaultUrl}\u200b`,
  `${factories.replace("DataFactory", "KeyVault")}/vaults/kv-a`,
  "http://contoso.vault.azure.net",
  "https://a.b/",
  5,
);
const ids = fc.constantFrom(
  `${factories}/factories/sales/integrationRuntimes/one`,
  `${factories}/factories/sales/integrationRuntimes/ONE`,
  `${factories}/factories/stock/integrationRuntimes/one`,
  `${factories}/datafactories/test/gateways/two/`,
  `https://portal.azure.com/#@contoso.com/resource${factories}/datafactories/test/gateways/three`,
  `${factories}/factories/sales`,
  `${factories}/factories/sales/gateways/four`,
  `${factories}/factories/sales/integrationRuntimes/a_b`,
  `${factories.replace("DataFactory", "Synapse")}/workspaces/sales/integrationRuntimes/five`,
  `${factories.replace("adf", "größe")}/factories/sales/integrationRuntimes/six`,
  `${factories}/factories/sales/integrationRuntimes/se\u200bven`,
  "one",
  7,
);
const gateway = fc.record(
  {
    resourceId: ids,
    name: fc.constantFrom("one", "ONE", "Two", "", "*", 7, "Th\u200bree"),
    secretName: fc.constantFrom("key", "KEY", "a_b", null, "key\u00a0"),
    vaultUrl: vaults,
    ...terms,
    enabled: fc.constantFrom(true, false, "false"),
    secret_name: fc.constant("key"),
    secretname: fc.constant("key"),
    colour: fc.constant("blue"),
  },
  { requiredKeys: [] },
);
const draft: fc.Arbitrary<object> = fc.record(
  {
    defaults: fc.oneof(
      fc.record({ vaultUrl: vaults, ...terms }, { requiredKeys: [] }),
      fc.constantFrom([], null),
    ),
    gateways: fc.oneof(
      fc.array(fc.oneof({ weight: 9, arbitrary: gateway }, fc.constant("one")), { maxLength: 4 }),
      fc.constant({}),
    ),
    $schema: fc.constantFrom("./gateways.schema.json", 1),
    Defaults: fc.constant({}),
  },
  { requiredKeys: [] },
);

let made = 0;
const fresh = (): string => {
  made += 1;
  return `fresh-${made}`;
};
const freshId = () => `${factories}/factories/fresh/integrationRuntimes/${fresh()}`;

/** Where the value of a problem is. */
interface Spot {
  readonly document: object;
  readonly parent: object;
  readonly key: string;
  readonly remedy: string;
  /** The remedy's match and its groups. */
  readonly found: readonly string[];
}
const set = ({ parent, key }: Spot, value: unknown) => Reflect.set(parent, key, value);
const remove = ({ parent, key }: Spot) => Reflect.deleteProperty(parent, key);

/** What an operator does about each remedy; the first that fits. */
const actions: readonly (readonly [RegExp, (spot: Spot) => unknown])[] = [
  [/leave it out|^remove it, or/, remove],
  [
    /^write "rotateEveryDays": (\d+) and "expireAfterDays": (\d+) or more$/,
    ({ parent, found }) =>
      Object.assign(parent, { rotateEveryDays: Number(found[1]), expireAfterDays: Number(found[2]) }),
  ],
  [/without quotes, such as 90$/, (spot) => set(spot, 90)],
  [/^give one of the two another/, (spot) => set(spot, fresh())],
  [/^write \{ "resourceId"/, (spot) => set(spot, { resourceId: freshId() })],
  [/^write \[ \{ "resourceId"/, (spot) => set(spot, [{ resourceId: freshId() }])],
  [
    /^set KEY_VAULT_URL, or defaults.vaultUrl/,
    ({ document }) => {
      const present: unknown = Reflect.get(document, "defaults");
      Reflect.set(document, "defaults", { ...Object(present), vaultUrl });
    },
  ],
  [/^enable one/, ({ parent }) => Reflect.deleteProperty(Reflect.get(parent, "gateways")[0], "enabled")],
  [
    /^append "(.+)" and the name/,
    (spot) => set(spot, `${Reflect.get(spot.parent, spot.key)}${spot.found[1]}x`),
  ],
  [
    /portal: |Resource ID|name as the portal|remove (this|one of the two) entr|"datafactories\/…/,
    (spot) => set(spot, freshId()),
  ],
  [/./, (spot) => set(spot, valueFor(spot.remedy))],
];
test("a document at random → valid once the remedies of four rounds are followed", () => {
  const read = (document: object) =>
    readGateways(JSON.stringify(document), "gateways.json", {
      keyVaultUrl: undefined,
      sampleAllowed: false,
    });
  fc.assert(
    fc.property(draft, (given) => {
      const document: object = structuredClone(given);
      for (let round = 0; round < 4; round += 1) {
        for (const { path, remedy } of read(document).problems) {
          const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
          const parent: object = keys.slice(0, -1).reduce((value, key) => Reflect.get(value, key), document);
          const action = actions.find(([words]) => words.test(remedy));
          const found = action?.[0].exec(remedy) ?? [];
          action?.[1]({ document, parent, key: keys.at(-1) ?? "", found, remedy });
        }
      }
      expect(read(document).problems).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});
