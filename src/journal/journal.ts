import { createHash } from "node:crypto";
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";
import type { Gateway } from "../domain/target.ts";

export const slot = z.enum(["key", "authKey1", "authKey2"]);
const nonEmpty = z.string().check(z.minLength(1));
const time = z.int().check(z.nonnegative());
export const keyWorks = z.union([z.boolean(), z.literal("unknown")]);
export const effect = z.enum(["unchanged", "unknown", "applied"]);

/** The ids by which Azure's support finds an attempt. */
export const ids = {
  clientRequestId: z.optional(z.string()),
  requestId: z.optional(z.string()),
  correlationRequestId: z.optional(z.string()),
};

/** The last failure of a gateway: what an operator needs to know about it. */
export const lastFailure = z.strictObject({
  at: time,
  code: z.string(),
  effect,
  message: z.string(),
  nextAction: z.string(),
  keyWorks,
  /** The service does not have the published key. A commit clears this, and so does a comparison that finds the key. */
  isKeyDead: z.optional(z.literal(true)),
  ...ids,
});

export type LastFailure = z.infer<typeof lastFailure>;

/** The last known status of a gateway's host. */
export const seenHost = z.strictObject({
  /** The service's own word, such as `Online`. */
  status: z.string(),
  /** When it registered, by the service's clock; null: never. */
  registeredAt: z.nullable(time),
  /** Whether it has registered since the last rotation. */
  sinceRotation: z.boolean(),
});

export type SeenHost = z.infer<typeof seenHost>;

const attempt = z.strictObject({
  clientRequestId: nonEmpty,
  /** When it was journaled, which is before it was sent. */
  at: time,
  /** What is known of its effect. `open`: nothing; its runner may still be working on it, or has crashed. */
  known: z.enum(["open", "unchanged", "unknown"]),
});

/**
 * One gateway's journal: one small blob, with a condition on each write. It is lock, memory and record at once. Times
 * are milliseconds since 1970 by the storage service's clock.
 */
const journal = z.strictObject({
  schema: z.literal(1),
  identity: nonEmpty,
  vaultUrl: nonEmpty,
  secretName: nonEmpty,
  /** For each slot, the last regenerate whose key was stored: when, by which attempt and for which run. */
  slots: z.partialRecord(
    slot,
    z.strictObject({
      at: time,
      clientRequestId: nonEmpty,
      runId: nonEmpty,
      /** After that, no write of this key to the vault can take effect any more. */
      lateUntil: time,
    }),
  ),
  /** The rotation that ended last, and the version that it published. */
  commit: z.nullable(
    z.strictObject({
      version: nonEmpty,
      slot,
      clientRequestId: nonEmpty,
      sequence: z.int().check(z.positive()),
      at: time,
      /** When a comparison last found its key among the service's keys; absent: none since the commit. */
      verifiedAt: z.optional(time),
    }),
  ),
  /** The verification that the commit needs, or that the open attempt's commit will need; null: none is due. */
  verification: z.nullable(
    z.strictObject({
      at: time,
      /** The committed key may be dead. */
      suspect: z.boolean(),
      /** An attempt or a write that is still under way can leave a dead key published. */
      mayBeOverwritten: z.optional(z.literal(true)),
    }),
  ),
  /** The open rotation. */
  intent: z.nullable(
    z.strictObject({
      rotationId: nonEmpty,
      runId: nonEmpty,
      slot,
      reason: nonEmpty,
      attempts: z.array(attempt).check(z.minLength(1)),
      /** Until then, only the runner that wrote this may act on the gateway. */
      claimedUntil: time,
    }),
  ),
  /**
   * Why the gateway failed last. It informs the operator and decides nothing. A commit clears it, and so does a tick that
   * finds nothing to do.
   */
  failure: z.nullable(lastFailure),
  /**
   * The host of a one-key gateway: when this system last tried to read its status since the commit, and the last status
   * that it got. It informs the operator and decides nothing.
   */
  host: z.nullable(z.strictObject({ checkedAt: time, seen: z.nullable(seenHost) })),
});

export type Journal = z.infer<typeof journal>;
export type Intent = NonNullable<Journal["intent"]>;
export type AttemptRecord = Intent["attempts"][number];

/** `unreadable`: `problem` names the place and what was expected there. */
export type ParsedJournal =
  | { readonly kind: "journal"; readonly journal: Journal }
  | { readonly kind: "unreadable"; readonly problem: string };

const inWords: z.core.$ZodErrorMap = (issue) => en().localeError(issue);

/**
 * Reads a journal's text. Strict: an unknown field makes the whole journal unreadable, since a version of this system
 * that does not understand a journal must not overwrite it.
 *
 * @param identity the identity that the journal must name; undefined: any
 */
export function parseJournal(text: string, identity?: string): ParsedJournal {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { kind: "unreadable", problem: "it is not JSON" };
  }
  const parsed = journal.safeParse(document, { error: inWords });
  if (!parsed.success) {
    const [problem = ""] = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    return { kind: "unreadable", problem };
  }
  if (identity !== undefined && parsed.data.identity !== identity)
    return { kind: "unreadable", problem: `it belongs to ${parsed.data.identity}` };
  return { kind: "journal", journal: parsed.data };
}

/**
 * The newest attempt of an intent.
 *
 * @throws {TypeError} when the intent has none; {@link parseJournal} accepts no such intent
 */
export function lastAttempt({ attempts }: Pick<Intent, "attempts">): AttemptRecord {
  const last = attempts.at(-1);
  if (last === undefined) throw new TypeError("An intent has at least one attempt");
  return last;
}

/** Whether the journal's secret is not the one that the gateway has now. */
export const isElsewhere = ({ vaultUrl, secretName }: Journal, { secret }: Gateway): boolean =>
  vaultUrl !== secret.vaultUrl || secretName.toLowerCase() !== secret.secretName.toLowerCase();

/** The name of a gateway's journal: one blob for each gateway, whatever the spelling of its resource id. */
export function journalName({ target }: Gateway): string {
  return `gateways/${createHash("sha256").update(target.identity).digest("hex").slice(0, 40)}.json`;
}

/** The journal of a gateway that was never rotated. */
export function emptyJournal({ target, secret }: Gateway): Journal {
  return {
    schema: 1,
    identity: target.identity,
    ...secret,
    slots: {},
    commit: null,
    verification: null,
    intent: null,
    failure: null,
    host: null,
  };
}
