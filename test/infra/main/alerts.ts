import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { compileBicep, describeBicep } from "../../support/bicep.ts";
import { deployAlerts, lookBackMinutes, alertParameters as parameters } from "../alerts/rules.ts";
import { infra } from "../folder.ts";
import { readQueries, readQuery } from "../kql/queries.ts";

type Deployed = Awaited<ReturnType<typeof deployAlerts>>;

describeBicep("alerts.bicep", () => {
  let rules: Deployed["rules"];
  let actionGroups: Deployed["actionGroups"];
  beforeAll(async () => {
    ({ rules, actionGroups } = await deployAlerts());
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
      expect(condition).toMatchObject({ operator: "GreaterThan", threshold: 0 });
      expect(condition.failingPeriods).toEqual({ numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 });
      expect(autoMitigate).toBe(true);
      expect(muteActionsDuration).toBeUndefined();
    }
  });

  test("an alert about gateways → its value is their number, by a column of its query", () => {
    const measured = rules.filter(({ condition }) => condition.metricMeasureColumn != null);
    expect(measured.map(({ shortName }) => shortName)).toEqual([
      "key-in-doubt",
      "gateway-host-behind",
      "rotation-failed",
      "gateway-overdue",
    ]);
    for (const { condition, query } of measured) {
      expect(condition).toMatchObject({ metricMeasureColumn: "gateways", timeAggregation: "Total" });
      expect(readQuery(query).identifiers).toContain("gateways");
    }
    for (const { condition } of rules.filter((rule) => !measured.includes(rule))) {
      expect(condition.timeAggregation).toBe("Count");
    }
  });

  test("a query with its own time range → stays within its alert's window", () => {
    for (const { query, windowSize } of rules) {
      for (const [, amount, unit] of query.matchAll(/\bago\((\d+)([hm])\)/g)) {
        expect(Number(amount) * (unit === "h" ? 60 : 1)).toBeLessThanOrEqual(lookBackMinutes[windowSize]);
      }
      expect(query.match(/\bago\(/g)?.length ?? 0).toBe(query.match(/\bago\(\d+[hm]\)/g)?.length ?? 0);
    }
  });

  test("every query → contains nothing that log alerts do not support", () => {
    for (const { query } of rules) {
      const reads = readQuery(query);
      for (const name of ["bag_unpack", "pivot", "narrow", "AggregatedValue"]) {
        expect(reads.identifiers).not.toContain(name);
      }
    }
  });

  test("a split alert → splits by columns of its query, with all their values", () => {
    const split = rules.filter(({ condition }) => condition.dimensions.length > 0);
    expect(split.map(({ shortName }) => shortName)).toEqual([
      "key-in-doubt",
      "gateway-host-behind",
      "rotation-failed",
      "run-failed",
    ]);
    for (const { condition, query } of split) {
      const reads = readQuery(query);
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
    expect(readQuery(rule?.query ?? "").identifiers).not.toContain("by");
    expect(rule?.windowSize).toBe("PT1H");
  });

  test("e-mail addresses → the deployment's own action group, which every alert notifies", () => {
    const [group, ...others] = actionGroups;
    expect(others).toEqual([]);
    expect(group?.properties["emailReceivers"]).toMatchObject(
      parameters.emails.map((emailAddress) => ({ emailAddress, useCommonAlertSchema: true })),
    );
    for (const { actions } of rules) expect(actions.actionGroups).toEqual([group?.id]);
  });

  test("webhooks → a receiver each by the common alert schema; their URLs stay out of a preview", async () => {
    const { resources } = await compileBicep(path.join(infra, "alerts.bicep"));
    const [receivers] = actionGroupShape
      .parse(resources)
      .actionGroup.properties.copy.filter(({ name }) => name === "webhookReceivers");
    expect(receivers).toMatchObject({
      count: "[length(items(parameters('webhooks')))]",
      input: {
        name: expect.stringMatching(/items\(parameters\('webhooks'\)\).*\.key\]$/),
        serviceUri: expect.stringMatching(/items\(parameters\('webhooks'\)\).*\.value\]$/),
        useCommonAlertSchema: true,
      },
    });
    const url = "https://teams.contoso.example/hook";
    const preview = await deployAlerts({ webhooks: { teams: url } });
    expect(JSON.stringify(preview)).not.toContain(url);
  });

  test("existing action groups → every alert notifies them too", async () => {
    const onCall =
      "/subscriptions/20000000-0000-4000-8000-000000000002/resourceGroups/ops/providers/Microsoft.Insights/actionGroups/on-call";
    const both = await deployAlerts({ actionGroupIds: [onCall] });
    for (const { actions } of both.rules) {
      expect(actions.actionGroups).toEqual([both.actionGroups[0]?.id, onCall]);
    }
  });

  test("an alert processing rule made by hand → no part of the template, so it stays", async () => {
    const template = await compileBicep(path.join(infra, "main.bicep"));
    expect(JSON.stringify(template)).not.toContain("Microsoft.AlertsManagement");
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

const actionGroupShape = z.object({
  actionGroup: z.object({
    properties: z.object({
      copy: z.array(z.object({ name: z.string(), count: z.string(), input: z.unknown() })),
    }),
  }),
});
