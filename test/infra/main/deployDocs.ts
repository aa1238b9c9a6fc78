import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { describeBicep, snapshotParameters } from "../../support/bicep.ts";
import { infra } from "../folder.ts";

const text = await readFile(path.join(infra, "..", "docs", "deploy.md"), "utf8");
const template = await readFile(path.join(infra, "main.bicep"), "utf8");
const parameterFile = await readFile(path.join(infra, "main.bicepparam"), "utf8");
const packageJson = await readFile(path.join(infra, "..", "package.json"), "utf8");

const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, block]) => block ?? "");
const all = (expression: RegExp, where: string) => [...where.matchAll(expression)].map(([, found]) => found);

const commands = blocks("sh").join("\n");
const snippets = blocks("bicep").join("\n");

const someGroup = "/subscriptions/20000000-0000-4000-8000-000000000002/resourceGroups/rg-keys";
const required = `param gateways = { gateways: [] }
param rotationSchedule = '0 0 9 * * *'`;

describe("docs/deploy.md", () => {
  test("each variable that it sets → is read by main.bicepparam or by azd", () => {
    const read = all(/readEnvironmentVariable\('(\w+)'/g, parameterFile);
    const set = [...all(/\bazd env set (\w+)/g, commands), ...all(/\b([A-Z]+(?:_[A-Z]+)+)=/g, commands)];
    expect(set.length).toBeGreaterThan(0);
    const known = [...read, "AZURE_RESOURCE_GROUP", "AZURE_LOCATION"];
    expect(set.filter((name) => !known.includes(name))).toEqual([]);
  });

  test("each output that it reads → is an output of main.bicep", () => {
    const outputs = all(/^output (\w+) /gm, template);
    const asked = [
      ...all(/properties\.outputs\.(\w+)\.value/g, commands),
      ...all(/\bazd env get-value ([a-z]\w*)/g, commands),
    ];
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.filter((name) => !outputs.includes(name))).toEqual([]);
  });

  test("each npm script that it runs → is in package.json", () => {
    for (const name of all(/\bnpm run (\w+)/g, commands)) expect(packageJson).toContain(`"${name}":`);
  });

  test("the figures in the table of costs → add up", () => {
    const costs = text.slice(text.indexOf("## Costs"), text.indexOf("## An existing vault"));
    const rows = [...costs.matchAll(/^\| \[.*\| (\d+\.\d\d)(?: \((\d+\.\d\d)[^|]*)? \|$/gm)];
    const total = (column: (row: RegExpExecArray) => string | undefined) =>
      rows.reduce((sum, row) => sum + Number(column(row)), 0).toFixed(1);
    expect(rows).toHaveLength(5);
    expect(costs).toContain(
      `**about ${total(([, cost]) => cost)}0** (${total(([, cost, most]) => most ?? cost)}0)`,
    );
  });
});

describeBicep("docs/deploy.md", () => {
  test("its parameters → main.bicep accepts them, by name, type and bounds", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "deploy-docs-"));
    const file = path.join(folder, "main.bicepparam");
    try {
      const using = `using '${path.relative(folder, infra).replaceAll(path.sep, "/")}/main.bicep'`;
      const ids = snippets.replaceAll("/subscriptions/…/resourceGroups/…/", `${someGroup}/`);
      await writeFile(file, [using, required, ids].join("\n"));
      const { predictedResources } = await snapshotParameters(file);
      expect(predictedResources.map(({ type }) => type)).toContain("Microsoft.Web/sites");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
