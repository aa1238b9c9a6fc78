import path from "node:path";
import { z } from "zod";
import { type PredictedResource, snapshotBicep } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { prepare, type Row, type Table } from "../kql/evaluate.ts";
import type { Value } from "../kql/values.ts";
import type { Arrival } from "./telemetry.ts";

const file = path.join(infra, "alerts.bicep");

export const alertParameters = {
  location: "westeurope",
  tags: { owner: "platform" },
  namePrefix: "rotation-test",
  applicationInsightsId:
    "/subscriptions/10000000-0000-4000-8000-000000000001/resourceGroups/rg-rotation/providers/Microsoft.Insights/components/appi-test",
  emails: ["oncall@contoso.example", "platform@contoso.example"],
  webhooks: {},
  actionGroupIds: [],
  runbookUrl: "https://contoso.example/runbook",
};

const ruleSchema = z.object({
  kind: z.literal("LogAlert"),
  name: z.string(),
  tags: z.record(z.string(), z.string()),
  properties: z.object({
    displayName: z.string(),
    description: z.string(),
    severity: z.int().min(0).max(4),
    enabled: z.literal(true),
    scopes: z.array(z.string()),
    evaluationFrequency: z.enum(["PT5M", "PT15M"]),
    windowSize: z.enum(["PT1H", "P2D"]),
    // Otherwise Azure checks tables that do not exist yet, and refuses the rule.
    skipQueryValidation: z.literal(true),
    autoMitigate: z.boolean(),
    muteActionsDuration: z.string().optional(),
    actions: z.object({ actionGroups: z.array(z.string()) }),
    criteria: z.object({
      allOf: z.tuple([
        z.object({
          query: z.string(),
          timeAggregation: z.enum(["Count", "Total"]),
          metricMeasureColumn: z.string().nullish(),
          operator: z.literal("GreaterThan"),
          threshold: z.number(),
          // Azure allows no more.
          dimensions: z
            .array(z.object({ name: z.string(), operator: z.string(), values: z.array(z.string()) }))
            .max(6),
          failingPeriods: z.object({ numberOfEvaluationPeriods: z.int(), minFailingPeriodsToAlert: z.int() }),
        }),
      ]),
    }),
  }),
});

export const lookBackMinutes = { PT1H: 60, P2D: 48 * 60 };
export const frequencyMinutes = { PT5M: 5, PT15M: 15 };

/** The alert rules and action groups that alerts.bicep deploys. */
export async function deployAlerts(changes: Readonly<Record<string, unknown>> = {}) {
  const { predictedResources } = await snapshotBicep(file, { ...alertParameters, ...changes });
  const of = (type: string) => predictedResources.filter((resource) => resource.type === type);
  return {
    rules: of("Microsoft.Insights/scheduledQueryRules").map(toRule),
    actionGroups: of("Microsoft.Insights/actionGroups"),
  };
}

function toRule(resource: PredictedResource) {
  const { name, tags, properties } = ruleSchema.parse(resource);
  const { criteria, ...others } = properties;
  const [{ query, ...condition }] = criteria.allOf;
  return {
    shortName: name.replace(`alert-${alertParameters.namePrefix}-`, ""),
    tags,
    ...others,
    query,
    condition,
  };
}

export type Rule = ReturnType<typeof toRule>;

/** An alert that a rule raises: one for each combination of its dimensions. */
export interface Fired {
  readonly dimensions: Readonly<Record<string, Value>>;
  readonly value: number;
}

/** The alerts that a rule raises at `now`. */
export type Evaluator = (arrivals: readonly Arrival[], now: Date) => readonly Fired[];

/** `query` takes the place of the rule's own, so that a test can break it. */
export function evaluatorOf(rule: Rule, query = rule.query): Evaluator {
  const prepared = prepare(query);
  const { dimensions, metricMeasureColumn, threshold } = rule.condition;
  return (arrivals, now) => {
    const since = now.getTime() - lookBackMinutes[rule.windowSize] * 60_000;
    const rows = prepared.run(tablesAt(arrivals, since, now), now).rows;
    const fired = new Map<string, { readonly dimensions: Row; value: number }>();
    for (const row of rows) {
      const ofRow = Object.fromEntries(dimensions.map(({ name }) => [name, row[name] ?? null]));
      const alert = fired.get(JSON.stringify(ofRow)) ?? { dimensions: ofRow, value: 0 };
      alert.value += metricMeasureColumn == null ? 1 : Number(row[metricMeasureColumn]);
      fired.set(JSON.stringify(ofRow), alert);
    }
    return [...fired.values()].filter(({ value }) => value > threshold);
  };
}

/** What had arrived at `now` of what happened within the rule's window: Azure gives a query no more. */
function tablesAt(arrivals: readonly Arrival[], since: number, now: Date) {
  const seen = arrivals.filter(
    ({ at, arrivesAt }) =>
      at.getTime() > since && at.getTime() <= now.getTime() && arrivesAt <= now.getTime(),
  );
  const table = (name: Arrival["table"]): Table => ({
    columns: [],
    rows: seen.filter((arrival) => arrival.table === name).map(({ row }) => row),
  });
  return { customEvents: table("customEvents"), requests: table("requests") };
}
