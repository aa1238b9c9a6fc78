import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { describeBicep, snapshotBicep } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { readQueries, readQuery } from "../kql.ts";

const file = path.join(infra, "alerts.bicep");

const parameters = {
  location: "westeurope",
  tags: { owner: "platform" },
  namePrefix: "rotation-test",
  applicationInsightsId:
    "/subscriptions/10000000-0000-4000-8000-000000000001/resourceGroups/rg-rotation/providers/Microsoft.Insights/components/appi-test",
  actionGroupEmails: ["oncall@contoso.example", "platform@contoso.example"],
  runbookUrl: "https://contoso.example/runbook",
};

const ruleSchema = z.object({
  kind: z.literal("LogAlert"),
  name: z.string(),
  tags: z.record(z.string(), z.string()),
  properties: z.object({
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
          timeAggregation: z.string(),
          operator: z.string(),
          threshold: z.number(),
          dimensions: z.array(
            z.object({ name: z.string(), operator: z.string(), values: z.array(z.string()) }),
          ),
          failingPeriods: z.object({ numberOfEvaluationPeriods: z.int(), minFailingPeriodsToAlert: z.int() }),
        }),
      ]),
    }),
  }),
});

const lookBackMinutes = { PT1H: 60, P2D: 48 * 60 };

async function deployed(changes: Partial<typeof parameters> = {}) {
  const { predictedResources } = await snapshotBicep(file, { ...parameters, ...changes });
  const of = (type: string) => predictedResources.filter((resource) => resource.type === type);
  const rules = of("Microsoft.Insights/scheduledQueryRules").map((resource) => {
    const { name, tags, properties } = ruleSchema.parse(resource);
    const [{ query, ...condition }] = properties.criteria.allOf;
    const shortName = name.replace(`alert-${parameters.namePrefix}-`, "");
    return { shortName, tags, ...properties, query, condition, reads: readQuery(query) };
  });
  return { rules, actionGroups: of("Microsoft.Insights/actionGroups") };
}

type Deployed = Awaited<ReturnType<typeof deployed>>;

describeBicep("alerts.bicep", () => {
  let rules: Deployed["rules"];
  let actionGroups: Deployed["actionGroups"];
  beforeAll(async () => {
    ({ rules, actionGroups } = await deployed());
  });

  test("the alerts → use every query of infra/queries/alerts/ once, and no other", async () => {
    const files = [...(await readQueries())].filter(([name]) => name.startsWith("alerts/"));
    expect(rules.map(({ query }) => query).sort()).toEqual(files.map(([, kql]) => kql).sort());
  });

  test("every alert → queries this Application Insights only", () => {
    for (const { scopes, tags } of rules) {
      expect(scopes).toEqual([parameters.applicationInsightsId]);
      expect(tags).toEqual(parameters.tags);
    }
  });

  test("every alert → links its own section of the runbook", async () => {
    const runbook = await readFile(path.join(infra, "..", "docs", "runbook.md"), "utf8");
    for (const { shortName, description } of rules) {
      expect(description.endsWith(` ${parameters.runbookUrl}#${shortName}`)).toBe(true);
      expect(runbook).toContain(`\n### ${shortName}\n`);
    }
  });

  test("every alert → fires for any row and resolves itself; Azure refuses a mute with that", () => {
    for (const { condition, autoMitigate, muteActionsDuration } of rules) {
      expect(condition).toMatchObject({ timeAggregation: "Count", operator: "GreaterThan", threshold: 0 });
      expect(condition.failingPeriods).toEqual({ numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 });
      expect(autoMitigate).toBe(true);
      expect(muteActionsDuration).toBeUndefined();
    }
  });

  test("a query with its own time range → stays within its alert's window", () => {
    for (const { query, windowSize } of rules) {
      for (const [, hours] of query.matchAll(/\bago\((\d+)h\)/g)) {
        expect(Number(hours) * 60).toBeLessThanOrEqual(lookBackMinutes[windowSize]);
      }
      expect(query.match(/\bago\(/g)?.length ?? 0).toBe(query.match(/\bago\(\d+h\)/g)?.length ?? 0);
    }
  });

  test("every query → contains nothing that log alerts do not support", () => {
    for (const { reads } of rules) {
      for (const name of ["bag_unpack", "pivot", "narrow", "AggregatedValue"]) {
        expect(reads.identifiers).not.toContain(name);
      }
    }
  });

  test("a split alert → splits by columns of its query, with all their values", () => {
    const split = rules.filter(({ condition }) => condition.dimensions.length > 0);
    expect(split.map(({ shortName }) => shortName)).toEqual([
      "key-in-doubt",
      "rotation-failed",
      "run-failed",
    ]);
    for (const { condition, reads } of split) {
      for (const { name, operator, values } of condition.dimensions) {
        expect(reads.identifiers).toContain(name);
        expect({ operator, values }).toEqual({ operator: "Include", values: ["*"] });
      }
    }
  });

  test("no heartbeat → one row with 0, because the query counts without a split", () => {
    const rule = rules.find(({ shortName }) => shortName === "no-heartbeat");
    expect(rule?.condition.dimensions).toEqual([]);
    expect(rule?.query).toMatch(/\| summarize (\w+) = count\(\)\s+\| where \1 == 0\s*$/);
    expect(rule?.reads.identifiers).not.toContain("by");
    expect(rule?.windowSize).toBe("PT1H");
  });

  test("e-mail addresses → one action group, which every alert notifies", () => {
    expect(actionGroups).toHaveLength(1);
    expect(actionGroups[0]?.properties["emailReceivers"]).toMatchObject(
      parameters.actionGroupEmails.map((emailAddress) => ({ emailAddress, useCommonAlertSchema: true })),
    );
    for (const { actions } of rules) expect(actions.actionGroups).toEqual([actionGroups[0]?.id]);
  });

  test("no e-mail addresses → the alerts have no action group", async () => {
    const silent = await deployed({ actionGroupEmails: [] });
    expect(silent.actionGroups).toEqual([]);
    expect(silent.rules).toHaveLength(rules.length);
    for (const { actions } of silent.rules) expect(actions.actionGroups).toEqual([]);
  });

  test("the costs in docs/deploy.md → count the alerts of each evaluation frequency", async () => {
    const text = await readFile(path.join(infra, "..", "docs", "deploy.md"), "utf8");
    const often = rules.filter(({ evaluationFrequency }) => evaluationFrequency === "PT5M");
    expect(often.map(({ shortName }) => shortName)).toEqual(["key-in-doubt"]);
    expect(text).toContain(`| 1 rule every 5 minutes, ${rules.length - 1} every 15 |`);
  });

  test("docs/alerts.md → lists every alert with its severity and window, and no other", async () => {
    const text = await readFile(path.join(infra, "..", "docs", "alerts.md"), "utf8");
    const rows = [...text.matchAll(/^\| \[`([\w-]+)`\]\(#[\w-]+\) \| (\d) \| (\d+) h \|/gm)];
    const documented = rows.map(([, name, severity, hours]) => [name, Number(severity), Number(hours) * 60]);
    expect(documented).toEqual(
      rules.map(({ shortName, severity, windowSize }) => [shortName, severity, lookBackMinutes[windowSize]]),
    );
    for (const { shortName } of rules) expect(text).toContain(`\n### ${shortName}\n`);
  });
});
