import { type Redacted, sameKey } from "../domain/redacted.ts";
import type { LatestVersion } from "../domain/secretStore.ts";
import {
  type AuthKeySlot,
  type Gateway,
  hasTwoKeys,
  type KeySlot,
  type TwoKeyTarget,
} from "../domain/target.ts";
import type { Journal } from "../journal/journal.ts";

/**
 * - `slot`: the slot to regenerate.
 * - `compare`: the slot whose key is not `published`, by the service's list of keys. The latest version is not the one
 *   that the journal committed, so its tags prove nothing.
 */
export type SlotChoice =
  | { readonly kind: "slot"; readonly slot: KeySlot }
  | { readonly kind: "compare"; readonly target: TwoKeyTarget; readonly published: Redacted };

/** Chooses the slot to regenerate, so that the published key of a two-key gateway keeps working. Pure. */
export function chooseSlot(
  { target }: Gateway,
  latest: LatestVersion,
  journal: Journal | undefined,
): SlotChoice {
  if (!hasTwoKeys(target)) return { kind: "slot", slot: "key" };
  const commit = journal?.commit ?? undefined;
  const isCommitted = latest.kind !== "none" && latest.secret.version === commit?.version;
  if (latest.kind === "enabled" && !isCommitted) return { kind: "compare", target, published: latest.key };
  // Consumers may still hold the committed key, even if its version is disabled or gone by now.
  return { kind: "slot", slot: commit?.slot === "authKey2" ? "authKey1" : handedOutLast };
}

/** The slot that does not hold `published`. A key that is in neither slot is dead already, so either slot is right. Pure. */
export function unpublishedSlot(
  keys: Readonly<Record<AuthKeySlot, Redacted>>,
  published: Redacted,
): AuthKeySlot {
  return sameKey(keys.authKey2, published) ? "authKey1" : handedOutLast;
}

/** authKey1 is usually handed out first. */
const handedOutLast: AuthKeySlot = "authKey2";
