import type { RotationEvent } from "../../../src/domain/rotationEvents.ts";
import { type Gateway, hasTwoKeys } from "../../../src/domain/target.ts";
import { type Journal, journalName } from "../../../src/journal/journal.ts";
import { callTimeoutMs, publishedKeyWorks, versionsOf } from "../engine/engineRunners.ts";
import type { Call } from "../models/call.ts";
import { makers, secretAt, type World } from "../models/world.ts";
import { isGuidOf } from "../scheduler/runner.ts";
import type { Violation } from "./promiseList.ts";
import { lostProgress } from "./runPromises.ts";
import { compromisedRunsOf, journalIn, journalsOf, runsIn } from "./storedRecords.ts";

/** Events beside the runners' own actions. Some promises do not hold with them. */
export interface Circumstances {
  /** All gateways, as they were configured first. */
  readonly gateways: readonly Gateway[];
  /** Versions are written outside this system. The next run replaces them. */
  readonly outsideWrites: boolean;
  /** Journals are deleted, and with them what their intents knew. */
  readonly journalsDeleted: boolean;
  /** An edit of the configuration gives a gateway another destination. */
  readonly edited: boolean;
  /**
   * A process's own clock is moved while it works. The process may then trust an expired claim, or ignore a claim that
   * still holds.
   */
  readonly clocksJump: boolean;
}

/** The gateway with the destination in its journal. */
export function withStoredDestination(world: World, gateway: Gateway): Gateway {
  const [journal] = journalsOf(world, gateway);
  if (journal === undefined) return gateway;
  const { vaultUrl, secretName } = journal;
  return { ...gateway, secret: { vaultUrl, secretName } };
}

/** The violations in a world. */
export function* inWorld(circumstances: Circumstances, world: World): Generator<Violation> {
  const { gateways, outsideWrites, journalsDeleted, edited } = circumstances;
  yield* lostProgress(world);
  for (const configured of gateways) {
    const journals = journalsOf(world, configured);
    if (journals.length > 1) yield { promise: "one-journal", what: "one gateway has two journals" };
    const gateway = withStoredDestination(world, configured);
    const commit = journals[0]?.commit;
    const versions = versionsOf(world, gateway);
    // Only the committed version must work: one from before a move, or written outside this system, may be dead.
    const isPublished = !(edited || outsideWrites) || versions.at(-1)?.id === commit?.version;
    const twoKeys = hasTwoKeys(gateway.target) && !isBeingReplaced(world, gateway);
    if (twoKeys && !journalsDeleted && isPublished && publishedKeyWorks(world, gateway) === false)
      yield { promise: "works-always", what: "the published key of a two-key gateway is dead" };
    const isOurs = isPublished && !journalsDeleted && !circumstances.clocksJump;
    if (isOurs && saysThatKeyWorks(world, configured) && publishedKeyWorks(world, gateway) === false)
      yield { promise: "key-state", what: "the journal says that the published key works, and it is dead" };
    yield* wrongAttempts(world, gateway);
  }
}

/** What `GET /api/gateways` reads: the summary in the metadata of the journal's blob. */
const saysThatKeyWorks = ({ blobs }: World, gateway: Gateway): boolean =>
  blobs.blobs.find(({ name }) => name === journalName(gateway))?.metadata["key_works"] === "true";

/** Versions that do not name the attempt that made their key, and attempts that made two keys. */
function* wrongAttempts(world: World, gateway: Gateway): Generator<Violation> {
  const madeBy = makers(world, gateway.target);
  if (new Set(madeBy.values()).size < madeBy.size)
    yield { promise: "one-request", what: "one attempt made two keys" };
  for (const { value, tags } of versionsOf(world, gateway)) {
    const maker = madeBy.get(value);
    if (maker !== undefined && tags["client-request-id"] !== maker)
      yield {
        promise: "named-attempt",
        what: "a version names another attempt than the one that made its key",
      };
  }
}

