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

const healthy = heartbeats({ from: 48 });
const times = <T>(count: number, of: (number: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => of(index + 1));

/** What alerts are for, and what must not raise any. docs/alerts.md shows this table. */
export const situations: readonly Situation[] = [
  { name: "First deployment, before the first tick", arrivals: [], alerts: { "no-heartbeat": "1" } },
  {
    name: "First deployment, three gateways wait for their first tick",
    arrivals: heartbeats({ from: 3, overdue: 3 }),
    alerts: {},
  },
  {
    name: "Three gateways were never rotated, a day after the first deployment",
    arrivals: heartbeats({ from: 25, overdue: 3 }),
    alerts: { "gateway-overdue": "1, value 3" },
  },
  {
    name: "Days without a fault",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(27), [oneKey(), twoKeys()]),
      ...scheduledRun(hoursAgo(3), []),
    ],
    alerts: {},
  },
  {
    name: "Scaled to zero; the last four ticks are missing",
    arrivals: heartbeats({ from: 48, to: 0.4 }),
    alerts: {},
  },
  { name: "Telemetry arrives 40 minutes late", arrivals: heartbeats({ from: 48, delay: 40 }), alerts: {} },
  {
    name: "Telemetry arrives 70 minutes late",
    arrivals: heartbeats({ from: 48, delay: 70 }),
    alerts: { "no-heartbeat": "1" },
  },
  {
    name: "The app is stopped for three hours",
    arrivals: heartbeats({ from: 48, to: 3 }),
    alerts: { "no-heartbeat": "1" },
  },
  {
    name: "The app runs again, after three hours",
    arrivals: [...heartbeats({ from: 48, to: 3.1 }), ...heartbeats({ from: 0.1 })],
    alerts: {},
  },
  {
    name: "Storage is unusable for three hours",
    arrivals: [
      ...heartbeats({ from: 48, to: 3 }),
      ...times(35, (tick) =>
        invocation(hoursAgo(3 - tick / 12), { of: "resumeRotations", succeeded: false }),
      ),
    ],
    alerts: { "no-heartbeat": "1", "run-failed": "1" },
  },
  {
    name: "One key: the vault refused the new key (`applied`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.unstored(oneKey())])],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "One key: the request timed out (`unknown`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.timedOut(oneKey())])],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "One key: the request timed out, and later storage is down (`unchanged`)",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [failures.timedOut(oneKey())]),
      failed(failures.storageDown(oneKey()), hoursAgo(2)),
    ],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "One key: in doubt, then rotated",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [failures.unstored(oneKey())]),
      rotated(oneKey(), hoursAgo(2.9)),
      ...scheduledRun(hoursAgo(1), []),
    ],
    alerts: {},
  },
  {
    name: "One key: in doubt, then rotated, then refused (`unchanged`)",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(30), [failures.unstored(oneKey())]),
      rotated(oneKey(), hoursAgo(29)),
      ...scheduledRun(hoursAgo(3), [failures.refused(oneKey())]),
    ],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "One key: the request was refused (`unchanged`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.refused(oneKey()), oneKey(2)])],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "One key: never rotated, and the first request was refused (`unchanged`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.refusedFirst(oneKey())])],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "One key: its secret is soft-deleted (`unchanged`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.softDeleted(oneKey())])],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "One key: its secret was soft-deleted and recovered, then refused (`unchanged`)",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(27), [failures.softDeleted(oneKey())]),
      ...scheduledRun(hoursAgo(3), [failures.refused(oneKey())]),
    ],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "One key: its secret was soft-deleted and recovered, then rotated",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(27), [failures.softDeleted(oneKey())]),
      ...scheduledRun(hoursAgo(3), [oneKey()]),
    ],
    alerts: {},
  },
  {
    name: "The host has registered before the verification",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [oneKey()]),
      ...hosts(oneKey(), [hoursAgo(2.5)], true),
    ],
    alerts: {},
  },
  {
    name: "The host has not registered, three hours after the rotation",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [oneKey()]),
      ...hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5), hoursAgo(0.5)], false),
    ],
    alerts: { "gateway-host-behind": "1" },
  },
  {
    name: "The host has not registered, and later its status cannot be read",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [oneKey()]),
      ...hosts(oneKey(), [hoursAgo(2.5)], false),
      ...hosts(oneKey(), [hoursAgo(1.5), hoursAgo(0.5)], undefined),
    ],
    alerts: { "gateway-host-behind": "1" },
  },
  {
    name: "The host registered in the third hour after the rotation",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [oneKey()]),
      ...hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5)], false),
      ...hosts(oneKey(), [hoursAgo(0.5)], true),
    ],
    alerts: {},
  },
  {
    name: "The status of the host could never be read",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [oneKey()]),
      ...hosts(oneKey(), [hoursAgo(2.5), hoursAgo(1.5), hoursAgo(0.5)], undefined),
    ],
    alerts: {},
  },
  {
    name: "The hosts of five gateways have not registered",
    arrivals: [...healthy, ...times(5, (number) => hosts(oneKey(number), [hoursAgo(0.5)], false)).flat()],
    alerts: { "gateway-host-behind": "5" },
  },
  {
    name: "The hosts of 300 gateways have not registered",
    arrivals: [
      ...healthy,
      ...times(300, (number) => hosts(oneKey(number), [hoursAgo(1.5), hoursAgo(0.5)], false)).flat(),
    ],
    alerts: { "gateway-host-behind": "1, value 300" },
  },
  {
    name: "The status of a host that has not registered was last read 49 hours ago",
    arrivals: [...healthy, ...hosts(oneKey(), [hoursAgo(50), hoursAgo(49)], false)],
    alerts: {},
  },
  {
    name: "Two keys: the request timed out (`unknown`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.timedOut(twoKeys())])],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "Two keys: the published one is found dead, and the request refused (`unchanged`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.deadAndRefused(twoKeys()), twoKeys(2)])],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "Two keys: the published one is found dead, and the request timed out (`unknown`)",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(3), [failures.deadAndTimedOut(twoKeys())])],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "Two keys: the published one is found dead, and later storage is down (`unchanged`)",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), [failures.deadAndRefused(twoKeys())]),
      failed(failures.storageDown(twoKeys()), hoursAgo(2)),
    ],
    alerts: { "key-in-doubt": "1" },
  },
  {
    name: "Two keys: the published one was found dead, then rotated",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(27), [failures.deadAndRefused(twoKeys())]),
      ...scheduledRun(hoursAgo(3), [twoKeys()]),
    ],
    alerts: {},
  },
  {
    name: "Two keys: failed, then rotated",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(27), [failures.unstored(twoKeys())]),
      ...scheduledRun(hoursAgo(3), [twoKeys()]),
    ],
    alerts: {},
  },
  {
    name: "The last failure is older than 48 hours",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(49), [failures.unstored(oneKey()), failures.refused(twoKeys())]),
    ],
    alerts: {},
  },
  {
    name: "Five gateways failed",
    arrivals: [
      ...healthy,
      ...scheduledRun(
        hoursAgo(3),
        times(5, (number) => failures.refused(twoKeys(number))),
      ),
    ],
    alerts: { "rotation-failed": "5" },
  },
  {
    name: "An outage of hours over 300 one-key gateways",
    arrivals: [
      ...healthy,
      ...scheduledRun(
        hoursAgo(5),
        times(300, (number) => (number % 3 === 0 ? failures.timedOut : failures.unstored)(oneKey(number))),
      ),
    ],
    alerts: { "key-in-doubt": "1, value 300" },
  },
  {
    name: "The same outage, when all but four gateways are rotated again",
    arrivals: [
      ...healthy,
      ...scheduledRun(
        hoursAgo(5),
        times(300, (number) => failures.unstored(oneKey(number))),
      ),
      ...times(296, (number) => rotated(oneKey(number), hoursAgo(0.5))),
    ],
    alerts: { "key-in-doubt": "4" },
  },
  {
    name: "An outage of hours over 300 two-key gateways",
    arrivals: [
      ...healthy,
      ...scheduledRun(
        hoursAgo(5),
        times(300, (number) => (number % 3 === 0 ? failures.timedOut : failures.vaultDown)(twoKeys(number))),
      ),
    ],
    alerts: { "rotation-failed": "1, value 300" },
  },
  {
    name: "The configuration is broken, and a gateway fails later, in another invocation",
    arrivals: [
      ...healthy,
      ...scheduledRun(hoursAgo(3), []).map((run) => ({
        ...run,
        row: { ...run.row, success: "False" },
      })),
      failed(failures.refused(twoKeys()), hoursAgo(2.9)),
    ],
    alerts: { "run-failed": "1", "rotation-failed": "1" },
  },
  {
    name: "The platform ended a run; a gateway fails at the same time in another invocation",
    arrivals: [
      ...healthy,
      invocation(hoursAgo(3), {
        of: "rotateOnSchedule",
        succeeded: false,
        seconds: 1800,
        operation: "schedule",
      }),
      failed(failures.refused(twoKeys()), hoursAgo(2.9), { operation: "request" }),
      invocation(hoursAgo(2.9), { of: "requestRotation", succeeded: true, operation: "request" }),
    ],
    alerts: { "run-failed": "1", "rotation-failed": "1" },
  },
  {
    name: "A gateway failed in a run, and its event arrives 8 minutes after the run",
    arrivals: [...healthy, ...scheduledRun(hoursAgo(0.1), [failures.refused(twoKeys())], { delay: 8 })],
    alerts: {},
  },
  {
    name: "A gateway failed in a run, and its event does not name its operation",
    arrivals: [
      ...healthy,
      invocation(hoursAgo(3), {
        of: "rotateOnSchedule",
        succeeded: false,
        seconds: 60,
        operation: "schedule",
      }),
      failed(failures.refused(twoKeys()), new Date(hoursAgo(3).getTime() + 30_000)),
    ],
    alerts: { "rotation-failed": "1" },
  },
  {
    name: "A run failed, and the next one did not",
    arrivals: [
      ...healthy,
      invocation(hoursAgo(27), { of: "rotateOnSchedule", succeeded: false }),
      ...scheduledRun(hoursAgo(3), []),
    ],
    alerts: {},
  },
  {
    name: "A request over HTTP failed",
    arrivals: [...healthy, invocation(hoursAgo(3), { of: "requestRotation", succeeded: false })],
    alerts: {},
  },
  {
    name: "A gateway is overdue for 20 hours",
    arrivals: [...heartbeats({ from: 48, to: 20 }), ...heartbeats({ from: 20, overdue: 1 })],
    alerts: {},
  },
  {
    name: "A gateway is overdue for 26 hours, and another for one",
    arrivals: [
      ...heartbeats({ from: 48, to: 26 }),
      ...heartbeats({ from: 26, to: 1, overdue: 1 }),
      ...heartbeats({ from: 1, overdue: 2 }),
    ],
    alerts: { "gateway-overdue": "1, value 2" },
  },
  {
    name: "Overdue for a day, then rotated",
    arrivals: [...heartbeats({ from: 48, to: 1, overdue: 1 }), ...heartbeats({ from: 1 })],
    alerts: {},
  },
  {
    name: "Overdue since an outage that ended an hour ago",
    arrivals: [...heartbeats({ from: 48, to: 40 }), ...heartbeats({ from: 1, overdue: 2 })],
    alerts: {},
  },
  {
    name: "Overdue for 26 hours; the key expires in 5 days",
    arrivals: heartbeats({ from: 26, overdue: 1, expiry: 5 }),
    alerts: { "gateway-overdue": "1", "secret-near-expiry": "1" },
  },
  {
    name: "Overdue for 26 hours; the key expires in 8 days",
    arrivals: heartbeats({ from: 26, overdue: 1, expiry: 8 }),
    alerts: { "gateway-overdue": "1" },
  },
  {
    name: "A key that lives for 5 days is replaced daily (`expireAfterDays` alone)",
    arrivals: heartbeats({ from: 48, expiry: 4.2 }),
    alerts: {},
  },
  {
    name: "A key has expired (`expireAfterDays` alone)",
    arrivals: heartbeats({ from: 48, expiry: -0.1 }),
    alerts: { "secret-near-expiry": "1" },
  },
  {
    name: "The key was near its expiry, and was replaced ten minutes ago",
    arrivals: [
      ...heartbeats({ from: 20, to: 0.2, overdue: 1, expiry: 3 }),
      ...heartbeats({ from: 0.2, expiry: 90 }),
    ],
    alerts: {},
  },
];
