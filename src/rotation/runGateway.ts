import { z } from "zod";
import { parseResourceId } from "../domain/resourceId.ts";
import type { Gateway } from "../domain/target.ts";
import type { Published, RotationOutcome } from "./outcome.ts";

const time = z.int().nonnegative();
const text = z.string();

/** The ids by which Azure's support finds an attempt. */
const ids = {
  clientRequestId: text.optional(),
  requestId: text.optional(),
  correlationRequestId: text.optional(),
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
  z.strictObject({ kind: z.enum(["skipped", "unsettled"]), reason: text, message: text }),
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
  expireAfterDays: z.number().optional(),
  rotateEveryDays: z.number().optional(),
  /** `open`: to be rotated. `owed`: settled, and a look at its commit is owed from `at` on. `done`: both. */
  state: z.enum(["open", "owed", "done"]),
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

/** @param later when to try again what has failed and may pass by itself */
export function settle(kept: RunGateway, came: RotationOutcome, later: number): RunGateway {
  switch (came.kind) {
    case "rotated":
      return { ...kept, state: "owed", at: came.checkAt, outcome: rotated(came) };
    case "skipped": {
      const { checkAt, published, reason, message } = came;
      // Once it is settled, a skip tells of a check that was done.
      const skipped = kept.state === "owed" ? kept.outcome : { kind: came.kind, reason, message };
      return {
        ...kept,
        state: checkAt === undefined ? "done" : "owed",
        at: checkAt ?? kept.at,
        outcome: published === undefined ? skipped : rotated(published),
      };
    }
    case "failed": {
      const { kind, code, message, effect, nextAction, trace, checkAt } = came;
      return {
        ...kept,
        state: !came.final ? kept.state : checkAt === undefined ? "done" : "owed",
        at: came.final && checkAt !== undefined ? Math.max(checkAt, later) : later,
        outcome: { kind, code, message, effect, nextAction, ...idsOf(trace) },
      };
    }
    case "unsettled": {
      const { kind, reason, message } = came;
      const failed = kept.outcome?.kind === "failed" ? kept.outcome : undefined;
      return { ...kept, at: came.until, outcome: failed ?? { kind, reason, message } };
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

const stages = ["open", "owed", "done"] as const satisfies readonly RunGateway["state"][];

/**
 * What two drivers of one run know of a gateway, in one: the farther state, and the last that was published rather
 * than anything else.
 */
export function merge(theirs: RunGateway, mine: RunGateway): RunGateway {
  const farther = stages.indexOf(mine.state) >= stages.indexOf(theirs.state) ? mine : theirs;
  const other = farther === mine ? theirs : mine;
  return sequenceIn(other) > sequenceIn(farther) ? { ...farther, outcome: other.outcome } : farther;
}

const sequenceIn = ({ outcome }: RunGateway): number => (outcome?.kind === "rotated" ? outcome.sequence : 0);
