import { describe, expect, test } from "vitest";
import { defaultSecretName, readGateways } from "../../src/config/gateways.ts";
import {
  gateway,
  gatewaysOf,
  pathsOf,
  problemsOf,
  runtime,
  surroundings,
  vaultUrl,
  withoutVault,
} from "./gatewaysDocuments.ts";

describe("a document that is right", () => {
  test("only a resource id → the default name, secret and vault", () => {
    expect(gatewaysOf({ gateways: [{ resourceId: gateway }] })).toMatchObject([
      {
        name: "gatewaytest",
        target: { kind: "gatewayV1", name: "gatewaytest" },
        secret: { vaultUrl, secretName: "test-gatewaytest" },
      },
    ]);
  });

  test("values of the entry → before the defaults, and those before KEY_VAULT_URL", () => {
    const defaults = {
      vaultUrl: "https://Default.vault.azure.net/",
      expireAfterDays: 90,
      rotateEveryDays: 30,
      verifyEveryDays: 14,
      window: { days: ["Tue", "Wed"], from: "09:00", to: "15:00", timeZone: "Europe/Berlin" },
    };
    const days = { expireAfterDays: 9, rotateEveryDays: 1, verifyEveryDays: 2, window: { days: ["Sun"] } };
    const own = { vaultUrl: "https://own.vault.azure.net", ...days };
    const gateways = [
      { resourceId: gateway, name: "first", secretName: "Key-1", ...own },
      { resourceId: runtime("lab") },
    ];
    expect(gatewaysOf({ $schema: "./gateways.schema.json", defaults, gateways })).toMatchObject([
      {
        name: "first",
        secret: { vaultUrl: "https://own.vault.azure.net", secretName: "Key-1" },
        ...days,
      },
      {
        name: "lab",
        secret: { vaultUrl: "https://default.vault.azure.net", secretName: "adf-sales-lab" },
        expireAfterDays: 90,
        rotateEveryDays: 30,
        verifyEveryDays: 14,
        window: defaults.window,
      },
    ]);
  });

  test("enabled: false → left out", () => {
    const gateways = [
      { resourceId: gateway, enabled: false },
      { resourceId: runtime("lab"), enabled: true },
    ];
    expect(gatewaysOf({ gateways }).map(({ name }) => name)).toEqual(["lab"]);
  });

  test("the same secret name in two vaults → two secrets", () => {
    const gateways = [
      { resourceId: gateway, secretName: "key" },
      { resourceId: runtime("lab"), secretName: "key", vaultUrl: "https://other.vault.azure.net" },
    ];
    expect(gatewaysOf({ gateways })).toHaveLength(2);
  });

  test("comments → ignored", () => {
    const text = `// ours\n{"gateways": [{"resourceId": "${gateway}" /* version 1 */}]}`;
    expect(readGateways(text, "gateways.json", surroundings)).toMatchObject({ problems: [], gateways: [{}] });
  });
});

