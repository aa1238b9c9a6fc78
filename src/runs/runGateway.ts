import * as z from "zod/mini";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Gateway } from "../domain/target.ts";
import type { Published, RotationOutcome } from "../rotation/outcome.ts";

const time = z.int().check(z.nonnegative());
const text = z.string();

/** The ids by which Azure's support finds an attempt. */
const ids = {
  clientRequestId: z.optional(text),
  requestId: z.optional(text),
  correlationRequestId: z.optional(text),
};

const outcome = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rotated"),
    rotationId: text,
    slot: z.enum(["key", "authKey1", "authKey2"]),
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
    effect: z.enum(["unchanged", "unknown", "applied"]),
    nextAction: text,
    ...ids,
  }),
]);

/** One gateway of a run, as it is kept: where its key goes and on what terms, and how far it is. */
export const runGateway = z.strictObject({
  name: text,
  resourceId: text,
  vaultUrl: text,
  secretName: text,
  expireAfterDays: z.optional(z.number()),
  rotateEveryDays: z.optional(z.number()),
  /** `open`: to be rotated. `unverified`: settled, and its verification is due at `at`. `done`: settled and verified. */
  state: z.enum(["open", "unverified", "done"]),
  /** When there is something to do for it again, in milliseconds since 1970 by storage's clock. */
  at: time,
  /** How it came out last; null: not begun. */
  outcome: z.nullable(outcome),
});

export type RunGateway = z.infer<typeof runGateway>;

/** @param now milliseconds since 1970 by storage's clock */
export function openGateway(gateway: Gateway, now: number): RunGateway {
  const { name, target, secret, expireAfterDays, rotateEveryDays } = gateway;
  return {
    name,
    resourceId: target.resourceId,
    ...secret,
    ...(expireAfterDays === undefined ? {} : { expireAfterDays }),
    ...(rotateEveryDays === undefined ? {} : { rotateEveryDays }),
    state: "open",
    at: now,
    outcome: null,
  };
}

/** The gateway as it was when the run was created. */
export function gatewayOf(kept: RunGateway): Gateway {
  const parsed = parseResourceId(kept.resourceId);
  if (parsed.kind !== "target") throw new TypeError(`A run names what is no target: ${kept.resourceId}`);
  const { name, vaultUrl, secretName, expireAfterDays, rotateEveryDays } = kept;
  return { name, target: parsed.target, secret: { vaultUrl, secretName }, expireAfterDays, rotateEveryDays };
}

/**
 * What is known of a gateway after one more drive. Once it is settled, what was told of it stays, unless its key was
 * touched since.
 *
 * @param later when to try again what has failed and may pass by itself
 */
export function settle(kept: RunGateway, came: RotationOutcome, later: number): RunGateway {
  const told = kept.state === "unverified" ? kept.outcome : null;
  switch (came.kind) {
    case "rotated": {
      const outcome = told?.kind === "failed" ? told : rotated(came);
      return { ...kept, state: "unverified", at: came.verifyAt, outcome };
    }
    case "skipped": {
      const { verifyAt, published, kind, reason, message } = came;
      return {
        ...kept,
        state: verifyAt === undefined ? "done" : "unverified",
        at: verifyAt ?? kept.at,
        outcome: published === undefined ? (told ?? { kind, reason, message }) : rotated(published),
      };
    }
    case "failed": {
      const { kind, code, message, effect, nextAction, trace, final, verifyAt } = came;
      const failed = { kind, code, message, effect, nextAction, ...idsOf(trace) };
      return {
        ...kept,
        state: !final ? kept.state : verifyAt === undefined ? "done" : "unverified",
        at: final && verifyAt !== undefined ? Math.max(verifyAt, later) : later,
        outcome: effect === "unchanged" ? (told ?? failed) : failed,
      };
    }
    case "pending": {
      const { kind, reason, message } = came;
      const failed = kept.outcome?.kind === "failed" ? kept.outcome : undefined;
      return { ...kept, at: came.until, outcome: told ?? failed ?? { kind, reason, message } };
    }
  }
}

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

function idsOf(trace: Partial<Published["trace"]> = {}) {
  const { clientRequestId, requestId, correlationRequestId } = trace;
  return {
    ...(clientRequestId === undefined ? {} : { clientRequestId }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(correlationRequestId === undefined ? {} : { correlationRequestId }),
  };
}

const stages = ["open", "unverified", "done"] as const satisfies readonly RunGateway["state"][];

/**
 * What two drivers of one run know of a gateway, in one: the last that was published, with the check that is owed to
 * it; else the farther of the two.
 */
export function merge(theirs: RunGateway, mine: RunGateway): RunGateway {
  const newer = sequenceIn(mine) - sequenceIn(theirs);
  if (newer !== 0) return newer > 0 ? mine : theirs;
  return stages.indexOf(mine.state) >= stages.indexOf(theirs.state) ? mine : theirs;
}

const sequenceIn = ({ outcome }: RunGateway): number => (outcome?.kind === "rotated" ? outcome.sequence : 0);
