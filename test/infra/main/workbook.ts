import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { describeBicep, snapshotBicep } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { readQueries } from "../kql/queries.ts";

const file = path.join(infra, "workbook.bicep");

const applicationInsightsId =
  "/subscriptions/10000000-0000-4000-8000-000000000001/resourceGroups/rg-rotation/providers/Microsoft.Insights/components/appi-test";

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const itemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal(3),
    content: z.object({
      title: z.string().min(1),
      query: z.string(),
      visualization: z.enum(["table", "timechart"]),
      resourceType: z.literal("microsoft.insights/components"),
      crossComponentResources: z.tuple([z.literal(applicationInsightsId)]),
      timeContextFromParameter: z.string(),
    }),
  }),
  z.object({
    type: z.literal(9),
    content: z.object({ parameters: z.array(z.object({ name: z.string(), id: z.string().regex(guid) })) }),
  }),
]);

const workbookSchema = z.object({
  name: z.string().regex(guid),
  kind: z.literal("shared"),
  properties: z.object({
    displayName: z.string(),
    sourceId: z.literal(applicationInsightsId),
    serializedData: z.string(),
  }),
});

const documentSchema = z.object({
  version: z.literal("Notebook/1.0"),
  items: z.array(itemSchema),
  fallbackResourceIds: z.tuple([z.literal(applicationInsightsId)]),
});

describeBicep("workbook.bicep", () => {
  let items: readonly z.infer<typeof itemSchema>[];
  beforeAll(async () => {
    const parameters = { location: "westeurope", tags: {}, applicationInsightsId };
    const { predictedResources } = await snapshotBicep(file, parameters);
    const { properties } = workbookSchema.parse(predictedResources[0]);
    ({ items } = documentSchema.parse(JSON.parse(properties.serializedData)));
  });

  test("the workbook → uses every query of infra/queries/workbook/ once, and no other", async () => {
    const files = [...(await readQueries())].filter(([query]) => query.startsWith("workbook/"));
    const charts = items.flatMap((item) => (item.type === 3 ? [item.content.query] : []));
    expect(charts.sort()).toEqual(files.map(([, kql]) => kql).sort());
  });

  test("each parameter that a query or its time range uses → is defined above it", () => {
    const above = new Set<string>();
    for (const item of items) {
      if (item.type === 9) for (const { name } of item.content.parameters) above.add(name);
      if (item.type === 3) {
        const { query, timeContextFromParameter } = item.content;
        const used = [...query.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
        for (const parameter of [timeContextFromParameter, ...used]) expect(above).toContain(parameter);
      }
    }
    expect([...above]).toEqual(["TimeRange", "RequestId"]);
  });
});