describe("a property that breaks its rule", () => {
  test.each([
    ["resourceId", "gatewaytest", '"gatewaytest"'],
    ["resourceId", 5, "5"],
    ["resourceId", undefined, "(not set)"],
    ["name", "", '""'],
    ["name", "*", '"*"'],
    ["name", "a".repeat(64), `"${"a".repeat(64)}"`],
    ["name", null, "null"],
    ["secretName", "a_b", '"a_b"'],
    ["secretName", "", '""'],
    ["secretName", "a".repeat(128), `"${"a".repeat(128)}"`],
    ["vaultUrl", "http://contoso.vault.azure.net", '"http://contoso.vault.azure.net"'],
    ["vaultUrl", {}, "(an object)"],
    ["expireAfterDays", 0, "0"],
    ["expireAfterDays", 3651, "3651"],
    ["expireAfterDays", 1.5, "1.5"],
    ["expireAfterDays", "90", '"90"'],
    ["rotateEveryDays", 0, "0"],
    ["rotateEveryDays", 3651, "3651"],
    ["rotateEveryDays", 0.5, "0.5"],
    ["verifyEveryDays", 0, "0"],
    ["verifyEveryDays", 3651, "3651"],
    ["enabled", "false", '"false"'],
    ["window", "Tue", '"Tue"'],
    ["window", null, "null"],
    ["window", {}, "(an object)"],
    ["window", { timeZone: "Europe/Berlin" }, "(an object)"],
  ])("%s = %j → one problem with its path and value", (property, value, shown) => {
    const problems = problemsOf({ gateways: [{ resourceId: runtime("lab"), [property]: value }] });
    expect(problems).toEqual([
      {
        source: "gateways.json",
        path: `gateways[0].${property}`,
        value: shown,
        rule: expect.stringMatching(/.{6}/),
        remedy: expect.stringMatching(/.{6}/),
      },
    ]);
  });

  test.each([
    [{ days: "Tue" }, "days", '"Tue"'],
    [{ days: [] }, "days", "(a list of 0)"],
    [{ days: ["Tue", "tuesday"] }, "days[1]", '"tuesday"'],
    [{ from: "9:00" }, "from", '"9:00"'],
    [{ from: "09:00", to: "24:00" }, "to", '"24:00"'],
    [{ to: 15 }, "to", "15"],
    [{ from: "09:00", to: "09:00" }, "to", '"09:00"'],
    [{ from: "09:00", timeZone: "W. Europe Standard Time" }, "timeZone", '"W. Europe Standard Time"'],
    [{ from: "09:00", time_zone: "UTC" }, "time_zone", "(no such property)"],
  ])("the window %j → one problem with its path and value", (window, property, shown) => {
    const expected = { rule: expect.stringMatching(/.{6}/), remedy: expect.stringMatching(/.{6}/) };
    for (const [place, document] of [
      ["gateways[0]", { gateways: [{ resourceId: runtime("lab"), window }] }],
      ["defaults", { defaults: { window }, gateways: [{ resourceId: runtime("lab") }] }],
    ] as const) {
      expect(problemsOf(document)).toEqual([
        { source: "gateways.json", path: `${place}.window.${property}`, value: shown, ...expected },
      ]);
    }
  });

  test("a property of a window that does not exist → the properties that do", () => {
    const window = { from: "09:00", "time-zone": "UTC", until: "15:00" };
    expect(problemsOf({ gateways: [{ resourceId: gateway, window }] })).toMatchObject([
      { path: "gateways[0].window.time-zone", remedy: "remove it, or correct its name" },
      { path: "gateways[0].window.until", rule: expect.stringContaining("days, from, to, timeZone") },
    ]);
  });

  test.each([
    ["rotateEveryDays", "every tick rotates"],
    ["expireAfterDays", "no version expires"],
  ])("%s: 0 → the remedy says what leaving it out means", (property, words) => {
    const [problem] = problemsOf({ gateways: [{ resourceId: runtime("lab"), [property]: 0 }] });
    expect(problem?.remedy).toContain(words);
  });

  test.each([
    ["resourceId", runtime("la\u200bb"), '"la\\u200bb"'],
    ["name", "ware\u00adhouse", '"ware\\u00adhouse"'],
    ["secretName", "adf-key\u200b", '"adf-key\\u200b"'],
    ["vaultUrl", `${vaultUrl}\u00a0`, `"${vaultUrl}\\u00a0"`],
  ])("%s = %j → refused, and the invisible character is shown as its code", (property, given, value) => {
    const gateways = [{ resourceId: runtime("lab"), [property]: given }];
    expect(problemsOf({ gateways })).toMatchObject([{ path: `gateways[0].${property}`, value }]);
  });

  test("a resource id with a space at its end → the remedy is the same without it", () => {
    const gateways = [{ resourceId: `${runtime("lab")}\u00a0` }];
    expect(problemsOf({ gateways })).toMatchObject([{ remedy: `write "${runtime("lab")}"` }]);
  });

  test.each([
    ["expireAfterDays", 1],
    ["expireAfterDays", 3650],
    ["rotateEveryDays", 1],
    ["rotateEveryDays", 3650],
    ["name", "A.b_c-1"],
    ["name", "a".repeat(63)],
    ["secretName", "a".repeat(127)],
    ["window", { from: "00:00", to: "23:59" }],
    ["window", { from: "22:00", to: "00:00", timeZone: "Asia/Kolkata" }],
  ])("at its limit: %s = %j → accepted", (property, value) => {
    expect(gatewaysOf({ gateways: [{ resourceId: runtime("lab"), [property]: value }] })).toHaveLength(1);
  });

  test("one part of a resource id breaks its rule → the problem shows only that part", () => {
    expect(problemsOf({ gateways: [{ resourceId: runtime("a_b") }] })).toMatchObject([{ value: '"a_b"' }]);
  });

  test("properties of defaults that break their rules → reported there, and not at each gateway", () => {
    const defaults = { vaultUrl: "contoso", expireAfterDays: "90", rotateEveryDays: -1 };
    const paths = pathsOf(
      { defaults, gateways: [{ resourceId: gateway }, { resourceId: runtime("lab") }] },
      withoutVault,
    );
    expect(paths).toEqual(["defaults.vaultUrl", "defaults.expireAfterDays", "defaults.rotateEveryDays"]);
  });

  test("a property that does not exist → the properties that do", () => {
    const entry = { resourceId: gateway, secret_name: "a", colour: "blue" };
    expect(problemsOf({ gateways: [entry], default: {} })).toMatchObject([
      { path: "gateways[0].secret_name", remedy: "remove it, or correct its name" },
      { path: "gateways[0].colour", rule: expect.stringContaining("resourceId, name, secretName") },
      { path: "default", rule: expect.stringContaining("$schema, defaults, gateways") },
    ]);
  });

  test("a key in the wrong place → not shown", () => {
    const key = "IR@066b1a89-e84f-47a4-a784-a753b2e06623@canary=";
    const entry = {
      resourceId: key,
      name: key,
      secretName: key,
      vaultUrl: key,
      enabled: key,
      [key]: key,
      colour: key,
    };
    const problems = problemsOf({ gateways: [entry, key], defaults: key });
    expect(problems).toHaveLength(9);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });
});

