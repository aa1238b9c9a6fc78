import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { describeBicep } from "../../support/bicep.ts";
import { infra } from "../folder.ts";
import { querySabotages } from "./querySabotages.ts";
import {
  deployAlerts,
  type Evaluator,
  evaluatorOf,
  type Fired,
  frequencyMinutes,
  type Rule,
} from "./rules.ts";
import { type Situation, situations } from "./situations.ts";
import {
  type Arrival,
  failed,
  failures,
  heartbeats,
  hoursAgo,
  invocation,
  now,
  oneKey,
  rotated,
  twoKeys,
} from "./telemetry.ts";

const docs = path.join(infra, "..", "docs", "alerts.md");

const cellOf = (fired: readonly Fired[]): string => {
  const value = fired.reduce((sum, alert) => Math.max(sum, alert.value), 0);
  return fired.length === 0 ? "" : value === 1 ? `${fired.length}` : `${fired.length}, value ${value}`;
};

const named = (name: string) => {
  const found = situations.find((situation) => situation.name === name);
  if (found === undefined) throw new Error(`No situation ${name}`);
  return found;
};

describeBicep("alerts, executed", () => {
  let rules: readonly Rule[];
  /** Each rule's query, parsed once. */
  let evaluators: ReadonlyMap<string, Evaluator>;
  beforeAll(async () => {
    ({ rules } = await deployAlerts());
    evaluators = new Map(rules.map((rule) => [rule.shortName, evaluatorOf(rule)]));
  });
  const ruleOf = (shortName: string): Rule => {
    const rule = rules.find((candidate) => candidate.shortName === shortName);
    if (rule === undefined) throw new Error(`No rule ${shortName}`);
    return rule;
  };
  const fire = (rule: string, { arrivals }: Pick<Situation, "arrivals">, at = now) =>
    evaluators.get(rule)?.(arrivals, at) ?? [];

  test.each(situations)("$name → only the alerts of its row", ({ arrivals, alerts }) => {
    const cells = [...evaluators].map(([rule, evaluate]) => [rule, cellOf(evaluate(arrivals, now))]);
    expect(Object.fromEntries(cells.filter(([, cell]) => cell !== ""))).toEqual(alerts);
  });

  test("every alert → fires in one situation, and is silent in another", () => {
    for (const { shortName } of rules) {
      const firing = situations.filter(({ alerts }) => alerts[shortName] !== undefined).length;
      expect(firing).toBeGreaterThan(0);
      expect(firing).toBeLessThan(situations.length);
    }
  });

  const sabotages = Object.entries(querySabotages).flatMap(([alert, rows]) =>
    rows.map((row) => [alert, ...row] as const),
  );
  test.each(sabotages)("%s: %s → a situation shows it", (alert, _, find, replace) => {
    const rule = ruleOf(alert);
    expect(rule.query.split(find)).toHaveLength(2);
    const sabotaged = evaluatorOf(rule, rule.query.replace(find, replace));
    const shown = situations.some(
      ({ arrivals, alerts }) => cellOf(sabotaged(arrivals, now)) !== (alerts[alert] ?? ""),
    );
    expect(shown).toBe(true);
  });

  test("a key in doubt → the mail has gateway, kind, code, effect and next action", () => {
    const [alert, ...others] = fire(
      "key-in-doubt",
      named("One key: the vault refused the new key (`applied`)"),
    );
    expect(others).toEqual([]);
    expect(alert?.dimensions).toEqual({
      gateway: "gatewaytest-1",
      gatewayKind: "gatewayV1",
      code: "store-forbidden",
      effect: "applied",
      nextAction: expect.stringMatching(
        /^Assume that the key in the vault is dead\. .*\bGive that key to the gateway's host\.$/,
      ),
    });
  });

  test("a host that has not registered → the mail names the gateway, and how its host gets the key", () => {
    const fired = fire(
      "gateway-host-behind",
      named("The host has not registered, three hours after the rotation"),
    );
    expect(fired.map(({ dimensions }) => dimensions)).toEqual([
      {
        gateway: "gatewaytest-1",
        gatewayKind: "gatewayV1",
        nextAction: expect.stringMatching(/dmgcmd -Key with the value of adf-gatewaytest-key-1 in https:/),
      },
    ]);
  });

  test("an outage over many gateways → one alert, with what most of them report", () => {
    const fired = fire("key-in-doubt", named("An outage of hours over 300 one-key gateways"));
    expect(fired).toMatchObject([
      {
        value: 300,
        dimensions: { gateway: "more than 5 gateways", code: "store-forbidden", effect: "applied" },
      },
    ]);
  });

  test("while the gateways of an outage recover → the dimensions stay, so that no mail repeats", () => {
    const { arrivals } = named("An outage of hours over 300 one-key gateways");
    const recovered = Array.from({ length: 290 }, (_, index) =>
      rotated(oneKey(index + 1), hoursAgo(4 - index / 100)),
    );
    const evaluations = evaluationsOf(ruleOf("key-in-doubt"), [...arrivals, ...recovered], hoursAgo(4.5));
    expect(new Set(evaluations.flat().map(({ dimensions }) => JSON.stringify(dimensions))).size).toBe(1);
    expect(new Set(evaluations.flat().map(({ value }) => value)).size).toBeGreaterThan(20);
  });

  test("a broken configuration at 09:00, a gateway failed at 09:05 → fires until the next run", () => {
    const nine = hoursAgo(11);
    const arrivals = [
      ...heartbeats({ from: 24 }),
      invocation(nine, { of: "rotateOnSchedule", succeeded: false }),
      failed(failures.refused(twoKeys()), new Date(nine.getTime() + 300_000), { operation: "resume" }),
    ];
    const evaluations = evaluationsOf(ruleOf("run-failed"), arrivals, nine);
    // The first evaluation at 09:15 is the first one ten minutes after the run.
    expect(evaluations.map((fired) => fired.length)).toEqual(
      evaluations.map((_, index) => (index === 0 ? 0 : 1)),
    );
    expect(evaluations.length).toBeGreaterThan(43);
  });

  test("a failure in an outage of hours → fires within minutes, and resolves with the rotation", () => {
    const begin = hoursAgo(6);
    const { arrivals } = named("The same outage, when all but four gateways are rotated again");
    const counts = evaluationsOf(ruleOf("key-in-doubt"), arrivals, begin).map((fired) => cellOf(fired));
    const changes = counts.filter((cell, index) => cell !== counts[index - 1]);
    expect(changes).toEqual(["", "1, value 300", "4"]);
  });

  test("docs/alerts.md → shows every situation, with its alerts", async () => {
    const [begin, end] = ["<!-- situations: made by the tests -->\n", "<!-- end of situations -->\n"];
    const names = rules.map(({ shortName }) => shortName);
    const table = [
      `| situation | ${names.map((name) => `\`${name}\``).join(" | ")} |`,
      `|${"---|".repeat(names.length + 1)}`,
      ...situations.map(
        ({ name, alerts }) => `| ${name} | ${names.map((rule) => alerts[rule] ?? "").join(" | ")} |`,
      ),
    ].join("\n");
    const text = await readFile(docs, "utf8");
    const [before, after] = [
      text.slice(0, text.indexOf(begin) + begin.length),
      text.slice(text.indexOf(end)),
    ];
    const fresh = `${before}\n${table}\n\n${after}`;
    if (process.env["UPDATE_DOCS"] === "1") await writeFile(docs, fresh);
    else expect(text).toBe(fresh);
  });
});

/** All evaluations of a rule from `begin` to now, as often as it is evaluated. */
function evaluationsOf(rule: Rule, arrivals: readonly Arrival[], begin: Date): readonly (readonly Fired[])[] {
  const evaluate = evaluatorOf(rule);
  const everyMs = frequencyMinutes[rule.evaluationFrequency] * 60_000;
  const count = Math.floor((now.getTime() - begin.getTime()) / everyMs) + 1;
  return Array.from({ length: count }, (_, index) =>
    evaluate(arrivals, new Date(begin.getTime() + index * everyMs)),
  );
}
