import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { type Journal, journalName } from "../../src/journal/journal.ts";
import { parseDocument } from "../../src/runs/document.ts";
import { foldLog, type LogLine } from "../../src/runs/log.ts";
import { callTimeoutMs, publishedKeyWorks, versionsOf } from "./engine.ts";
import type { Call } from "./fate.ts";
import { compromisedRunsOf, journalIn, journalsOf, runsIn } from "./kept.ts";
import type { Violation } from "./promiseList.ts";
import { isGuidOf } from "./runner.ts";
import { makers, type World } from "./world.ts";

/** What may happen besides what the runners do, and what cannot be asked of them then. */
export interface Circumstances {
  /** Of every gateway that there is, as it was configured first. */
  readonly gateways: readonly Gateway[];
  /** People write to the vault: the next run replaces what they publish. */
  readonly hands: boolean;
  /** Journals are deleted: what their intents knew is lost with them. */
  readonly journalsLost: boolean;
  /** Gateways are given other destinations. */
  readonly edited: boolean;
  /** A process's own clock may be set while it works: it may trust a claim that has run out, and ignore one that has not. */
  readonly clocksJump: boolean;
}

/** The gateway with the destination that its journal names. */
export function kept(world: World, gateway: Gateway): Gateway {
  const [journal] = journalsOf(world, gateway);
  if (journal === undefined) return gateway;
  const { vaultUrl, secretName } = journal;
  return { ...gateway, secret: { vaultUrl, secretName } };
}

/** What is wrong with a moment. */
export function* inWorld(circumstances: Circumstances, world: World): Generator<Violation> {
  const { gateways, hands, journalsLost, edited } = circumstances;
  yield* fallenBack(world);
  for (const configured of gateways) {
    const journals = journalsOf(world, configured);
    if (journals.length > 1) yield { promise: "one-journal", what: "one gateway has two journals" };
    const gateway = kept(world, configured);
    const commit = journals[0]?.commit;
    const versions = versionsOf(world, gateway);
    // Moved back to a secret that it once had, a gateway finds an old key there until it is rotated.
    const isPublished = !edited || versions.at(-1)?.id === commit?.version;
    const twoKeys = gateway.target.kind === "integrationRuntime" && !isInQuestion(world, gateway);
    if (twoKeys && !hands && !journalsLost && isPublished && publishedKeyWorks(world, gateway) === false)
      yield { promise: "works-always", what: "the published key of a two-key gateway is dead" };
    yield* misnamed(world, gateway);
  }
}

const stages = ["open", "unverified", "done"] as const;

/** Gateways that a run shows less far than a line of its log does. */
function* fallenBack({ blobs }: World): Generator<Violation> {
  for (const { name, text } of blobs.blobs) {
    if (!/^runs\/.*\.log$/.test(name)) continue;
    const document = blobs.blobs.find((blob) => blob.name === name.replace(/log$/, "json"));
    const parsed = document === undefined ? undefined : parseDocument(document.text);
    if (parsed === undefined) continue;
    const lines = text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as LogLine]));
    for (const { name: gateway, sequence, state } of foldLog(parsed, text).gateways) {
      const own = lines.filter((line) => line.gateway === gateway);
      const last = Math.max(0, ...own.map((line) => line.sequence));
      const farthest = Math.max(
        0,
        ...own.filter((line) => line.sequence === last).map((line) => stages.indexOf(line.state)),
      );
      if (sequence < last || stages.indexOf(state) < farthest)
        yield { promise: "farthest-line", what: `a run shows ${gateway} less far than its log does` };
    }
  }
}

