import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Setting, settings } from "../../../src/config/appSettings.ts";
import { compileBicep, describeBicep, parseTemplate } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { mainFile } from "./deployment.ts";

const root = path.join(infra, "..");

const rulesOff: Readonly<Record<string, string>> = {
  "use-recent-api-versions": "fails as time passes, without any change here",
  "use-recent-module-versions": "no module comes from a registry",
  "what-if-short-circuiting": "the names of role assignments hold the identity's id: see gatewayRoles.bicep",
};

describeBicep("main.bicep", () => {
  test("compiled with the rules of bicepconfig.json → no warning in it or its modules", async () => {
    expect(Object.keys((await compileBicep(mainFile)).parameters).length).toBeGreaterThan(10);
  });

  test("infra/main.json → what main.bicep compiles to (npm run template writes it anew)", async () => {
    const file = await readFile(path.join(infra, "main.json"), "utf8");
    expect(parseTemplate(file)).toEqual(await compileBicep(mainFile));
  });

  test("bicepconfig.json → every rule is an error, except those that are off for a reason", async () => {
    const { analyzers } = rulesShape.parse(
      JSON.parse(await readFile(path.join(infra, "bicepconfig.json"), "utf8")),
    );
    const rules = Object.entries(analyzers.core.rules);
    const off = rules.filter(([, { level }]) => level !== "error").map(([name]) => name);
    expect(off.sort()).toEqual(Object.keys(rulesOff).sort());
    expect(rules.length).toBeGreaterThan(30);
  });

  test("every parameter → has a description, except the self-explanatory ones", async () => {
    const bare = Object.entries((await compileBicep(mainFile)).parameters).filter(
      ([, { metadata }]) => !metadata?.description,
    );
    expect(bare.map(([name]) => name)).toEqual(["tags"]);
  });

  test("parameters without a default → the gateways and the rotation schedule", async () => {
    const required = Object.entries((await compileBicep(mainFile)).parameters).filter(
      ([, parameter]) => parameter.defaultValue === undefined && parameter["nullable"] !== true,
    );
    expect(required.map(([name]) => name).sort()).toEqual(["gateways", "rotationSchedule"]);
  });

  test("the bounds of a parameter → the same as in the code", async () => {
    const bounded = {
      rotationConcurrency: settings.rotationConcurrency,
      callTimeoutSeconds: settings.callTimeoutMs,
    } satisfies Record<string, Setting<number>>;
    const { parameters } = await compileBicep(mainFile);
    for (const [name, { parse }] of Object.entries(bounded)) {
      const { minValue, maxValue } = parameters[name] ?? {};
      expect(parse("")).toMatchObject({ rule: `a whole number from ${minValue} to ${maxValue}` });
    }
  });

  test("secrets → only the URLs of webhooks are one, and no expression lists keys", async () => {
    const template = await compileBicep(mainFile);
    const secrets = Object.entries(template.parameters).filter(([, { type }]) => /^secure/i.test(type ?? ""));
    expect(secrets.map(([name]) => name)).toEqual(["alertWebhooks"]);
    const text = JSON.stringify(template);
    expect(text).not.toMatch(/\blist(?!Locations)[A-Z]\w*\(/);
    expect(text).not.toMatch(/AccountKey=|SharedAccessKey|DefaultEndpointsProtocol/);
  });

  test("the type of gateways.json → has the properties of gateways.schema.json", async () => {
    const schema = schemaShape.parse(
      JSON.parse(await readFile(path.join(root, "gateways.schema.json"), "utf8")),
    );
    const { definitions } = await compileBicep(mainFile);
    const named = (kind: string) => {
      const name = Object.keys(definitions).find((key) => key.replace(/^.*\./, "") === kind);
      return definition.parse(definitions[name ?? ""]).properties;
    };
    const document = named("gatewaysDocument");
    expect(Object.keys(document).sort()).toEqual(Object.keys(schema.properties).sort());
    expect(Object.keys(document["defaults"]?.properties ?? {}).sort()).toEqual(
      Object.keys(schema.properties.defaults.properties).sort(),
    );
    expect(Object.keys(named("gateway")).sort()).toEqual(
      Object.keys(schema.properties.gateways.items.properties).sort(),
    );
  });
});

const properties = z.record(z.string(), z.looseObject({}));
const schemaShape = z.object({
  properties: z.looseObject({
    defaults: z.object({ properties }),
    gateways: z.object({ items: z.object({ properties }) }),
  }),
});
const definition = z.object({
  properties: z.record(z.string(), z.object({ properties: properties.optional() })),
});
const rulesShape = z.object({
  analyzers: z.object({
    core: z.object({ rules: z.record(z.string(), z.object({ level: z.string() })) }),
  }),
});
