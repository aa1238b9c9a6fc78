import type { Gateway } from "../../src/domain/target.ts";
import { rotateAll } from "../../src/runs/rotateAll.ts";
import { ofNewRun } from "../../test/support/gateways.ts";
import { mulberry32 } from "../../test/support/mulberry32.ts";
import { type BenchAzure, type BucketTerms, createBenchAzure, documentedBucket } from "./azure.ts";
import { createFleet, defaultConcurrency, runTerms } from "./fleet.ts";
import type { Goal, Row, Section } from "./report.ts";
import { createKept, createServices } from "./services.ts";
import { createVirtualClock } from "./virtualClock.ts";

const usual = {
  bucket: documentedBucket,
  /** Who else takes from the buckets. */
  company: "alone" as "alone" | "another client takes half" | "our own other instance",
  vaults: "each" as "each" | "one",
  /** Of a call, to and fro; up to a fifth longer, by chance. */
  latencyMs: 50,
};

type Scenario = typeof usual & { readonly gateways: number; readonly subscriptions: number };

const versionsPerSecond = 30;
const versionsInWindow = 300;

const scenarios: readonly Scenario[] = [
  ...[1000, 10_000].flatMap((gateways) =>
    [1, 10, 50].map((subscriptions) => ({ ...usual, gateways, subscriptions })),
  ),
  ...(["another client takes half", "our own other instance"] as const).flatMap((company) => [
    { ...usual, gateways: 1000, subscriptions: 1, company },
    { ...usual, gateways: 10_000, subscriptions: 10, company },
  ]),
  { ...usual, gateways: 1000, subscriptions: 1, bucket: { capacity: 50, refillPerSecond: 2 } },
  { ...usual, gateways: 1000, subscriptions: 1, bucket: { capacity: 20, refillPerSecond: 10 } },
  { ...usual, gateways: 1500, subscriptions: 1, bucket: { capacity: 500, refillPerSecond: 15 } },
  { ...usual, gateways: 1000, subscriptions: 1, latencyMs: 150 },
  { ...usual, gateways: 3000, subscriptions: 20, vaults: "one" },
];

/** Of one rotation, one after the other: journal, latest version, deleted secret, preflight, claim, regenerate, store, commit. */
const callsOfOne = 8;

type Measured = Awaited<ReturnType<typeof measure>>;

/** The makespan of a run beside what the limits allow, in virtual time. */
export async function benchMakespan(progress: (line: string) => void): Promise<Section> {
  const all: Measured[] = [];
  for (const scenario of scenarios) {
    progress(describe(scenario));
    all.push(await measure(scenario));
  }
  return {
    title: "Makespan, and answers of 429",
    text: [
      `In virtual time: the engine as it is deployed, over services in the same process. A call takes ${usual.latencyMs} to ${1.2 * usual.latencyMs} ms. A subscription has a token bucket of ${documentedBucket.capacity} writes, refilled with ${documentedBucket.refillPerSecond} a second, unless the row says otherwise. A vault takes ${versionsInWindow} versions in 10 seconds; every subscription has a vault of its own, unless the row says otherwise. No gateway was ever rotated before. \`ROTATION_CONCURRENCY\` is ${defaultConcurrency}, so at most ${8 * defaultConcurrency} gateways are rotated at the same time. The processor costs no time.`,
      `The ideal is the moment at which the services have let the last gateway through, plus the ${callsOfOne} calls of one rotation. The column \`decides\` names what it depends on: the bucket, the vault, or the calls alone. In the last case, \`ROTATION_CONCURRENCY\` makes the run longer. We leave 5 % of a vault's limit to other clients, since no header shows how many versions are left and a key that is made must not wait for the vault. The other client that takes half asks at random moments and does not repeat what was refused. The ideal leaves it all that it asks for, so a row above 100 % took writes from it. The last column shows how many of its calls were refused. A vault answers the first call with a challenge for a token, which the model leaves out.`,
    ],
    rows: all.map(toRow),
    goals: goalsOf(all),
  };
}

function goalsOf(measured: readonly Measured[]): readonly Goal[] {
  const byBucket = someOf(measured, ({ decides }) => decides === "bucket");
  const alone = someOf(measured, ({ scenario }) => scenario.company === "alone");
  const shared = someOf(measured, ({ scenario }) => scenario.company === "another client takes half");
  const least = Math.min(...byBucket.map(({ idealSeconds, seconds }) => idealSeconds / seconds));
  const refused = alone.reduce((sum, { throttled }) => sum + throttled, 0);
  const share = Math.max(...shared.map(({ throttled, calls }) => throttled / calls));
  const othersShare = Math.max(...shared.map(({ others }) => others.refused / others.asked));
  return [
    {
      goal: "where the bucket decides, from 1,000 gateways on: at least 98 % of the ideal",
      measured: percent(least),
      reached: least >= 0.98,
    },
    { goal: "no 429 when alone", measured: String(refused), reached: refused === 0 },
    {
      goal: "at most 1 % of 429 when another client takes half",
      measured: percent(share),
      reached: share <= 0.01,
    },
    {
      goal: "at most 1 % of 429 for the other client that takes half",
      measured: percent(othersShare),
      reached: othersShare <= 0.01,
    },
  ];
}

