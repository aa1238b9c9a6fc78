/** A wrong query that a developer could have written: `find`, which stands in the query exactly once, gets another text. */
export type QuerySabotage = readonly [name: string, find: string, replace: string];

const bothOutcomes = `in ("GatewayKeyRotated", "GatewayKeyRotationFailed")`;
const failuresOnly = `in ("GatewayKeyRotationFailed")`;

/** By alert. The situations must show each of them. */
export const querySabotages: Readonly<Record<string, readonly QuerySabotage[]>> = {
  "key-in-doubt": [
    ["misses a key that was found dead", `keyWorks == "false" or `, ""],
    [
      "misses a dead key unless an attempt touched it",
      `keyWorks == "false" or`,
      `keyWorks == "false" and effect != "unchanged" or`,
    ],
    ["misses an only key in doubt", ` or (gatewayKind == "gatewayV1" and effect == "unknown")`, ""],
    [
      "takes a key of which nothing is known for dead",
      `keyWorks == "false"`,
      `keyWorks in ("false", "unknown")`,
    ],
    ["fires for what is unchanged", ` and effect == "unknown"`, ""],
    ["fires for the other key of two", `gatewayKind == "gatewayV1" and `, ""],
    ["stays when a failure shows that the key works", ` or keyWorks == "true"`, ""],
    ["any later failure ends it", `keyWorks == "true" or name == "GatewayKeyRotated"`, "true"],
    ["fires for healthy runs", "| where isDoubtful;", ";"],
    ["never resolves", bothOutcomes, failuresOnly],
    ["300 mails", "total > 5", "total > 500"],
    ["one alert for any number", "total > 5", "total > 3"],
    ["loses the number", "sum(number)", "max(number)"],
  ],
  "rotation-failed": [
    ["misses two-key gateways", `gatewayKind == "gatewayV1" and effect`, "effect"],
    ["a second alert for a key in doubt", " and (isnull(doubtfulAt) or worksAt > doubtfulAt)", ""],
    ["a second alert for a dead key", `keyWorks == "false" or `, ""],
    ["misses a key of which nothing is known", `keyWorks == "false"`, `keyWorks in ("false", "unknown")`],
    ["silent after a doubt", " or worksAt > doubtfulAt", ""],
    ["silent when a failure shows that the key works again", `keyWorks == "true" or `, ""],
    ["never resolves", bothOutcomes, failuresOnly],
    ["300 mails", "total > 5", "total > 500"],
  ],
  "gateway-host-behind": [
    ["inverted", `seen == "no"`, `seen == "yes"`],
    ["fires for every host", `| where seen == "no";`, ";"],
    ["a failed read ends it", "| where isnotempty(seen)\n", ""],
    ["never resolves", "isnotempty(seen)", `seen == "no"`],
    ["300 mails", "> 5;", "> 500;"],
    ["one alert for any number", "> 5;", "> 3;"],
    ["a mail for each secret", "nextAction = iff(isMany", "nextAction = iff(false"],
  ],
  "no-heartbeat": [
    ["never fires, split", "count()", "count() by name"],
    ["fires for any app", "heartbeats == 0", "heartbeats >= 0"],
    ["inverted", "heartbeats == 0", "heartbeats > 0"],
  ],
  "run-failed": [
    [
      "any gateway's later failure explains it",
      "failedAt between (timestamp .. endedAt) and (isempty(failedIn) or failedIn == operation_Id)",
      "failedAt > timestamp",
    ],
    ["another invocation's failure explains it", " and (isempty(failedIn) or failedIn == operation_Id)", ""],
    ["no event explains it", "failedIn == operation_Id", "false"],
    ["needs the operation", "isempty(failedIn) or ", ""],
    ["inverted", "not(tobool(success))", "tobool(success)"],
    ["never fires", "!in (explained)", "in (explained)"],
    ["does not wait for events", "ago(10m)", "now()"],
    ["fires for requests over HTTP", `"resumeRotations")`, `"requestRotation")`],
  ],
  "gateway-overdue": [
    ["any for every", "min(overdue)", "max(overdue)"],
    ["fires at once", " and since < ago(24h)", ""],
    ["never fires", "ago(25h)", "ago(23h)"],
    ["an old number", "gateways = overdue", "gateways = fewest"],
  ],
  "secret-near-expiry": [
    ["inverted", "earliestExpiry < now() + 7d", "earliestExpiry > now() + 7d"],
    ["ten weeks", "7d", "70d"],
    ["fires for short-lived keys", "overdue > 0 and ", ""],
    ["misses what has expired", "earliestExpiry < now() or ", ""],
    [
      "the worst heartbeat for the last",
      "arg_max(timestamp, overdue, earliestExpiry)",
      "overdue = max(overdue), earliestExpiry = min(earliestExpiry)",
    ],
  ],
};
