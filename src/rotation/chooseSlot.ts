import { holdsKey, type Redacted, sameKey } from "../domain/redacted.ts";
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
 * - `compare`: the latest version is not the one that the journal committed, so its tags prove nothing. Compare its
 *   value, `published`, with the service's list of keys, and regenerate the slot whose key it does not hold.
 *   `otherwise`: the slot to regenerate if it holds neither key, or both.
 */
export type SlotChoice =
  | { readonly kind: "slot"; readonly slot: KeySlot }
  | {
      readonly kind: "compare";
      readonly target: TwoKeyTarget;
      readonly published: Redacted;
      readonly otherwise: AuthKeySlot;
    };

/** Chooses the slot to regenerate, so that the published key of a two-key gateway keeps working. Pure. */
export function chooseSlot(
  { target }: Gateway,
  latest: LatestVersion,
  { commit }: Pick<Journal, "commit">,
): SlotChoice {
  if (!hasTwoKeys(target)) return { kind: "slot", slot: "key" };
  // Consumers may still hold the key that was committed last. Without a commit: authKey1 is usually handed out first.
  const slot = commit?.slot === "authKey2" ? "authKey1" : "authKey2";
  const isCommitted = latest.kind !== "none" && latest.secret.version === commit?.version;
  return latest.kind === "enabled" && !isCommitted
    ? { kind: "compare", target, published: latest.key, otherwise: slot }
    : { kind: "slot", slot };
}

/** The slot to regenerate, now that the service has listed its keys: not the one whose key the published value holds. Pure. */
export function unpublishedSlot(
  keys: Readonly<Record<AuthKeySlot, Redacted>>,
  { published, otherwise }: Pick<Extract<SlotChoice, { kind: "compare" }>, "published" | "otherwise">,
): AuthKeySlot {
  const slots = ["authKey1", "authKey2"] as const;
  const exact = slots.find((each) => sameKey(keys[each], published));
  const [held, ...more] = slots.filter((each) => holdsKey(published, keys[each]));
  const slot = exact ?? (more.length === 0 ? held : undefined);
  if (slot === undefined) return otherwise;
  return slot === "authKey2" ? "authKey1" : "authKey2";
}
