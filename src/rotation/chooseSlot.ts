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
 * - `slot`: the one to regenerate.
 * - `compare`: the one of the service's two keys that `published` is not: the latest version is not the one that
 *   the journal committed, so its tags prove nothing.
 */
export type SlotChoice =
  | { readonly kind: "slot"; readonly slot: KeySlot }
  | { readonly kind: "compare"; readonly target: TwoKeyTarget; readonly published: Redacted };

/** Which slot to regenerate, so that the published key of a two-key target goes on working. Pure. */
export function chooseSlot(
  { target }: Gateway,
  latest: LatestVersion,
  journal: Journal | undefined,
): SlotChoice {
  if (!hasTwoKeys(target)) return { kind: "slot", slot: "key" };
  const commit = journal?.commit ?? undefined;
  const isCommitted = latest.kind !== "none" && latest.secret.version === commit?.version;
  if (latest.kind === "enabled" && !isCommitted) return { kind: "compare", target, published: latest.key };
  // What nobody can read now may still be held by those who read it before.
  return { kind: "slot", slot: commit?.slot === "authKey2" ? "authKey1" : handedOutLast };
}

/** The slot that `published` is not in. One that is in neither is dead already: any slot will do. Pure. */
export function unpublishedSlot(
  keys: Readonly<Record<AuthKeySlot, Redacted>>,
  published: Redacted,
): AuthKeySlot {
  return sameKey(keys.authKey2, published) ? "authKey1" : handedOutLast;
}

/** People hand out authKey1 first. */
const handedOutLast: AuthKeySlot = "authKey2";
