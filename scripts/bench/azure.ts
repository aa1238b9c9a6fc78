import { createTokenBucket, type TokenBucket } from "../../local/simulator/tokenBucket.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { mulberry32 } from "../../test/support/mulberry32.ts";
import type { VirtualClock } from "./virtualClock.ts";

/** A limit as a service keeps it. */
export interface BucketTerms {
  readonly capacity: number;
  readonly refillPerSecond: number;
}

/** As documented (request-limits-and-throttling): writes of one subscription. */
export const documentedBucket: BucketTerms = { capacity: 200, refillPerSecond: 10 };

export interface AzureTerms {
  readonly bucket: BucketTerms;
  /** How long a call takes to and fro, in milliseconds: up to a fifth longer, by chance. */
  readonly latencyMs: number;
}

/** A call's answer, as far as the limits are concerned. */
export type Admission =
  | { readonly kind: "taken"; readonly remaining: number }
  | { readonly kind: "throttled"; readonly remaining: number; readonly retryAfterMs: number };

/** What is common to all that a benchmark calls: time that passes, limits that are kept, and what was counted. */
export interface BenchAzure<C extends Clock = VirtualClock> {
  readonly clock: C;
  readonly counts: Counts;
  /** Writes that another client asked for, and how many of them were refused. */
  readonly others: { asked: number; refused: number };
  /** Half a call's time, on its way there or back. */
  travel(): Promise<void>;
  /** One write of a subscription arrives at Resource Manager. */
  takeWrite(subscriptionId: string, whose?: "ours" | "others"): Admission;
  /** One new secret version arrives at a vault: 300 in any ten seconds. */
  takeVersion(vaultUrl: string): Admission;
}

export const noCounts = {
  writes: 0,
  versions: 0,
  storageCalls: 0,
  vaultReads: 0,
  /** 429s of Resource Manager, and of Key Vault. */
  throttledWrites: 0,
  throttledVersions: 0,
};
export type Counts = typeof noCounts;

const versionsInWindow = 300;
const windowMs = 10_000;

export function createBenchAzure<C extends Clock>(clock: C, terms: AzureTerms): BenchAzure<C> {
  const buckets = new Map<string, TokenBucket>();
  const vaults = new Map<string, number[]>();
  const random = mulberry32(1);
  const counts = { ...noCounts };
  const others = { asked: 0, refused: 0 };

  return {
    clock,
    counts,
    others,
    travel: () => clock.sleep((terms.latencyMs / 2) * (1 + random() / 5)),
    takeWrite(subscriptionId, whose = "ours") {
      const bucket = buckets.get(subscriptionId) ?? createTokenBucket(terms.bucket, clock.now);
      buckets.set(subscriptionId, bucket);
      const taken = bucket.take();
      const refused = taken.kind === "taken" ? 0 : 1;
      if (whose === "ours") {
        counts.writes += 1;
        counts.throttledWrites += refused;
      } else {
        others.asked += 1;
        others.refused += refused;
      }
      if (taken.kind === "taken") return { kind: "taken", remaining: bucket.remaining() };
      return { kind: "throttled", remaining: 0, retryAfterMs: taken.retryAfterSeconds * 1000 };
    },
    takeVersion(vaultUrl) {
      const taken = vaults.get(vaultUrl) ?? [];
      vaults.set(vaultUrl, taken);
      counts.versions += 1;
      while (taken[0] !== undefined && taken[0] <= clock.now() - windowMs) taken.shift();
      const remaining = versionsInWindow - taken.length;
      if (remaining > 0) {
        taken.push(clock.now());
        return { kind: "taken", remaining: remaining - 1 };
      }
      counts.throttledVersions += 1;
      const leavesAt = (taken[0] ?? clock.now()) + windowMs;
      return {
        kind: "throttled",
        remaining,
        retryAfterMs: Math.ceil((leavesAt - clock.now()) / 1000) * 1000,
      };
    },
  };
}
