import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Setting, settings } from "../src/config/appSettings.ts";
import { readRotationRequest } from "../src/http/rotationRequest.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** How docs/configuration.md shows the value of a setting that is not set. */
function defaultOf(setting: Setting<unknown>): string {
  const shown = setting.default ?? setting.defaultFrom;
  if (shown !== undefined) return `\`${shown}\``;
  return setting.required === true ? "**required**" : "not set";
}

const pages = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "src/README.md"],
  ...["docs", "docs/decisions"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
];

/** The anchors that GitHub makes of headings, and those that the page defines itself. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...page.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
  const own = [...page.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name = ""]) => name);
  return new Set([...headings, ...own]);
}

/** Words that leave open who acts. The style names others, which also have a plain use. */
const vague = /\b(?:somebody|someone|nobody|whoever|anybody|mends?|owed|anew)\b/gi;

describe("the front pages", () => {
  test("configuration.md's table of app settings → exactly the settings that are read, with meaning and default", () => {
    const rows = Object.values<Setting<unknown>>(settings).map((setting) => [
      setting.name,
      defaultOf(setting),
    ]);
    const table = read("docs/configuration.md").match(
      /\| setting \| meaning \| default \|\n\|---\|---\|---\|\n((?:\|.*\n)+)/,
    );
    const meant = [...(table?.[1] ?? "").matchAll(/^\| `(\w+)` \| [A-Z][^|]+\. \| ([^|]+) \|$/gm)];
    expect(meant.map(([, name, standard]) => [name, standard])).toEqual(rows);
  });

  test("http.md's table of properties → exactly those of a request", async () => {
    const request = {
      url: "https://app.example/api/rotations",
      headers: new Headers({ "content-type": "application/json" }),
      params: {},
      body: Readable.from([Buffer.from('{ "stranger": 1 }')]),
    };
    const refused = await readRotationRequest(request).catch((error: unknown) => error);
    const { facts } = z
      .object({ facts: z.object({ problems: z.array(z.object({ rule: z.string() })) }) })
      .parse(refused);
    const known = facts.problems.flatMap(
      ({ rule }) => rule.match(/known properties are (.+)$/)?.[1]?.split(", ") ?? [],
    );
    const table = read("docs/http.md").match(/^\| property .+\n\|[-|]+\n((?:\|.+\n)+)/m)?.[1] ?? "";
    expect(known).toContain("gateways");
    expect([...table.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name)).toEqual(known);
  });

  test("README → the commands that a newcomer types first, as the gate calls them", () => {
    const [, block = ""] = read("README.md").match(/```sh\n([^`]+)```/) ?? [];
    const commands = block.trim().split(/\n| && /);
    expect(commands).toEqual(["npm ci", "npm start", "npm test"]);
    for (const command of commands) expect(read(".ci/run")).toContain(`step ${command}`);
  });

  test("the npm commands of all pages → are scripts of package.json", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run (?:--silent )?([\w:][\w:-]*)/g)].map(([, name]) => name),
    );
    expect(named).toContain("package");
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  test.each(pages)("%s → names who acts", (file) => {
    expect([...read(file).matchAll(vague)].map(([word]) => word)).toEqual([]);
  });

  test("comments and messages of the product → name who acts", () => {
    const folders = "{.github,cli,docs,functions,infra,local,page,scripts,src}";
    const files = globSync(`${folders}/**/*.{bicep,kql,mjs,ps1,sh,ts,yml}`, { cwd: root });
    expect(files.length).toBeGreaterThan(200);
    const found = files.flatMap((file) =>
      [...read(file).matchAll(vague)].map(([word]) => `${file}: ${word}`),
    );
    expect(found).toEqual([]);
  });

  test.each(pages)("links in %s → lead to files and headings that exist", (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const missing = links.filter(([, link = "", anchor]) => {
      const target = link === "" ? file : join(dirname(file), link);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
    });
    expect(missing.map(([text]) => text)).toEqual([]);
  });
});

test("the map of the tests → names each test beside the folders, and each folder of test/ alone", () => {
  const [, table = ""] = read("CONTRIBUTING.md").match(/\| in `test\/` \|.+\n\|[-|]+\n((?:\|.+\n)+)/) ?? [];
  const named = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const ofProduct = ["cli", "functions", "local", "page"];
  const own = readdirSync(join(root, "test"), { withFileTypes: true })
    .filter((entry) => !existsSync(join(root, "src", entry.name)) && !ofProduct.includes(entry.name))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name.replace(".test.ts", "")));
  expect(named.sort()).toEqual(own.sort());
});

test("the code map → a line for each folder of src, and a file to start at that exists", () => {
  const rows = [...read("src/README.md").matchAll(/^\| `([^`]+\/)` \| [^|]+ \| `(\w+\.ts)` \|$/gm)];
  const folders = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${name}/`);
  expect(rows.map(([, folder]) => folder).sort()).toEqual(["../functions/", ...folders].sort());
  const starts = rows.map(([, folder = "", file = ""]) => join(root, "src", folder, file));
  expect(starts.filter((file) => !existsSync(file))).toEqual([]);
});

test("the table of rules → the reasons of nextStep, in the order of the rules", () => {
  const table = [...read("src/README.md").matchAll(/^\| `([a-z-]+)` \| .* \| (\w+) \|$/gm)].map(
    ([, reason]) => reason,
  );
  const source = read("src/rotation/nextStep.ts");
  const bodies = new Map(source.split(/^const /m).map((body) => [body.match(/^\w+/)?.[0], body]));
  const order = [
    ...(source.match(/const rules: readonly Rule\[\] = \[([^\]]+)\]/)?.[1] ?? "").matchAll(/\w+/g),
  ].map(([name]) => name);
  const reasons = [...order, "notDue"].flatMap((name) =>
    [...(bodies.get(name) ?? "").matchAll(/reason: "([a-z-]+)"/g)].map(([, reason]) => reason),
  );
  expect(reasons.length).toBeGreaterThan(10);
  expect(table).toEqual(reasons);
});

test("the tables of docs/dependencies.md → list every dependency, and no other package", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const listed = [...read("docs/dependencies.md").matchAll(/^\| (.+?) \|/gm)]
    .flatMap(([, cell]) => [...(cell ?? "").matchAll(/`([^`]+)`/g)])
    .map(([, name]) => name);
  const isTypes = (name: string) => name.startsWith("@types/");
  const expected = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !isTypes(name));
  expect(listed.filter((name) => name !== "@types/*").sort()).toEqual(expected.sort());
});

describe("the lock file", () => {
  test("the optional builds of every package → in it, for all platforms", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const present = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    expect(wanted.length).toBeGreaterThan(20);
    expect(wanted.filter((name) => !present.has(name))).toEqual([]);
  });

  test("registries → not named in it", () => {
    expect(read("package-lock.json")).not.toContain('"resolved": "http');
  });
});
