import pMap from "p-map";
import type { CallProblem, KeyWorks } from "../domain/attempt.ts";
import { isPermitted, type TargetInspector } from "../domain/inspection.ts";
import { holdsKey } from "../domain/redacted.ts";
import type { LatestVersion, ReadOutcome } from "../domain/secretStore.ts";
import { type Gateway, hasTwoKeys, requiredActions } from "../domain/target.ts";
import { emptyJournal, type Journal } from "../journal/journal.ts";
import { keyWorksBy } from "../journal/journalSummary.ts";
import { createJournals, type HeldJournal } from "../journal/journals.ts";
import { createPacing } from "../pacing/pacing.ts";
import {
  callsOfRotation,
  lastStartFor,
  quietPeriodMs,
  type RotationServices,
  type RunTerms,
  storageTerms,
} from "../rotation/context.ts";
import { failure, refusedByPolicy } from "../rotation/failures.ts";
import { keyWorksNow, type ReadState } from "../rotation/keyState.ts";
import { lastRotated, type NextStep, nextStep } from "../rotation/nextStep.ts";
import type { FailedRotation } from "../rotation/outcome.ts";
import { checkSecret, createPreflight } from "../rotation/preflight.ts";

/** What a rotation would do with one gateway now, and every obstacle to it. */
export interface Planned {
  readonly gateway: Gateway;
  /** Undefined if the journal or the secret cannot be read. */
  readonly would: NextStep | undefined;
  readonly keyWorks: KeyWorks;
  /** Its last rotation, in milliseconds since 1970. Undefined: never rotated, or due at the next tick whatever its age. */
  readonly rotatedAt: number | undefined;
  readonly problems: readonly FailedRotation[];
}

/**
 * Checks what can be checked without touching a key: the gateway exists and has keys of its own, the function may
 * regenerate them, the vault accepts a write (to the preflight's secret), the secret's name is free, storage accepts
 * conditional writes (to a temporary blob), and the published key works. It writes no journal and no gateway's secret.
 */
export async function dryRun(
  services: RotationServices & { readonly inspector: TargetInspector },
  gateways: readonly Gateway[],
  terms: RunTerms,
): Promise<readonly Planned[]> {
  const { clock, secrets, inspector } = services;
  const journals = createJournals(storageTerms(services, terms));
  const preflight = createPreflight(services, terms);
  const storage = tryStorage(services);
  const { paceOf } = createPacing(services);

  async function plan(gateway: Gateway): Promise<Planned> {
    const unread = { gateway, would: undefined, rotatedAt: undefined };
    if (clock.now() > lastStartFor(terms, callsOfRotation))
      return { ...unread, keyWorks: "unknown", problems: [failure("notChecked", gateway)] };
    const [read, latest, inspected, ofStorage] = await Promise.all([
      journals.read(gateway),
      secrets.readLatest(gateway.secret),
      inspect(inspector, gateway),
      storage,
    ]);
    const journal = read.kind === "read" ? read.held.journal : emptyJournal(gateway);
    const known = { journal, latest: latest.kind === "failed" ? undefined : latest };
    const ofVault = await inspectVault(gateway, latest, journal);
    const ofKeys = inspected.listable ? await inspectKeys(gateway, latest) : [];
    const planned =
      read.kind === "read" && latest.kind !== "failed"
        ? { gateway, ...decide(gateway, read.held, latest) }
        : unread;
    const { would } = planned;
    const obstacles = [
      ...(read.kind === "unreadable" ? [failure("journalUnreadable", gateway, read.problem)] : []),
      ...(read.kind === "failed" ? [failure("storageUnusable", gateway, read.problem)] : []),
      ...(would?.kind === "refuse" ? [refusedByPolicy(gateway, would)] : []),
      // A problem of the vault that makes the key dead is more specific than the journal's state.
      ...(would !== undefined && !ofVault.some(({ isKeyDead }) => isKeyDead)
        ? presentState(gateway, known)
        : []),
      ...[...ofVault, ...inspected.problems, ...ofKeys],
      ...(ofStorage === undefined ? [] : [failure("storageUnusable", gateway, ofStorage)]),
    ];
    // Without an obstacle, `inspectKeys` has found the published key in the service's list, whichever system wrote it.
    const isListed = obstacles.length === 0 && hasTwoKeys(gateway.target) && latest.kind === "enabled";
    const isDead = obstacles.some(({ isKeyDead }) => isKeyDead === true);
    return {
      ...planned,
      keyWorks: isDead ? false : isListed || keyWorksNow(gateway, known),
      // Two checks report the same code when storage does not answer.
      problems: [...new Map(obstacles.map((problem) => [problem.code, problem])).values()],
    };
  }

  /** What the engine would decide for a request that is made now. */
  function decide(gateway: Gateway, { journal, clockOffsetMs }: HeldJournal, latest: LatestVersion) {
    const now = clock.now() + clockOffsetMs;
    const would = nextStep({
      gateway,
      // A verification would come first, and would hide the step after it.
      journal: { ...journal, verification: null },
      latest,
      request: { ...terms.run, createdAt: now, isSettled: false },
      deploymentName: terms.deploymentName,
      now,
      quietPeriodMs: quietPeriodMs(terms),
    });
    const isDue = would.reason === "no-version" || would.reason === "foreign-version";
    return { would, rotatedAt: isDue ? undefined : lastRotated({ journal, latest }) };
  }

  /** Whether the service has the published key of a two-key gateway. Listing keys counts as a write, so it is paced. */
  async function inspectKeys(gateway: Gateway, latest: ReadOutcome): Promise<readonly FailedRotation[]> {
    const { target } = gateway;
    if (!hasTwoKeys(target)) return [];
    const pace = paceOf(gateway, { aside: (wait) => wait(), leave() {} });
    const listed = await pace.listKeys(target, lastStartFor(terms, callsOfRotation));
    pace.end();
    if (listed.kind === "failed") return [failure("keysUnlistable", gateway, listed.problem)];
    const isDead =
      latest.kind === "enabled" && !Object.values(listed.keys).some((key) => holdsKey(latest.key, key));
    return isDead ? [failure("publishedKeyDead", gateway)] : [];
  }

  /** Whether the vault would accept a version of the gateway's secret. */
  async function inspectVault(
    gateway: Gateway,
    latest: ReadOutcome,
    journal: Journal,
  ): Promise<readonly FailedRotation[]> {
    const checked =
      latest.kind === "failed" ? undefined : await checkSecret({ services, gateway, terms }, latest, journal);
    const slot = hasTwoKeys(gateway.target) ? "authKey2" : "key";
    const rotation = { rotationId: services.newGuid(), slot } as const;
    const previous = latest.kind === "failed" ? ({ kind: "none" } as const) : latest;
    const refusal = await preflight.check(gateway, previous, rotation);
    return [
      ...(latest.kind === "failed" ? [failure("vaultUnreadable", gateway, latest.problem)] : []),
      ...(checked?.kind === "failed" ? [checked] : []),
      ...(checked?.kind === "pending" ? [failure("notChecked", gateway)] : []),
      ...(refusal === undefined ? [] : [failure("vaultTakesNoWrites", gateway, refusal)]),
    ];
  }

  return pMap(gateways, plan, { concurrency: terms.concurrency });
}