/** A goal is not reached by measuring nothing. */
function someOf(all: readonly Measured[], of: (measured: Measured) => boolean): readonly Measured[] {
  const some = all.filter(of);
  if (some.length === 0) throw new Error("No scenario measures this goal.");
  return some;
}

async function measure(scenario: Scenario) {
  const { gateways, subscriptions, bucket, company, vaults, latencyMs } = scenario;
  const fleet = createFleet(gateways, subscriptions, vaults);
  const clock = createVirtualClock();
  const azure = createBenchAzure(clock, { bucket, latencyMs });
  const services = createServices(azure, createKept(clock));
  if (company === "another client takes half") takeHalf(azure, fleet, bucket);
  const half = Math.ceil(gateways / 2);
  const shares = company === "our own other instance" ? [fleet.slice(0, half), fleet.slice(half)] : [fleet];
  const startedAt = clock.now();
  const runs = shares.map((share) => rotateAll(services, share.map(ofNewRun), runTerms(clock), () => {}));
  const results = await clock.run(Promise.all(runs));
  if (results.reduce((sum, { rotated }) => sum + rotated, 0) !== gateways)
    throw new Error(`${describe(scenario)}: not every gateway was rotated.`);
  const { throttledWrites, throttledVersions, writes, versions } = azure.counts;
  return {
    scenario,
    ...idealOf(scenario),
    seconds: (clock.now() - startedAt) / 1000,
    throttled: throttledWrites + throttledVersions,
    calls: writes + versions,
    others: azure.others,
  };
}

function toRow({ scenario, decides, ...of }: Measured): Row {
  return {
    "gateways over subscriptions": describe(scenario),
    decides,
    "ideal s": round(of.idealSeconds),
    "makespan s": round(of.seconds),
    "of the ideal": percent(of.idealSeconds / of.seconds),
    "429s": of.throttled,
    "of calls": percent(of.throttled / of.calls),
    "of the other client's": of.others.asked === 0 ? "" : percent(of.others.refused / of.others.asked),
  };
}

/** Another client takes half of each bucket at once, and asks for half of its refill from then on. */
function takeHalf({ clock, takeWrite }: BenchAzure, fleet: readonly Gateway[], bucket: BucketTerms): void {
  const startedAt = clock.now();
  const subscriptions = new Set(fleet.map(({ target }) => target.subscriptionId));
  for (const [i, subscription] of [...subscriptions].entries()) {
    for (let taken = 0; taken < bucket.capacity / 2; taken += 1) takeWrite(subscription, "others");
    const asks = asksForHalf(bucket, i);
    const askNext = (): void => {
      const { value: askedAt } = asks.next();
      clock.at(startedAt + 1000 * askedAt, () => {
        takeWrite(subscription, "others");
        askNext();
      });
    };
    askNext();
  }
}

/** When another client asks for a write of the subscription with that number, in seconds: at random moments. */
function* asksForHalf({ refillPerSecond }: BucketTerms, subscription: number): Generator<number, never> {
  const random = mulberry32(subscription + 1);
  for (let seconds = 0; ; ) {
    seconds -= Math.log(1 - random()) / (refillPerSecond / 2);
    yield seconds;
  }
}

/** When the bucket has let our calls through besides all that the other client asks for, in seconds. */
function besidesOthers(calls: number, bucket: BucketTerms, subscription: number): number {
  let needed = calls - bucket.capacity / 2;
  for (const askedAt of asksForHalf(bucket, subscription)) {
    if (needed <= askedAt * bucket.refillPerSecond) break;
    needed += 1;
  }
  return needed / bucket.refillPerSecond;
}

function idealOf(scenario: Scenario) {
  const { gateways, subscriptions, bucket, company, vaults, latencyMs } = scenario;
  const each = Math.ceil(gateways / subscriptions);
  const byBucket =
    company === "another client takes half"
      ? Math.max(...Array.from({ length: subscriptions }, (_, i) => besidesOthers(each, bucket, i)))
      : (each - bucket.capacity) / bucket.refillPerSecond;
  const inOneVault = vaults === "one" ? gateways : each;
  const byVault = (inOneVault - versionsInWindow) / versionsPerSecond;
  const letThrough = Math.max(0, byBucket, byVault);
  return {
    idealSeconds: letThrough + (callsOfOne * 1.1 * latencyMs) / 1000,
    decides: letThrough === 0 ? "calls" : byBucket >= byVault ? "bucket" : "vault",
  };
}

function describe({ gateways, subscriptions, bucket, company, vaults, latencyMs }: Scenario): string {
  return [
    `${gateways.toLocaleString("en")} over ${subscriptions}`,
    ...(company === "alone" ? [] : [company]),
    ...(bucket === documentedBucket ? [] : [`bucket of ${bucket.capacity} and ${bucket.refillPerSecond}/s`]),
    ...(vaults === "one" ? ["one vault"] : []),
    ...(latencyMs === usual.latencyMs ? [] : [`calls of ${latencyMs} ms`]),
  ].join(", ");
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;
const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
