import type { CallProblem } from "../domain/attempt.ts";
import { type Clock, nextPause } from "../domain/clock.ts";
import { sameKey } from "../domain/redacted.ts";
import type { NewVersion, ReadOutcome, SecretStore, SecretVersion } from "../domain/secretStore.ts";
import type { SecretAddress } from "../domain/target.ts";
import type { OpenIntent } from "./intent.ts";

/**
 * - `stored`: the key is in the vault.
 * - `unstored`: until the deadline the vault did not confirm that it holds the key. `problem`: why the last try failed.
 * - `stopped`: another runner has taken the rotation over: this key is dead or about to be.
 */
export type StoreOutcome =
  | { readonly kind: "stored"; readonly secret: SecretVersion }
  | { readonly kind: "unstored"; readonly problem: CallProblem }
  | { readonly kind: "stopped" };

/** What `storeKey` needs of a gateway's `Context`. */
interface StoreContext {
  readonly services: { readonly secrets: SecretStore; readonly clock: Clock; random(): number };
  readonly gateway: { readonly secret: SecretAddress };
  readonly terms: { readonly deadline: number };
  readonly pace: { toStore(): number };
  readonly preflight: { refused(vaultUrl: string): void };
  yield(): void;
}

/** Shorter than the first pause of other calls: the published key may be dead until this one is stored. */
const firstPauseMs = 500;

/**
 * Stores a regenerated key in the vault. This process holds the only copy of the key, so it keeps trying until the
 * deadline, whatever the vault answers. The last try starts at the deadline and can take three call time-outs. After an
 * unclear answer it reads the latest version before it writes again, so that one key does not become two versions. Only
 * at the deadline does it write without a successful read. While the key waits, `intent` keeps the claim.
 */
export async function storeKey(
  context: StoreContext,
  intent: Pick<OpenIntent, "extend" | "hold">,
  version: NewVersion,
): Promise<StoreOutcome> {
  const { services, gateway, terms, pace, preflight } = context;
  const { secrets, clock, random } = services;
  const { secret: address } = gateway;
  const { deadline } = terms;
  let problem: CallProblem | undefined;
  let inDoubt = false;
  for (let pauseMs = firstPauseMs; ; pauseMs = nextPause(pauseMs)) {
    const lastTry = clock.now() >= deadline;
    if (inDoubt) {
      const latest = await secrets.readLatest(address);
      if (isOurs(latest, version)) return { kind: "stored", secret: latest.secret };
      inDoubt = latest.kind === "failed" && !lastTry;
    }
    if (!inDoubt) {
      const claim = await intent.extend();
      if (claim.kind === "lost") return { kind: "stopped" };
      if (claim.kind === "failed") {
        problem = { code: "claim-unknown", message: "Storage does not confirm the claim.", transient: true };
      } else {
        const written = await secrets.write(address, version);
        if (written.kind === "stored") return written;
        problem = written.problem;
        inDoubt = written.kind === "unclear";
        // A refusal that does not pass by itself.
        if (!inDoubt && !problem.transient) {
          preflight.refused(address.vaultUrl);
          context.yield();
        }
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
    for (let waitMs = Math.max(backoffMs, pace.toStore()); waitMs > 0; waitMs = pace.toStore()) {
      // The wait may end after the deadline. The last try still starts at the deadline.
      const remainingMs = Math.max(0, deadline - clock.now());
      const claim = await intent.hold(Math.min(waitMs, remainingMs));
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
