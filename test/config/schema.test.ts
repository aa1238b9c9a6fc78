import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import * as z from "zod";
import { renderGatewaysSchema } from "../../src/config/gatewaysSchema.ts";

test("gateways.schema.json → as npm run schema writes it", async () => {
  const stored = await readFile(new URL("../../gateways.schema.json", import.meta.url), "utf8");
  expect(stored).toBe(renderGatewaysSchema());
});

const objectSchema = z.object({
  description: z.string().optional(),
  properties: z.record(z.string(), z.object({ description: z.string() })),
  additionalProperties: z.literal(false),
});
const schema = z.object({
  properties: z.object({ defaults: objectSchema, gateways: z.object({ items: objectSchema }) }),
});

test("every property → has a description, which editors show", () => {
  const { defaults, gateways } = schema.parse(JSON.parse(renderGatewaysSchema())).properties;
  expect(Object.keys(defaults.properties)).toEqual([
    "vaultUrl",
    "expireAfterDays",
    "rotateEveryDays",
    "verifyEveryDays",
  ]);
  expect(Object.keys(gateways.items.properties)).toContain("resourceId");
});
