import pMap from "p-map";
import { clockResolutionMs } from "../domain/clock.ts";
import type { HostStatus, TargetInspector } from "../domain/inspection.ts";
import { type Gateway, hasOneKey, hostAction } from "../domain/target.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import { type Journal, journalName, type SeenHost } from "../journal/journal.ts";
import { hostCheckAt, type ReadSummaries } from "../journal/journalSummary.ts";
import { createJournals } from "../journal/journals.ts";
import type { InvocationTerms, RotationServices } from "../rotation/context.ts";

/**
 * A subscription allows 250 reads at once, and 25 a second more. One tick reads at most this many hosts of one
 * subscription, for at most a minute, so that it stays below the limit and delays no rotation. The next tick continues.
 */
const mostReads = 200;
const longestMs = 60_000;

/** Read the journal, read the status, write the journal. */
const callsOfRead = 3;

/** The most characters of a status that the journal keeps. The service decides how long the text is. */
const longestStatus = 60;

/**
 * Reads the status of hosts that may not have registered with their new key yet, records it in the journals, and emits
 * `GatewayHostSeen` for each. It informs the operator and touches no key. A read that fails only adds its message to that
 * event. When another runner writes a journal meanwhile, that runner's text stays. The summaries show which hosts are
 * due, so that a tick without one makes no call.
 */
export async function readHosts(
  {
    inspector,
    clock,
    events,
  }: Pick<RotationServices, "clock" | "events"> & {
    readonly inspector: Pick<TargetInspector, "host">;
  },
  storage: StorageTerms,
  { deadline, callTimeoutMs, concurrency }: InvocationTerms,
  configured: readonly Gateway[],
  { summaries, now }: Extract<ReadSummaries, { kind: "read" }>,
): Promise<void> {
  const due = configured
    .flatMap((gateway) => {
      const at = summaries.get(journalName(gateway))?.hostCheckAt;
      return at === undefined || at > now ? [] : [{ gateway, at }];
    })
    .sort((a, b) => a.at - b.at);
  const bySubscription = Map.groupBy(due, ({ gateway }) => gateway.target.subscriptionId.toLowerCase());
  const journals = createJournals(storage);
  const lastStart = Math.min(deadline - callsOfRead * callTimeoutMs, clock.now() + longestMs);

  async function readHost(gateway: Gateway): Promise<void> {
    if (clock.now() > lastStart || !hasOneKey(gateway.target)) return;
    const read = await journals.read(gateway);
    if (read.kind !== "read") return;
    const { held } = read;
    const { journal } = held;
    const checkedAt = Math.floor((clock.now() + held.clockOffsetMs) / clockResolutionMs) * clockResolutionMs;
    // The summary is older than this journal: another runner may have rotated the gateway since, or read its host.
    if ((hostCheckAt(gateway, journal) ?? Number.POSITIVE_INFINITY) > checkedAt) return;
    const outcome = await inspector.host(gateway.target);
    const seen = outcome.kind === "read" ? seenIn(outcome.host, journal) : undefined;
    const host = { checkedAt, seen: seen ?? journal.host?.seen ?? null };
    const written = await journals.write(gateway, held, { ...journal, host });
    if (written.kind === "lost") return;
    // The journal's secret holds the key that the host needs, even when the configuration names another secret now.
    const rotated = { ...gateway, secret: { vaultUrl: journal.vaultUrl, secretName: journal.secretName } };
    events.emit({
      name: "GatewayHostSeen",
      gateway: rotated,
      status: seen?.status ?? "unknown",
      registeredAt: seen?.registeredAt == null ? undefined : new Date(seen.registeredAt),
      sinceRotation: seen?.sinceRotation,
      message: outcome.kind === "failed" ? outcome.problem.message : undefined,
      nextAction: seen?.sinceRotation === false ? hostAction(rotated) : undefined,
    });
  }

  const chosen = [...bySubscription.values()].flatMap((each) => each.slice(0, mostReads));
  await pMap(chosen, ({ gateway }) => readHost(gateway), { concurrency });
}

/**
 * Whether the host has registered since the journal's last rotation. The service's clock and storage's clock differ by
 * seconds; an operator takes longer to give a host its key.
 */
function seenIn({ status, registeredAt }: HostStatus, { commit, slots }: Journal): SeenHost {
  const regeneratedAt = commit === null ? Number.POSITIVE_INFINITY : (slots[commit.slot]?.at ?? commit.at);
  const at = registeredAt?.getTime() ?? null;
  return {
    status: status.slice(0, longestStatus),
    registeredAt: at,
    sinceRotation: (at ?? 0) > regeneratedAt,
  };
}
