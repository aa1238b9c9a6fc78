import {
  type Arrival,
  failed,
  failures,
  heartbeats,
  hosts,
  hoursAgo,
  invocation,
  oneKey,
  rotated,
  scheduledRun,
  twoKeys,
} from "./telemetry.ts";

export interface Situation {
  readonly name: string;
  readonly arrivals: readonly Arrival[];
  /** How many alerts each rule raises, with the value where it is another than 1; a rule that is absent raises none. */
  readonly alerts: Readonly<Record<string, string>>;
}

const times = <T>(count: number, of: (number: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => of(index + 1));

type Arrivals = readonly (Arrival | readonly Arrival[])[];

const situation = (name: string, alerts: Situation["alerts"], ...arrivals: Arrivals): Situation => ({
  name,
  arrivals: arrivals.flat(),
  alerts,
});

/** A situation of an app that is otherwise healthy. */
const otherwiseHealthy = (name: string, alerts: Situation["alerts"], ...arrivals: Arrivals): Situation =>
  situation(name, alerts, heartbeats({ from: 48 }), ...arrivals);

/** What alerts are for, and what must not raise any. docs/alerts.md shows this table. */
export const situations: readonly Situation[] = [
  situation("First deployment, before the first tick", { "no-heartbeat": "1" }),
  situation(
    "First deployment, three gateways wait for their first tick",
    {},
    heartbeats({ from: 3, overdue: 3 }),
  ),
  situation(
    "Three gateways were never rotated, a day after the first deployment",
    { "gateway-overdue": "1, value 3" },
    heartbeats({ from: 25, overdue: 3 }),
  ),
  otherwiseHealthy(
    "Days without a fault",
    {},
    scheduledRun(hoursAgo(27), [oneKey(), twoKeys()]),
    scheduledRun(hoursAgo(3), []),
  ),
  situation("Scaled to zero; the last four ticks are missing", {}, heartbeats({ from: 48, to: 0.4 })),
  situation("Telemetry arrives 40 minutes late", {}, heartbeats({ from: 48, delay: 40 })),
  situation(
    "Telemetry arrives 70 minutes late",
    { "no-heartbeat": "1" },
    heartbeats({ from: 48, delay: 70 }),
  ),
  situation("The app is stopped for three hours", { "no-heartbeat": "1" }, heartbeats({ from: 48, to: 3 })),
  situation(
    "The app runs again, after three hours",
    {},
    heartbeats({ from: 48, to: 3.1 }),
    heartbeats({ from: 0.1 }),
  ),
  situation(
    "Storage is unusable for three hours",
    { "no-heartbeat": "1", "run-failed": "1" },
    heartbeats({ from: 48, to: 3 }),
    times(35, (tick) => invocation(hoursAgo(3 - tick / 12), { of: "resumeRotations", succeeded: false })),
  ),
  otherwiseHealthy(
    "One key: the vault refused the new key (`applied`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.unstored(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: the request timed out (`unknown`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.timedOut(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: the request timed out, and later storage is down (`unchanged`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.timedOut(oneKey())]),
    failed(failures.storageDown(oneKey()), hoursAgo(2)),
  ),
  otherwiseHealthy(
    "One key: in doubt, then rotated",
    {},
    scheduledRun(hoursAgo(3), [failures.unstored(oneKey())]),
    rotated(oneKey(), hoursAgo(2.9)),
    scheduledRun(hoursAgo(1), []),
  ),
  otherwiseHealthy(
    "One key: in doubt, then rotated, then refused (`unchanged`)",
    { "rotation-failed": "1" },
    scheduledRun(hoursAgo(30), [failures.unstored(oneKey())]),
    rotated(oneKey(), hoursAgo(29)),
    scheduledRun(hoursAgo(3), [failures.refused(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: the request was refused (`unchanged`)",
    { "rotation-failed": "1" },
    scheduledRun(hoursAgo(3), [failures.refused(oneKey()), oneKey(2)]),
  ),
  otherwiseHealthy(
    "One key: never rotated, and the first request was refused (`unchanged`)",
    { "rotation-failed": "1" },
    scheduledRun(hoursAgo(3), [failures.refusedFirst(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: its secret is soft-deleted (`unchanged`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.softDeleted(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: its secret was soft-deleted and recovered, then refused (`unchanged`)",
    { "rotation-failed": "1" },
    scheduledRun(hoursAgo(27), [failures.softDeleted(oneKey())]),
    scheduledRun(hoursAgo(3), [failures.refused(oneKey())]),
  ),
  otherwiseHealthy(
    "One key: its secret was soft-deleted and recovered, then rotated",
    {},
    scheduledRun(hoursAgo(27), [failures.softDeleted(oneKey())]),
    scheduledRun(hoursAgo(3), [oneKey()]),
  ),
  otherwiseHealthy(
    "The host has registered before the verification",
    {},
    scheduledRun(hoursAgo(3), [oneKey()]),
    hosts(oneKey(), [hoursAgo(2.5)], true),
  ),
  otherwiseHealthy(
    "The host has not registered, three hours after the rotation",
    { "gateway-host-behind": "1" },
    scheduledRun(hoursAgo(3), [oneKey()]),
    hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5), hoursAgo(0.5)], false),
  ),
  otherwiseHealthy(
    "The host has not registered, and later its status cannot be read",
    { "gateway-host-behind": "1" },
    scheduledRun(hoursAgo(3), [oneKey()]),
    hosts(oneKey(), [hoursAgo(2.5)], false),
    hosts(oneKey(), [hoursAgo(1.5), hoursAgo(0.5)], undefined),
  ),
  otherwiseHealthy(
    "The host registered in the third hour after the rotation",
    {},
    scheduledRun(hoursAgo(3), [oneKey()]),
    hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5)], false),
    hosts(oneKey(), [hoursAgo(0.5)], true),
  ),
  otherwiseHealthy(
    "The status of the host could never be read",
    {},
    scheduledRun(hoursAgo(3), [oneKey()]),
    hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5), hoursAgo(0.5)], undefined),
  ),
  otherwiseHealthy(
    "The hosts of five gateways have not registered",
    { "gateway-host-behind": "5" },
    ...times(5, (number) => hosts(oneKey(number), [hoursAgo(0.5)], false)),
  ),
  otherwiseHealthy(
    "The hosts of 300 gateways have not registered",
    { "gateway-host-behind": "1, value 300" },
    ...times(300, (number) => hosts(oneKey(number), [hoursAgo(1.5), hoursAgo(0.5)], false)),
  ),
  otherwiseHealthy(
    "The status of a host that has not registered was last read 49 hours ago",
    {},
    hosts(oneKey(), [hoursAgo(50), hoursAgo(49)], false),
  ),
  otherwiseHealthy(
    "Two keys: the request timed out (`unknown`)",
    { "rotation-failed": "1" },
    scheduledRun(hoursAgo(3), [failures.timedOut(twoKeys())]),
  ),
  otherwiseHealthy(
    "Two keys: the published one is found dead, and the request refused (`unchanged`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.deadAndRefused(twoKeys()), twoKeys(2)]),
  ),
  otherwiseHealthy(
    "Two keys: the published one is found dead, and the request timed out (`unknown`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.deadAndTimedOut(twoKeys())]),
  ),
  otherwiseHealthy(
    "Two keys: the published one is found dead, and later storage is down (`unchanged`)",
    { "key-in-doubt": "1" },
    scheduledRun(hoursAgo(3), [failures.deadAndRefused(twoKeys())]),
    failed(failures.storageDown(twoKeys()), hoursAgo(2)),
  ),
  otherwiseHealthy(
    "Two keys: the published one was found dead, then rotated",
    {},
    scheduledRun(hoursAgo(27), [failures.deadAndRefused(twoKeys())]),
    scheduledRun(hoursAgo(3), [twoKeys()]),
  ),
  otherwiseHealthy(
    "Two keys: failed, then rotated",
    {},
    scheduledRun(hoursAgo(27), [failures.unstored(twoKeys())]),
    scheduledRun(hoursAgo(3), [twoKeys()]),
  ),
  otherwiseHealthy(
    "The last failure is older than 48 hours",
    {},
    scheduledRun(hoursAgo(49), [failures.unstored(oneKey()), failures.refused(twoKeys())]),
  ),
  otherwiseHealthy(
    "Five gateways failed",
    { "rotation-failed": "5" },
    scheduledRun(
      hoursAgo(3),
      times(5, (number) => failures.refused(twoKeys(number))),
    ),
  ),
  otherwiseHealthy(
    "An outage of hours over 300 one-key gateways",
    { "key-in-doubt": "1, value 300" },
    scheduledRun(
      hoursAgo(5),
      times(300, (number) => (number % 3 === 0 ? failures.timedOut : failures.unstored)(oneKey(number))),
    ),
  ),
  otherwiseHealthy(
    "The same outage, when all but four gateways are rotated again",
    { "key-in-doubt": "4" },
    scheduledRun(
      hoursAgo(5),
      times(300, (number) => failures.unstored(oneKey(number))),
    ),
    times(296, (number) => rotated(oneKey(number), hoursAgo(0.5))),
  ),
  otherwiseHealthy(
    "An outage of hours over 300 two-key gateways",
    { "rotation-failed": "1, value 300" },
    scheduledRun(
      hoursAgo(5),
      times(300, (number) => (number % 3 === 0 ? failures.timedOut : failures.vaultDown)(twoKeys(number))),
    ),
  ),
  otherwiseHealthy(
    "The configuration is broken, and a gateway fails later, in another invocation",
    { "run-failed": "1", "rotation-failed": "1" },
    invocation(hoursAgo(3), { of: "rotateOnSchedule", succeeded: false, operation: "schedule" }),
    failed(failures.refused(twoKeys()), hoursAgo(2.9)),
  ),
  otherwiseHealthy(
    "The platform ended a run; a gateway fails at the same time in another invocation",
    { "run-failed": "1", "rotation-failed": "1" },
    invocation(hoursAgo(3), {
      of: "rotateOnSchedule",
      succeeded: false,
      seconds: 1800,
      operation: "schedule",
    }),
    failed(failures.refused(twoKeys()), hoursAgo(2.9), { operation: "request" }),
    invocation(hoursAgo(2.9), { of: "requestRotation", succeeded: true, operation: "request" }),
  ),
  otherwiseHealthy(
    "A gateway failed in a run, and its event arrives 8 minutes after the run",
    {},
    scheduledRun(hoursAgo(0.1), [failures.refused(twoKeys())], { delay: 8 }),
  ),
  otherwiseHealthy(
    "A gateway failed in a run, and its event does not name its operation",
    { "rotation-failed": "1" },
    invocation(hoursAgo(3), { of: "rotateOnSchedule", succeeded: false, seconds: 60, operation: "schedule" }),
    failed(failures.refused(twoKeys()), new Date(hoursAgo(3).getTime() + 30_000)),
  ),
  otherwiseHealthy(
    "A run failed, and the next one did not",
    {},
    invocation(hoursAgo(27), { of: "rotateOnSchedule", succeeded: false }),
    scheduledRun(hoursAgo(3), []),
  ),
  otherwiseHealthy(
    "A request over HTTP failed",
    {},
    invocation(hoursAgo(3), { of: "requestRotation", succeeded: false }),
  ),
  situation(
    "A gateway is overdue for 20 hours",
    {},
    heartbeats({ from: 48, to: 20 }),
    heartbeats({ from: 20, overdue: 1 }),
  ),
  situation(
    "A gateway is overdue for 26 hours, and another for one",
    { "gateway-overdue": "1, value 2" },
    heartbeats({ from: 48, to: 26 }),
    heartbeats({ from: 26, to: 1, overdue: 1 }),
    heartbeats({ from: 1, overdue: 2 }),
  ),
  situation(
    "Overdue for a day, then rotated",
    {},
    heartbeats({ from: 48, to: 1, overdue: 1 }),
    heartbeats({ from: 1 }),
  ),
  situation(
    "Overdue since an outage that ended an hour ago",
    {},
    heartbeats({ from: 48, to: 40 }),
    heartbeats({ from: 1, overdue: 2 }),
  ),
  situation(
    "Overdue for 26 hours; the key expires in 5 days",
    { "gateway-overdue": "1", "secret-near-expiry": "1" },
    heartbeats({ from: 26, overdue: 1, expiry: 5 }),
  ),
  situation(
    "Overdue for 26 hours; the key expires in 8 days",
    { "gateway-overdue": "1" },
    heartbeats({ from: 26, overdue: 1, expiry: 8 }),
  ),
  situation(
    "A key that lives for 5 days is replaced daily (`expireAfterDays` alone)",
    {},
    heartbeats({ from: 48, expiry: 4.2 }),
  ),
  situation(
    "A key has expired (`expireAfterDays` alone)",
    { "secret-near-expiry": "1" },
    heartbeats({ from: 48, expiry: -0.1 }),
  ),
  situation(
    "The key was near its expiry, and was replaced ten minutes ago",
    {},
    heartbeats({ from: 20, to: 0.2, overdue: 1, expiry: 3 }),
    heartbeats({ from: 0.2, expiry: 90 }),
  ),
];