/** Versions whose tag is not the attempt that made their key, and attempts that made two. */
function* misnamed(world: World, gateway: Gateway): Generator<Violation> {
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

/** A leaked key is replaced at once: until the verification, what is published may be dead. */
const isInQuestion = (world: World, gateway: Gateway): boolean =>
  compromisedRunsOf(world, gateway).some(({ gateways }) => gateways.some(({ state }) => state !== "done"));

const clockResolutionMs = 1000;
const preflightMs = 5 * 60_000;

/** What is wrong with a call that a runner is about to make. */
export function* beforeSending(circumstances: Circumstances, world: World, call: Call): Generator<Violation> {
  if (circumstances.clocksJump) return;
  for (const gateway of circumstances.gateways) {
    if (call.operation === "writeBlob" && call.subject === journalName(gateway))
      yield* overAnothersClaim(world, call);
    else if (isAbout(call, gateway)) yield* beforeSideEffect(circumstances, world, call, gateway);
  }
}

function* overAnothersClaim(world: World, { subject, over, runner }: Call): Generator<Violation> {
  const blob = world.blobs.blobs.find(({ name }) => name === subject);
  const journal = blob === undefined ? undefined : journalIn(blob);
  if (blob?.etag !== over || journal?.intent == null) return;
  const { attempts, claimedUntil } = journal.intent;
  const isOwn = isGuidOf(runner, attempts.at(-1)?.clientRequestId ?? "");
  if (!isOwn && claimedUntil > world.now)
    yield { promise: "claim-respected", what: "an intent is written over that another runner has claimed" };
}

/** A side effect is journaled, claimed and, where it destroys a key, preceded by a write that the vault took. */
function* beforeSideEffect(
  { journalsLost }: Circumstances,
  world: World,
  call: Call,
  gateway: Gateway,
): Generator<Violation> {
  const [journal] = journalsOf(world, gateway);
  const what = call.operation === "write" ? "a key is stored" : "a key is regenerated";
  const { vaultUrl } = journal ?? gateway.secret;
  if (
    call.operation === "regenerate" &&
    lastWriteBy(world, call.runner, vaultUrl) < world.now - preflightMs - clockResolutionMs
  )
    yield { promise: "vault-writable", what: `${what} though its runner saw the vault take no write lately` };
  if (journal === undefined || journal.intent === null) {
    if (!journalsLost) yield { promise: "journaled-first", what: `${what} without an intent` };
    return;
  }
  const { attempts, claimedUntil } = journal.intent;
  const last = attempts.at(-1)?.clientRequestId;
  if (!journalsLost && (last === undefined || !call.payload.includes(last)))
    yield { promise: "journaled-first", what: `${what} for an attempt that is not the journal's last` };
  if (!journalsLost && claimedUntil < world.now + callTimeoutMs - clockResolutionMs)
    yield { promise: "claim-held", what: `${what} on a claim that ends before the call may` };
  if (call.operation === "regenerate" && isSatisfied(world, journal))
    yield { promise: "no-chase", what: "a key is regenerated that was replaced for this run" };
}

/** A secret that a gateway is moved to is named after its first one. */
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

/** In milliseconds since 1970; -Infinity: none. */
function lastWriteBy(world: World, runner: string, vaultUrl: string): number {
  const versions = Object.values(world.vaults[vaultUrl] ?? {}).flatMap((secret) => secret.versions);
  const own = versions.filter(({ writtenBy }) => writtenBy === runner);
  return Math.max(...own.map(({ createdOn }) => createdOn)) * 1000;
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

/**
 * What is wrong with what a runner reports, in the world in which it does.
 *
 * @param earlier all that it reported before
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
        yield { promise: "true-report", what: "a version is reported that the vault does not have" };
      if (!effective.has(event.trace.clientRequestId) && !clocksJump)
        yield { promise: "true-report", what: "a rotation is reported whose attempt made no key" };
      continue;
    }
    const attempts = attemptsBehind(world, gateway, [...earlier, ...fresh.slice(0, i)]);
    const made = attempts.some((attempt) => effective.has(attempt));
    if (event.effect === "unchanged" && made)
      yield { promise: "true-report", what: `${event.code} is reported as unchanged, and a key was made` };
    if (event.effect === "applied" && !made)
      yield { promise: "true-report", what: `${event.code} is reported as applied, and no key was made` };
  }
}

/** The runner's own attempts since it last reported on the gateway, and those of the intent that they belong to. */
function attemptsBehind(world: World, gateway: Gateway, before: readonly RotationEvent[]): readonly string[] {
  const about = before.filter(
    (event) => "gateway" in event && event.gateway.target.identity === gateway.target.identity,
  );
  const since = about.findLastIndex(
    ({ name }) => name === "GatewayKeyRotated" || name === "GatewayKeyRotationFailed",
  );
  const own = about
    .slice(since + 1)
    .flatMap((event) => (event.name === "GatewayKeyRegenerating" ? [event.clientRequestId] : []));
  const intent =
    journalsOf(world, gateway)[0]?.intent?.attempts.map(({ clientRequestId }) => clientRequestId) ?? [];
  return intent.some((attempt) => own.includes(attempt)) ? [...own, ...intent] : own;
}
