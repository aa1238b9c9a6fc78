import * as z from "zod/mini";
import { idsOf, type Published } from "../domain/attempt.ts";
import { effect, ids, keyWorks, slot } from "../journal/journal.ts";
import { inDoubt } from "../rotation/failures.ts";
import type { FailedRotation, KnownOutcome, SkipReason } from "../rotation/outcome.ts";

const text = z.string();

const outcome = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rotated"),
    rotationId: text,
    slot,
    secretVersion: text,
    fingerprint: text,
    sequence: z.int(),
    ...ids,
  }),
  z.strictObject({ kind: z.enum(["skipped", "pending"]), reason: text, message: text }),
  z.strictObject({
    kind: z.literal("failed"),
    code: text,
    message: text,
    effect,
    nextAction: text,
    /** When a service first refused this gateway by role, in milliseconds since 1970 by storage's clock. */
    refusedSince: z.optional(z.int()),
    /** This failure is a refusal by role. It ends when the role is assigned. */
    refusedByRole: z.optional(z.literal(true)),
    ...ids,
  }),
]);

/** How far one gateway of a run is. */
export const progress = z.strictObject({
  /** `open`: to be rotated. `unverified`: settled, and its verification is due at `at`. `done`: settled and verified. */
  state: z.enum(["open", "unverified", "done"]),
  /** When the gateway is due again, in milliseconds since 1970 by storage's clock. */
  at: z.int().check(z.nonnegative()),
  /** The sequence of the rotation that `outcome` describes; 0: none is known. */
  sequence: z.int().check(z.nonnegative()),
  /** Its last outcome; null: not begun. */
  outcome: z.nullable(outcome),
  /** Whether its published key worked at its last drive. */
  keyWorks,
  /** Its published key is dead or in doubt. */
  isAtRisk: z.boolean(),
  /** Every version of its secret that this run made, oldest first. */
  versions: z.array(z.strictObject({ sequence: z.int(), secretVersion: text })),
});

export type Progress = z.infer<typeof progress>;

/** A gateway of a new run. @param now milliseconds since 1970 by storage's clock */
export const notBegun = (now: number): Progress => ({
  state: "open",
  at: now,
  sequence: 0,
  outcome: null,
  keyWorks: "unknown",
  isAtRisk: false,
  versions: [],
});

export const isDone = ({ state }: Progress): boolean => state === "done";

/** Its outcome is a refusal by role. The run tries again, since a role assignment takes time to become effective. */
export const isRefusedByRole = ({ outcome }: Progress): boolean =>
  outcome?.kind === "failed" && outcome.refusedByRole === true;

/**
 * How long a run repeats a call that was refused by role. A new role assignment can take ten minutes to become
 * effective, and the operator needs time to make it.
 */
const refusedForMs = 3_600_000;

/**
 * The progress of a gateway after one more drive. A settled gateway keeps its outcome, unless its key was touched since.
 *
 * @param now milliseconds since 1970 by storage's clock
 * @param later when to retry a failure that may pass by itself, by the same clock
 */
export function advance(before: Progress, latest: KnownOutcome, now: number, later: number): Progress {
  return {
    ...settle(before, latest, now, later),
    keyWorks: latest.key?.works ?? before.keyWorks,
    isAtRisk: latest.key?.isAtRisk ?? before.isAtRisk,
    versions: unite(before.versions, latest.versions),
  };
}

/** Each version once, oldest first. */
export function unite(...lists: readonly KnownOutcome["versions"][]): Progress["versions"] {
  const versions = new Map(lists.flat().map((made) => [`${made.sequence} ${made.secretVersion}`, made]));
  return [...versions.values()].sort(
    (a, b) => a.sequence - b.sequence || (a.secretVersion < b.secretVersion ? -1 : 1),
  );
}

/** Reasons that leave the rotation to a later tick. An earlier failure in this run stays the outcome. */
const postponing: ReadonlySet<string> = new Set(["outside-window", "late-tick"] satisfies SkipReason[]);

type Settled = Pick<Progress, "state" | "at" | "sequence" | "outcome">;

