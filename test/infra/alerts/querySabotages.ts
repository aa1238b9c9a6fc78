/** A wrong query that a developer could have written. */
export interface QuerySabotage {
  readonly alert: string;
  readonly name: string;
  /** Stands in the query exactly once. */
  readonly find: string;
  readonly replace: string;
}

const bothOutcomes = `in ("GatewayKeyRotated", "GatewayKeyRotationFailed")`;
const failuresOnly = `in ("GatewayKeyRotationFailed")`;

/** The situations must show each of them. */
export const querySabotages: readonly QuerySabotage[] = [
  {
    alert: "key-in-doubt",
    name: "misses a key that was found dead",
    find: `keyWorks == "false" or `,
    replace: "",
  },
  {
    alert: "key-in-doubt",
    name: "misses a dead key unless an attempt touched it",
    find: `keyWorks == "false" or`,
    replace: `keyWorks == "false" and effect != "unchanged" or`,
  },
  {
    alert: "key-in-doubt",
    name: "misses an only key in doubt",
    find: ` or (gatewayKind == "gatewayV1" and effect == "unknown")`,
    replace: "",
  },
  {
    alert: "key-in-doubt",
    name: "takes a key of which nothing is known for dead",
    find: `keyWorks == "false"`,
    replace: `keyWorks in ("false", "unknown")`,
  },
  {
    alert: "key-in-doubt",
    name: "fires for what is unchanged",
    find: ` and effect == "unknown"`,
    replace: "",
  },
  {
    alert: "key-in-doubt",
    name: "fires for the other key of two",
    find: `gatewayKind == "gatewayV1" and `,
    replace: "",
  },
  {
    alert: "key-in-doubt",
    name: "stays when a failure shows that the key works",
    find: ` or keyWorks == "true"`,
    replace: "",
  },
  {
    alert: "key-in-doubt",
    name: "any later failure ends it",
    find: `keyWorks == "true" or name == "GatewayKeyRotated"`,
    replace: "true",
  },
  { alert: "key-in-doubt", name: "fires for healthy runs", find: "| where isDoubtful;", replace: ";" },
  { alert: "key-in-doubt", name: "never resolves", find: bothOutcomes, replace: failuresOnly },
  { alert: "key-in-doubt", name: "300 mails", find: "total > 5", replace: "total > 500" },
  { alert: "key-in-doubt", name: "one alert for any number", find: "total > 5", replace: "total > 3" },
  { alert: "key-in-doubt", name: "loses the number", find: "sum(number)", replace: "max(number)" },
  {
    alert: "rotation-failed",
    name: "misses two-key gateways",
    find: `gatewayKind == "gatewayV1" and effect`,
    replace: "effect",
  },
  {
    alert: "rotation-failed",
    name: "a second alert for a key in doubt",
    find: " and (isnull(doubtfulAt) or worksAt > doubtfulAt)",
    replace: "",
  },
  {
    alert: "rotation-failed",
    name: "a second alert for a dead key",
    find: `keyWorks == "false" or `,
    replace: "",
  },
  {
    alert: "rotation-failed",
    name: "misses a key of which nothing is known",
    find: `keyWorks == "false"`,
    replace: `keyWorks in ("false", "unknown")`,
  },
  { alert: "rotation-failed", name: "silent after a doubt", find: " or worksAt > doubtfulAt", replace: "" },
  {
    alert: "rotation-failed",
    name: "silent when a failure shows that the key works again",
    find: `keyWorks == "true" or `,
    replace: "",
  },
  { alert: "rotation-failed", name: "never resolves", find: bothOutcomes, replace: failuresOnly },
  { alert: "rotation-failed", name: "300 mails", find: "total > 5", replace: "total > 500" },
  { alert: "gateway-host-behind", name: "inverted", find: `seen == "no"`, replace: `seen == "yes"` },
  { alert: "gateway-host-behind", name: "fires for every host", find: `| where seen == "no";`, replace: ";" },
  {
    alert: "gateway-host-behind",
    name: "a failed read ends it",
    find: "| where isnotempty(seen)\n",
    replace: "",
  },
  {
    alert: "gateway-host-behind",
    name: "never resolves",
    find: "isnotempty(seen)",
    replace: `seen == "no"`,
  },
  { alert: "gateway-host-behind", name: "300 mails", find: "> 5;", replace: "> 500;" },
  { alert: "gateway-host-behind", name: "one alert for any number", find: "> 5;", replace: "> 3;" },
  {
    alert: "gateway-host-behind",
    name: "a mail for each secret",
    find: "nextAction = iff(isMany",
    replace: "nextAction = iff(false",
  },
  { alert: "no-heartbeat", name: "never fires, split", find: "count()", replace: "count() by name" },
  { alert: "no-heartbeat", name: "fires for any app", find: "heartbeats == 0", replace: "heartbeats >= 0" },
  { alert: "no-heartbeat", name: "inverted", find: "heartbeats == 0", replace: "heartbeats > 0" },
  {
    alert: "run-failed",
    name: "any gateway's later failure explains it",
    find: "failedAt between (timestamp .. endedAt) and (isempty(failedIn) or failedIn == operation_Id)",
    replace: "failedAt > timestamp",
  },
  {
    alert: "run-failed",
    name: "another invocation's failure explains it",
    find: " and (isempty(failedIn) or failedIn == operation_Id)",
    replace: "",
  },
  { alert: "run-failed", name: "no event explains it", find: "failedIn == operation_Id", replace: "false" },
  { alert: "run-failed", name: "needs the operation", find: "isempty(failedIn) or ", replace: "" },
  { alert: "run-failed", name: "inverted", find: "not(tobool(success))", replace: "tobool(success)" },
  { alert: "run-failed", name: "never fires", find: "!in (explained)", replace: "in (explained)" },
  { alert: "run-failed", name: "does not wait for events", find: "ago(10m)", replace: "now()" },
  {
    alert: "run-failed",
    name: "fires for requests over HTTP",
    find: `"resumeRotations")`,
    replace: `"requestRotation")`,
  },
  { alert: "gateway-overdue", name: "any for every", find: "min(overdue)", replace: "max(overdue)" },
  { alert: "gateway-overdue", name: "fires at once", find: " and since < ago(24h)", replace: "" },
  { alert: "gateway-overdue", name: "never fires", find: "ago(25h)", replace: "ago(23h)" },
  {
    alert: "gateway-overdue",
    name: "an old number",
    find: "gateways = overdue",
    replace: "gateways = fewest",
  },
  {
    alert: "secret-near-expiry",
    name: "inverted",
    find: "earliestExpiry < now() + 7d",
    replace: "earliestExpiry > now() + 7d",
  },
  { alert: "secret-near-expiry", name: "ten weeks", find: "7d", replace: "70d" },
  { alert: "secret-near-expiry", name: "fires for short-lived keys", find: "overdue > 0 and ", replace: "" },
  {
    alert: "secret-near-expiry",
    name: "misses what has expired",
    find: "earliestExpiry < now() or ",
    replace: "",
  },
  {
    alert: "secret-near-expiry",
    name: "the worst heartbeat for the last",
    find: "arg_max(timestamp, overdue, earliestExpiry)",
    replace: "overdue = max(overdue), earliestExpiry = min(earliestExpiry)",
  },
];
