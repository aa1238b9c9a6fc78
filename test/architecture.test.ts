import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayKinds } from "../src/domain/gatewayKinds.ts";

const root = join(import.meta.dirname, "..");
const files = ["cli", "functions", "page", "src"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name)),
);

interface Import {
  readonly from: string;
  /** The path of one of our files from the root, or a package's name. */
  readonly to: string;
}

/** Every import, including type-only and lazy ones. */
const imports: readonly Import[] = files.flatMap((from) => {
  const source = readFileSync(join(root, from), "utf8");
  const specifiers = source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g);
  return [...specifiers].map(([, specifier = ""]) => ({
    from,
    to: specifier.startsWith(".") ? relative(root, join(root, dirname(from), specifier)) : specifier,
  }));
});

/** The part of the product that a file belongs to: `functions`, `src/app.ts`, `src/azure`, … */
const partOf = (path: string): string =>
  path.startsWith("src/") ? path.split("/").slice(0, 2).join("/") : (path.split("/")[0] ?? "");

/** The other parts that each part may import. Imports point one way. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  cli: ["src/azure", "src/config", "src/domain"],
  functions: ["src/app.ts", "src/http"],
  page: [],
  "src/app.ts": ["src/azure", "src/config", "src/domain", "src/http", "src/runs", "src/rotation"],
  "src/http": ["src/config", "src/domain", "src/journal", "src/rotation", "src/runs"],
  "src/runs": ["src/domain", "src/journal", "src/pacing", "src/rotation"],
  "src/pacing": ["src/domain", "src/rotation"],
  "src/rotation": ["src/domain", "src/journal"],
  "src/journal": ["src/domain"],
  "src/azure": ["src/domain"],
  "src/config": ["src/domain"],
  "src/domain": [],
};

const isOurs = ({ to }: Import): boolean => /^(cli|functions|page|src)\//.test(to);

describe("imports point one way: functions → app → http → runs → pacing → rotation → journal → domain; cli, config, azure → domain", () => {
  test("every file → belongs to a part that has a rule, and imports were found in each part", () => {
    expect(new Set(files.map(partOf))).toEqual(new Set(Object.keys(allowed)));
    expect(imports.filter(isOurs).length).toBeGreaterThan(30);
  });

  test("each import of ours → goes to the same part or one that the rule allows", () => {
    const wrong = imports
      .filter(isOurs)
      .filter(({ from, to }) => partOf(from) !== partOf(to) && !allowed[partOf(from)]?.includes(partOf(to)))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(wrong).toEqual([]);
  });

  test("Azure's SDKs → only src/azure and cli/azure import them; functions import @azure/functions", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        (to.startsWith("@azure/") || to.startsWith("@opentelemetry/")) &&
        !/^(src|cli)\/azure\//.test(from) &&
        !(partOf(from) === "functions" && to === "@azure/functions"),
    );
    expect(wrong).toEqual([]);
  });

  test("the product and its commands → import nothing of local/, test/ or scripts/, except for a demonstration", () => {
    const demo = { from: "cli/audit/auditCommand.ts", to: "local/audit.ts" };
    expect(imports.filter(({ to }) => /^(local|test|scripts)\//.test(to))).toEqual([demo]);
  });
});

describe("the status page", () => {
  const pageFiles = files.filter((file) => partOf(file) === "page");
  const usersOf = (pattern: RegExp) =>
    pageFiles.filter((file) => pattern.test(readFileSync(join(root, file), "utf8")));

  test("its packages → lit-html alone", () => {
    const packages = imports.filter((each) => partOf(each.from) === "page" && !isOurs(each));
    expect(new Set(packages.map(({ to }) => to.split("/")[0]))).toEqual(new Set(["lit-html"]));
  });

  test("requests and storage → in one file each; nothing that outlives the tab is written", () => {
    expect(usersOf(/\bfetch\(/)).toEqual(["page/api.ts"]);
    expect(usersOf(/\bsessionStorage\b/)).toEqual(["page/savedRun.ts"]);
    expect(usersOf(/\b(localStorage|indexedDB|cookie|caches|XMLHttpRequest|WebSocket|sendBeacon)\b/)).toEqual(
      [],
    );
  });
});

describe("a key is wrapped where its answer arrives, and unwrapped in one place", () => {
  const usersOf = (name: string) =>
    files.filter(
      (file) =>
        file !== "src/domain/redacted.ts" &&
        new RegExp(`\\b${name}\\b`).test(readFileSync(join(root, file), "utf8")),
    );

  test("answers that hold keys → only the kinds of gateways and the clients read them", () => {
    const sdks = ["@azure/arm-datafactory", "@azure/keyvault-secrets"];
    const users = new Set(imports.filter(({ to }) => sdks.includes(to)).map(({ from }) => from));
    expect([...users].sort()).toEqual([
      "cli/azure/keyVaultLists.ts",
      "src/azure/gatewayKinds/kindRequests.ts",
      "src/azure/keyVault.ts",
      "src/azure/resourceManager.ts",
    ]);
    const kinds = ["gatewayV1", "kindRequests", "synapseIntegrationRuntime"];
    expect(usersOf("requestJson").sort()).toEqual(kinds.map((name) => `src/azure/gatewayKinds/${name}.ts`));
  });

  test("redact() → only these files wrap a key, and the preflight its own value", () => {
    expect(usersOf("redact").sort()).toEqual([
      "src/azure/gatewayKinds/kindRequests.ts",
      "src/azure/keyVault.ts",
      "src/rotation/preflight.ts",
    ]);
  });

  test("reveal() → only the write to Key Vault unwraps a key", () => {
    expect(usersOf("reveal")).toEqual(["src/azure/keyVault.ts"]);
  });
});

test("names of kinds and of their resource types → only in its row and its requests", () => {
  const rows = Object.entries(gatewayKinds);
  const types = rows.flatMap(([, { resourceType }]) => resourceType.split("/").slice(0, 2));
  const words = new RegExp(
    [...rows.map(([kind]) => kind), ...types.map((type) => `\\b${type}/`)].join("|"),
    "i",
  );
  const users = files.filter((file) => words.test(readFileSync(join(root, file), "utf8")));
  const own = ["src/azure/gatewayKinds/", "src/domain/gatewayKinds.ts"];
  expect(users.filter((file) => !own.some((place) => file.startsWith(place)))).toEqual([]);
  expect(users.length).toBeGreaterThan(rows.length);
});

test("process.env → only where the application is loaded or registered, and for the exporter's one switch", () => {
  const deployed = files.filter((file) => partOf(file) !== "cli");
  const users = deployed.filter((file) => readFileSync(join(root, file), "utf8").includes("process.env"));
  expect(users).toEqual([
    "functions/application.ts",
    "functions/resumeRotations.ts",
    "src/azure/applicationInsights.ts",
  ]);
});
