import type { CallProblem } from "../domain/attempt.ts";
import type { Clock } from "../domain/clock.ts";
import { sameKey } from "../domain/redacted.ts";
import type { NewVersion, ReadOutcome, SecretStore, SecretVersion } from "../domain/secretStore.ts";
import type { SecretAddress } from "../domain/target.ts";

/**
 * - `stored`: the key is in the vault.
 * - `unstored`: until the deadline the vault did not confirm that it holds the key. `problem` is the last write's.
 * - `stopped`: another runner has taken the rotation over: this key is dead or about to be.
 */
export type StoreOutcome =
  | { readonly kind: "stored"; readonly secret: SecretVersion }
  | { readonly kind: "unstored"; readonly problem: CallProblem }
  | { readonly kind: "stopped" };

/** `held`: this runner holds the claim. `lost`: another runner took it. `unknown`: storage did not confirm the claim. */
export type Claim =
  | { readonly kind: "held" | "lost" }
  | { readonly kind: "unknown"; readonly problem: CallProblem };

export interface StoreTerms {
  readonly clock: Clock;
  /** When the last try starts, in milliseconds since 1970. That try can take three call time-outs. */
  readonly deadline: number;
  /** Called before each write: whether this runner still holds the claim. */
  mayWrite(): Promise<Claim>;
  /** Waits `ms` milliseconds, and keeps the claim meanwhile. */
  hold(ms: number): Promise<Claim>;
  /** Called before each further write: how long until the vault has room for it, in milliseconds. */
  roomInMs(): number;
  /** A random number from 0 to 1. */
  random(): number;
  /** Called each time the vault refuses the key in a way that does not pass by itself. */
  onRefused(): void;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/**
 * Stores a regenerated key in the vault. This process holds the only copy of the key, so it keeps trying until the
 * deadline, whatever the vault answers. After an unclear answer it reads the latest version before it writes again, so
 * that one key does not become two versions. Only at the deadline does it write without a successful read.
 */
export async function storeKey(
  secrets: SecretStore,
  address: SecretAddress,
  version: NewVersion,
  { clock, deadline, mayWrite, hold, roomInMs, random, onRefused }: StoreTerms,
): Promise<StoreOutcome> {
  let problem: CallProblem | undefined;
  let inDoubt = false;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const lastTry = clock.now() >= deadline;
    if (inDoubt) {
      const latest = await secrets.readLatest(address);
      if (isOurs(latest, version)) return { kind: "stored", secret: latest.secret };
      inDoubt = latest.kind === "failed" && !lastTry;
    }
    if (!inDoubt) {
      const claim = await mayWrite();
      if (claim.kind === "lost") return { kind: "stopped" };
      if (claim.kind === "unknown") {
        problem = { code: "claim-unknown", message: "Storage does not confirm the claim.", transient: true };
      } else {
        const written = await secrets.write(address, version);
        if (written.kind === "stored") return written;
        problem = written.problem;
        inDoubt = written.kind === "unclear";
        if (!inDoubt && !problem.transient) onRefused();
      }
    }
    if (lastTry && problem !== undefined) {
      const latest: ReadOutcome = inDoubt ? await secrets.readLatest(address) : { kind: "none" };
      return isOurs(latest, version)
        ? { kind: "stored", secret: latest.secret }
        : { kind: "unstored", problem };
    }
    // The random part spreads the next tries of keys that the vault refused at the same moment.
    const backoffMs = Math.max(pauseMs / 2, problem?.retryAfterMs ?? 0) + (pauseMs / 2) * random();
    for (let waitMs = Math.max(backoffMs, roomInMs()); waitMs > 0; waitMs = roomInMs()) {
      // The vault may ask for a wait beyond the deadline. The last try still comes at the deadline.
      const remainingMs = Math.max(0, deadline - clock.now());
      const claim = await hold(Math.min(waitMs, remainingMs));
      if (claim.kind === "lost") return { kind: "stopped" };
      if (remainingMs <= waitMs) break;
    }
  }
}

function isOurs(
  latest: ReadOutcome,
  { key }: NewVersion,
): latest is Extract<ReadOutcome, { kind: "enabled" }> {
  return latest.kind === "enabled" && sameKey(latest.key, key);
}