function settle(before: Progress, latest: KnownOutcome, now: number, later: number): Settled {
  const { state, sequence } = before;
  const settled = state === "open" ? null : before.outcome;
  const failed = before.outcome?.kind === "failed" ? before.outcome : null;
  switch (latest.kind) {
    case "rotated":
      return {
        state: "unverified",
        at: latest.verifyAt,
        sequence: latest.sequence,
        outcome: settled?.kind === "failed" ? settled : rotated(latest),
      };
    case "skipped": {
      const { verifyAt, published, kind, reason, message } = latest;
      const skipped = settled ?? (postponing.has(reason) ? failed : null) ?? { kind, reason, message };
      return {
        state: verifyAt === undefined ? "done" : "unverified",
        at: verifyAt ?? before.at,
        sequence: Math.max(sequence, published?.sequence ?? 0),
        outcome: published === undefined ? skipped : rotated(published),
      };
    }
    case "failed":
      return failedAgain(before, wasInDoubt(before, latest) ? inDoubt(latest) : latest, now, later);
    case "pending": {
      const { kind, reason, message, until } = latest;
      return { state, at: until, sequence, outcome: settled ?? failed ?? { kind, reason, message } };
    }
  }
}

/** A failure to read the journal does not show what earlier attempts did. The run's earlier outcome still counts. */
const wasInDoubt = ({ state, outcome }: Progress, { committed }: FailedRotation): boolean =>
  state === "open" && committed === undefined && outcome?.kind === "failed" && outcome.effect !== "unchanged";

function failedAgain(before: Progress, latest: FailedRotation, now: number, later: number): Settled {
  const { kind, code, message, effect, trace, verifyAt, committed = 0 } = latest;
  const earlier = before.outcome?.kind === "failed" ? before.outcome.refusedSince : undefined;
  const refusedSince = earlier ?? (latest.refusedByRole ? now : undefined);
  const until = latest.refusedByRole && before.state === "open" ? (refusedSince ?? 0) + refusedForMs : 0;
  const final = latest.final && now >= until;
  const nextAction = latest.final && !final ? `${latest.nextAction} ${triedUntil(until)}` : latest.nextAction;
  const failed = {
    ...{ kind, code, message, effect, nextAction },
    ...(refusedSince === undefined ? {} : { refusedSince }),
    ...(latest.refusedByRole === true ? { refusedByRole: true as const } : {}),
    ...idsOf(trace),
  };
  return {
    state: final ? (verifyAt === undefined ? "done" : "unverified") : unfinished(before.state),
    at: final && verifyAt !== undefined ? Math.max(verifyAt, later) : later,
    // If a key may have been touched, the rotation after the last commit touched it.
    sequence: Math.max(before.sequence, effect === "unchanged" ? committed : committed + 1),
    outcome: effect === "unchanged" && before.state !== "open" ? before.outcome : failed,
  };
}

const triedUntil = (until: number): string =>
  `A new role assignment takes minutes to become effective, so this run tries again until ${new Date(until).toISOString()}.`;

/** The state of a gateway that must be driven again. A gateway that was done is driven for its verification. */
const unfinished = (state: Progress["state"]): Progress["state"] => (state === "done" ? "unverified" : state);

/** The fields whose change makes a new log line. Times, texts and request ids do not. */
const facts = [
  ...["state", "sequence", "outcome", "kind"],
  ...["code", "reason", "effect", "refusedSince", "refusedByRole"],
  ...["secretVersion", "keyWorks", "isAtRisk", "versions"],
];

/** Whether the log holds this progress already. A run that fails for days in the same way appends nothing. */
export const isRepeated = (before: Progress, after: Progress): boolean =>
  JSON.stringify(before, facts) === JSON.stringify(after, facts);

function rotated({ rotationId, slot, secretVersion, fingerprint, sequence, trace }: Published) {
  return {
    kind: "rotated",
    rotationId,
    slot,
    secretVersion,
    fingerprint,
    sequence,
    ...idsOf(trace),
  } as const;
}
