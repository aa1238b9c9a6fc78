import type { CallProblem } from "../domain/attempt.ts";
import { sameKey } from "../domain/redacted.ts";
import type { NewVersion, SecretStore, SecretVersion } from "../domain/secretStore.ts";
import type { SecretAddress } from "../domain/target.ts";
import type { Clock } from "./services.ts";

export type StoreOutcome =
  | { readonly kind: "stored"; readonly secret: SecretVersion }
  | { readonly kind: "unstored"; readonly problem: CallProblem };

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/**
 * Puts a regenerated key into the vault. The old key is dead or one rotation from it, and this process holds
 * the only copy of the new one: so it keeps trying, whatever the vault answers, until `deadline` (milliseconds
 * since 1970). After an unclear answer it reads back first, so that one key does not become two versions.
 */
export async function storeKey(
  secrets: SecretStore,
  clock: Clock,
  address: SecretAddress,
  version: NewVersion,
  deadline: number,
): Promise<StoreOutcome> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const written = await secrets.write(address, version);
    if (written.kind === "stored") return written;
    if (written.kind === "unclear") {
      const latest = await secrets.readLatest(address);
      if (latest.kind === "enabled" && sameKey(latest.key, version.key))
        return { kind: "stored", secret: latest.secret };
    }
    const remainingMs = deadline - clock.now();
    if (remainingMs <= 0) return { kind: "unstored", problem: written.problem };
    // However long the vault asks to wait: the last try comes at the deadline, not never.
    await clock.sleep(Math.min(Math.max(pauseMs, written.problem.retryAfterMs ?? 0), remainingMs));
  }
}