/** A gateway is not ready while its key is dead or in doubt, or while a rotation of it is open. */
function presentState(gateway: Gateway, { journal, latest }: ReadState): readonly FailedRotation[] {
  // For a two-key gateway, `inspectKeys` compares the latest version with the service's keys.
  const isCompared = hasTwoKeys(gateway.target) && latest?.kind === "enabled";
  const keyWorks = isCompared ? keyWorksBy(gateway, journal) : keyWorksNow(gateway, { journal, latest });
  if (keyWorks === false) return [failure("keyDead", gateway)];
  const isOpen = journal.intent !== null;
  const isTouched = journal.commit !== null || (isOpen && !hasTwoKeys(gateway.target));
  if (keyWorks === "unknown" && isTouched) return [failure("keyInDoubt", gateway)];
  return isOpen ? [failure("beingRotated", gateway)] : [];
}

/** Checks the gateway and the permissions on it. `listable`: it has keys of its own, and no missing permission is known. */
async function inspect(
  inspector: TargetInspector,
  gateway: Gateway,
): Promise<{ readonly listable: boolean; readonly problems: readonly FailedRotation[] }> {
  const [described, permitted] = await Promise.all([
    inspector.describe(gateway.target),
    inspector.permissions(gateway.target),
  ]);
  const isReady = described.kind === "ready";
  const ofTarget =
    described.kind === "failed"
      ? [failure("gatewayUnreadable", gateway, described.problem)]
      : described.kind === "ready"
        ? []
        : [failure(described.kind === "linked" ? "runtimeLinked" : "runtimeManaged", gateway)];
  if (permitted.kind === "failed") {
    // Azure does not report permissions on a gateway that does not exist.
    const isReported = described.kind === "failed" && described.problem.code === permitted.problem.code;
    const unread = isReported ? [] : [failure("permissionsUnreadable", gateway, permitted.problem)];
    return { listable: isReady, problems: [...ofTarget, ...unread] };
  }
  const missing = requiredActions(gateway.target).filter(
    (action) => !isPermitted(permitted.permissions, action),
  );
  return missing.length === 0
    ? { listable: isReady, problems: ofTarget }
    : {
        listable: false,
        problems: [...ofTarget, failure("permissionMissing", gateway, `${missing.join(" and ")}.`)],
      };
}

/** Creates, overwrites and removes a temporary blob, as a journal is written. No other runner reads that blob. */
async function tryStorage({ blobs, newGuid }: RotationServices) {
  const name = `dry-run/${newGuid()}`;
  const made = await blobs.write(name, "1", { kind: "absent" });
  if (made.kind !== "written") return problemOf(made);
  const changed = await blobs.write(name, "2", { kind: "unchanged", etag: made.etag });
  const removed = await blobs.remove(name);
  if (changed.kind !== "written") return problemOf(changed);
  return removed.kind === "failed" ? removed.problem : undefined;
}

const problemOf = (
  write: Exclude<Awaited<ReturnType<RotationServices["blobs"]["write"]>>, { kind: "written" }>,
): CallProblem =>
  write.kind === "conflict"
    ? { code: "conflict", message: "Blob Storage refused a write whose condition held.", transient: false }
    : write.problem;