/** Whether a compromised run is unfinished. It never waits, so the published key may be dead until its verification. */
const isBeingReplaced = (world: World, gateway: Gateway): boolean =>
  compromisedRunsOf(world, gateway).some(({ gateways }) => gateways.some(({ state }) => state !== "done"));

const clockResolutionMs = 1000;
const preflightMs = 5 * 60_000;

/** The violations by a call that a runner is about to send. */
export function* beforeSending(circumstances: Circumstances, world: World, call: Call): Generator<Violation> {
  if (circumstances.clocksJump) return;
  for (const gateway of circumstances.gateways) {
    if (call.operation === "writeBlob" && call.subject === journalName(gateway))
      yield* overOtherClaim(world, call);
    else if (isAbout(call, gateway)) yield* beforeSideEffect(circumstances, world, call, gateway);
  }
}

function* overOtherClaim(world: World, { subject, over, runner }: Call): Generator<Violation> {
  const blob = world.blobs.blobs.find(({ name }) => name === subject);
  const journal = blob === undefined ? undefined : journalIn(blob);
  if (blob?.etag !== over || journal?.intent == null) return;
  const { attempts, claimedUntil } = journal.intent;
  const isOwn = isGuidOf(runner, attempts.at(-1)?.clientRequestId ?? "");
  if (!isOwn && claimedUntil > world.now)
    yield {
      promise: "claim-respected",
      what: "a runner writes over an intent that another runner has claimed",
    };
}

/** A side effect needs an intent and a claim. One that destroys a key also needs a vault that took a write. */
function* beforeSideEffect(
  { journalsDeleted }: Circumstances,
  world: World,
  call: Call,
  gateway: Gateway,
): Generator<Violation> {
  const [journal] = journalsOf(world, gateway);
  const what = call.operation === "write" ? "a key is stored" : "a key is regenerated";
  const { vaultUrl, secretName } = journal ?? gateway.secret;
  if (call.operation === "regenerate" && secretAt(world, { vaultUrl, secretName }).deletedAt !== undefined)
    yield { promise: "vault-writable", what: `${what}, and the vault has deleted its secret or is about to` };
  if (
    call.operation === "regenerate" &&
    lastWriteBy(world, call.runner, vaultUrl) < world.now - preflightMs - clockResolutionMs
  )
    yield {
      promise: "vault-writable",
      what: `${what}, and its runner saw the vault take no write in the last five minutes`,
    };
  if (journal === undefined || journal.intent === null) {
    if (!journalsDeleted) yield { promise: "journaled-first", what: `${what} without an intent` };
    return;
  }
  const { attempts, claimedUntil } = journal.intent;
  const last = attempts.at(-1)?.clientRequestId;
  if (!journalsDeleted && (last === undefined || !call.payload.includes(last)))
    yield { promise: "journaled-first", what: `${what} for an attempt that is not the journal's last` };
  if (!journalsDeleted && claimedUntil < world.now + callTimeoutMs - clockResolutionMs)
    yield { promise: "claim-held", what: `${what} on a claim that may end before the call ends` };
  if (call.operation === "regenerate" && isSatisfied(world, journal))
    yield { promise: "no-chase", what: "a key is regenerated that was replaced for this run already" };
}

/** Whether a call is a side effect on a gateway. The name of a new secret begins with the name of the first. */
function isAbout({ operation, subject, payload }: Call, { target, secret }: Gateway): boolean {
  switch (operation) {
    case "regenerate":
      return subject.startsWith(`${target.identity.slice(target.identity.lastIndexOf("/") + 1)} `);
    case "write":
      return subject.startsWith(secret.secretName) && payload.includes('"client-request-id"');
    default:
      return false;
  }
}

/** When the vault last took a write of this runner, in milliseconds since 1970; -Infinity: never. */
function lastWriteBy(world: World, runner: string, vaultUrl: string): number {
  const versions = Object.values(world.vaults[vaultUrl] ?? {}).flatMap((secret) => secret.versions);
  const own = versions.filter(({ writtenBy }) => writtenBy === runner);
  return Math.max(...own.map(({ createdOn }) => createdOn)) * 1000;
}

