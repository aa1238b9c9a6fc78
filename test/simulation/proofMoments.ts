import type { Gateway } from "../../src/domain/target.ts";
import type { Journal } from "../../src/rotation/journal.ts";
import { callTimeoutMs, publishedKeyWorks, versionsOf } from "./engine.ts";
import type { Call } from "./fate.ts";
import { compromisedRunsOf, journalsOf, runsIn } from "./kept.ts";
import type { World } from "./world.ts";

/** What may happen besides what the runners do, and what cannot be asked of them then. */
export interface Circumstances {
  /** Of every gateway that there is, as it was configured first. */
  readonly gateways: readonly Gateway[];
  /** People write to the vault: what they publish is mended by the next run. */
  readonly hands: boolean;
  /** Gateways are given other destinations. */
  readonly edited: boolean;
  /** A process's own clock may be set while it works: it may go by a claim that has run out, and ignore one that has not. */
  readonly clocksJump: boolean;
}

/** The gateway with the destination that its journal names. */
export function kept(world: World, gateway: Gateway): Gateway {
  const [journal] = journalsOf(world, gateway);
  if (journal === undefined) return gateway;
  const { vaultUrl, secretName } = journal;
  return { ...gateway, secret: { vaultUrl, secretName } };
}

/** What is wrong with a moment, or undefined. */
export function inWorld({ gateways, hands, edited }: Circumstances, world: World): string | undefined {
  for (const configured of gateways) {
    const journals = journalsOf(world, configured);
    if (journals.length > 1) return "one target has two journals";
    const gateway = kept(world, configured);
    const commit = journals[0]?.commit;
    const versions = versionsOf(world, gateway);
    // Moved back to a secret that it once had, a gateway finds an old key there until it is rotated.
    const isPublished = !edited || versions.at(-1)?.id === commit?.version;
    const twoKeys = gateway.target.kind === "integrationRuntime" && !isInQuestion(world, gateway);
    if (twoKeys && !hands && isPublished && publishedKeyWorks(world, gateway) === false)
      return "the published key of a two-key target is dead";
    const version = versions.find(({ id }) => id === commit?.version);
    if (version !== undefined && version.tags["client-request-id"] !== commit?.clientRequestId)
      return "the commit names another attempt than the one that made the version's key";
  }
  return undefined;
}

/** A leaked key is replaced at once: until the check that is owed then, what is published may be dead. */
const isInQuestion = (world: World, gateway: Gateway): boolean =>
  compromisedRunsOf(world, gateway).some(({ gateways }) => gateways.some(({ state }) => state !== "done"));

const clockResolutionMs = 1000;
const preflightMs = 5 * 60_000;

/** A side effect is journaled, claimed and, where it destroys a key, preceded by a write that the vault took. */
export function beforeSending(
  { gateways, clocksJump }: Circumstances,
  world: World,
  call: Call,
): string | undefined {
  const isKey = call.operation === "regenerate" || call.payload.includes('"client-request-id"');
  if ((call.operation !== "regenerate" && call.operation !== "write") || !isKey || clocksJump)
    return undefined;
  const gateway = gateways.find((each) => isAbout(call, each));
  if (gateway === undefined) return undefined;
  const [journal] = journalsOf(world, gateway);
  const what = call.operation === "write" ? "a key is stored" : "a key is regenerated";
  if (journal === undefined || journal.intent === null) return `${what} without an intent`;
  const { attempts, claimedUntil } = journal.intent;
  const last = attempts.at(-1)?.clientRequestId;
  if (last === undefined || !call.payload.includes(last))
    return `${what} for an attempt that is not the journal's last`;
  if (claimedUntil < world.now + callTimeoutMs - clockResolutionMs)
    return `${what} on a claim that ends before the call may`;
  if (call.operation === "write") return undefined;
  const [first, second] = attempts;
  const isProven = lastWriteTo(world, journal) >= (first?.at ?? 0) - preflightMs - clockResolutionMs;
  if (second === undefined && !isProven)
    return "a key is regenerated though its vault has taken no write before";
  return isSatisfied(world, journal) ? "a key is regenerated that was replaced for this run" : undefined;
}

/** A secret that a gateway is moved to is named after its first one. */
const isAbout = ({ operation, subject }: Call, { target, secret }: Gateway): boolean =>
  operation === "write"
    ? subject.startsWith(secret.secretName)
    : subject.startsWith(`${target.identity.slice(target.identity.lastIndexOf("/") + 1)} `);

function lastWriteTo(world: World, { vaultUrl }: Journal): number {
  const secrets = Object.values(world.vaults[vaultUrl] ?? {});
  return Math.max(...secrets.map(({ versions }) => versions.at(-1)?.createdOn ?? 0)) * 1000;
}

const forTheRun = new Set(["asked", "every-tick", "due", "compromised"]);

/** Whether the intent is for a run after whose creation there was a rotation already: two runs chase each other. */
function isSatisfied(world: World, { intent, commit, slots }: Journal): boolean {
  if (intent === null || commit === null || !forTheRun.has(intent.reason)) return false;
  const run = runsIn(world).find(({ id }) => id === intent.runId);
  if (run === undefined) return false;
  const slot = slots[run.mode === "compromised" ? intent.slot : commit.slot];
  return intent.attempts.length === 1 && slot !== undefined && slot.at > run.createdAt;
}