describe("a document of the wrong shape", () => {
  test.each([
    [[], "(the whole document)"],
    ["null", "(the whole document)"],
    [{}, "gateways"],
    [{ gateways: [] }, "gateways"],
    [{ gateways: {} }, "gateways"],
    [{ gateways: ["a"] }, "gateways[0]"],
    [{ gateways: [{ resourceId: gateway }], defaults: [] }, "defaults"],
    [{ gateways: [{ resourceId: gateway }], $schema: 1 }, "$schema"],
  ])("%j → one problem at %s", (document, path) => {
    expect(pathsOf(document, surroundings)).toEqual([path]);
  });

  test("every entry disabled → refused, since nothing would be rotated", () => {
    expect(problemsOf({ gateways: [{ resourceId: gateway, enabled: false }] })).toMatchObject([
      { path: "gateways", value: "(1, none of them enabled)" },
    ]);
  });

  test("invalid JSON → line and column, and the text there", () => {
    expect(problemsOf('{\n  "gateways": [],\n}')).toMatchObject([
      { path: "line 3, column 1", value: '"}"', remedy: expect.stringContaining("remove the comma") },
    ]);
  });

  test("text with a secret in it instead of JSON → not shown", () => {
    expect(problemsOf("AccountName=canary;AccountKey=x")).toMatchObject([
      { path: "line 1, column 1", value: "(not shown: it looks like a secret)" },
    ]);
  });

  test("a byte order mark → read as without", () => {
    expect(pathsOf(`\uFEFF{"gateways": [{ "resourceId": "${gateway}" }]}`)).toEqual([]);
    expect(problemsOf("\uFEFF{,}")).toMatchObject([{ path: "line 1, column 2", value: '",}"' }]);
  });

  test("a property that is given twice → both places, together with everything else", () => {
    const text = `{"gateways": [{"resourceId": "${gateway}",\n "name": "a",\n "name": "*"}]}`;
    expect(problemsOf(text)).toMatchObject([
      { path: "gateways[0].name", value: "(at line 2, column 2 and at line 3, column 2)" },
      { path: "gateways[0].name", value: '"*"' },
    ]);
  });
});

test("no vault anywhere → a problem for each gateway that has none of its own", () => {
  const gateways = [{ resourceId: gateway }, { resourceId: runtime("lab"), vaultUrl }];
  expect(pathsOf({ gateways }, withoutVault)).toEqual(["gateways[0].vaultUrl"]);
});

describe("the gateways that can be read of a wrong document", () => {
  const readableOf = (document: object) => {
    const { problems, gateways } = readGateways(JSON.stringify(document), "gateways.json", surroundings);
    expect(problems).not.toEqual([]);
    return gateways.map(({ name }) => name);
  };
  const gateways = [
    { resourceId: gateway },
    { resourceId: runtime("lab"), name: "*" },
    { resourceId: runtime("shop"), enabled: false },
  ];

  test("wrong and disabled entries of a wrong document → not among its readable gateways", () => {
    expect(readableOf({ gateways })).toEqual(["gatewaytest"]);
  });

  test("wrong defaults → no readable gateways, since their terms are not known", () => {
    expect(readableOf({ gateways, defaults: { rotateEveryDays: "30" } })).toEqual([]);
  });
});

describe("the default name of a secret", () => {
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
});
