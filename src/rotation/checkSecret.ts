import { retryTransient } from "../domain/clock.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import { isElsewhere, type Journal } from "../journal/journal.ts";
import { type Context, callsOfRotation, lastStartFor, type Stopped, stopped } from "./context.ts";
import { failure, refusedByPolicy } from "./failures.ts";
import { certificateRefusal } from "./nextStep.ts";
import { outOfTime } from "./outcome.ts";

/** Key Vault takes seconds to delete a secret. Meanwhile the secret and the deleted secret answer 404, and a write 409. */
const deletionMs = 60_000;
const pauseMs = 5_000;

/**
 * Whether the vault would accept a version of the gateway's secret. The preflight does not show that, since it writes
 * another secret. When a committed secret and its deleted secret are both missing, the vault may be deleting the secret
 * at this moment. Only after a minute does the secret count as purged.
 *
 * @param latest the latest version, as it was read
 * @returns `free`: nothing is known that keeps the vault from accepting a version
 */
export async function checkSecret(
  { services, gateway, terms }: Pick<Context, "services" | "gateway" | "terms">,
  latest: LatestVersion,
  journal: Journal | undefined,
): Promise<Stopped | { readonly kind: "free" }> {
  const certificate = certificateRefusal(latest);
  if (certificate !== undefined) return stopped(refusedByPolicy(gateway, certificate));
  if (latest.kind !== "none") return { kind: "free" };
  const { clock, secrets } = services;
  const retry = { clock, lastStart: lastStartFor(terms, callsOfRotation - 2) };
  const isGone = journal?.commit != null && !isElsewhere(journal, gateway);
  const purgedAt = isGone ? clock.now() + deletionMs : 0;
  for (;;) {
    const deleted = await retryTransient(() => secrets.readDeleted(gateway.secret), retry);
    if (deleted.kind === "failed") return stopped(failure("vaultUnreadable", gateway, deleted.problem));
    if (deleted.kind === "softDeleted") return stopped(failure("secretSoftDeleted", gateway));
    if (clock.now() >= purgedAt) return { kind: "free" };
    if (clock.now() + pauseMs > retry.lastStart) return stopped(outOfTime(gateway));
    await clock.sleep(pauseMs);
    const again = await retryTransient(() => secrets.readLatest(gateway.secret), retry);
    if (again.kind === "failed") return stopped(failure("vaultUnreadable", gateway, again.problem));
    if (again.kind !== "none") return stopped(undefined);
  }
}