const runReasons = new Set(["asked", "every-tick", "due", "compromised"]);

/** Whether the intent's run was created before the last rotation, which already satisfies it. */
function isSatisfied(world: World, { intent, commit, slots }: Journal): boolean {
  if (intent === null || commit === null || !runReasons.has(intent.reason)) return false;
  const run = runsIn(world).find(({ id }) => id === intent.runId);
  if (run === undefined) return false;
  const slot = slots[run.mode === "compromised" ? intent.slot : commit.slot];
  return intent.attempts.length === 1 && slot !== undefined && slot.at > run.createdAt;
}

/**
 * The violations by the events that a runner emits in this world.
 *
 * @param earlier all events that it emitted before
 */
export function* onEvents(
  { gateways, clocksJump }: Circumstances,
  world: World,
  fresh: readonly RotationEvent[],
  earlier: readonly RotationEvent[],
): Generator<Violation> {
  for (const [i, event] of fresh.entries()) {
    if (event.name !== "GatewayKeyRotated" && event.name !== "GatewayKeyRotationFailed") continue;
    const gateway = gateways.find(({ target }) => target.identity === event.gateway.target.identity);
    if (gateway === undefined) continue;
    const effective = new Set(makers(world, gateway.target).values());
    if (event.name === "GatewayKeyRotated") {
      const stored = versionsOf(world, event.gateway).find(({ id }) => id === event.secretVersion);
      if (stored?.tags["client-request-id"] !== event.trace.clientRequestId)
        yield { promise: "true-report", what: "a version is reported that is not in the vault" };
      if (!effective.has(event.trace.clientRequestId) && !clocksJump)
        yield { promise: "true-report", what: "a rotation is reported whose attempt made no key" };
      continue;
    }
    const attempts = attemptsBehind(world, gateway, event.run.id, [...earlier, ...fresh.slice(0, i)]);
    const made = attempts.some((attempt) => effective.has(attempt));
    if (made && event.keyWorks === true && !hasTwoKeys(gateway.target))
      yield {
        promise: "key-state",
        what: `${event.code}: reports that the only key works, but another was made`,
      };
    if (event.effect === "unchanged" && made)
      yield { promise: "true-report", what: `${event.code} is reported as unchanged, but a key was made` };
    if (event.effect === "applied" && !made)
      yield { promise: "true-report", what: `${event.code} is reported as applied, but no key was made` };
  }
}

/**
 * The runner's own attempts since its last failure on the gateway, but for those of rotations that it has reported, and
 * those of an intent that it took over or made.
 */
function attemptsBehind(
  world: World,
  gateway: Gateway,
  runId: string,
  before: readonly RotationEvent[],
): readonly string[] {
  const about = before.filter(
    (event) =>
      "gateway" in event &&
      "run" in event &&
      event.run.id === runId &&
      event.gateway.target.identity === gateway.target.identity,
  );
  const since = about.slice(about.findLastIndex(({ name }) => name === "GatewayKeyRotationFailed") + 1);
  const rotated = new Set(
    since.flatMap((event) => (event.name === "GatewayKeyRotated" ? [event.rotationId] : [])),
  );
  const own = since.flatMap((event) =>
    event.name === "GatewayKeyRegenerating" && !rotated.has(event.rotationId) ? [event.clientRequestId] : [],
  );
  const hasTakenOver = since.some(
    (event) => event.name === "GatewayKeyRotationDecided" && event.decision === "takeOver",
  );
  const intent =
    journalsOf(world, gateway)[0]?.intent?.attempts.map(({ clientRequestId }) => clientRequestId) ?? [];
  return hasTakenOver || intent.some((attempt) => own.includes(attempt)) ? [...own, ...intent] : own;
}
