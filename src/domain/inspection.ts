import type { Failed } from "./attempt.ts";
import type { OneKeyTarget, Target } from "./target.ts";

/** Reads facts about a target without touching its keys. */
export interface TargetInspector {
  /** Whether it exists, and whether it has keys of its own. */
  describe(target: Target): Promise<TargetDescription>;
  /** The caller's permissions on it. */
  permissions(target: Target): Promise<PermissionsOutcome>;
  /** What the service knows about the machine that a one-key gateway runs on. */
  host(target: OneKeyTarget): Promise<HostOutcome>;
}

/**
 * - `ready`: a gateway, or a self-hosted integration runtime with keys of its own.
 * - `linked`: it uses the runtime of another parent, and has no keys.
 * - `managed`: Azure runs it, and no node registers with a key.
 */
export type TargetDescription = { readonly kind: "ready" | "linked" | "managed" } | Failed;

export type PermissionsOutcome =
  | { readonly kind: "read"; readonly permissions: readonly Permission[] }
  | Failed;

/** The host of a gateway, as the service shows it. */
export interface HostStatus {
  /** The service's own word, such as `Online`. */
  readonly status: string;
  /** When it last registered with a key, by the service's clock; undefined: never. */
  readonly registeredAt: Date | undefined;
}

export type HostOutcome = { readonly kind: "read"; readonly host: HostStatus } | Failed;

/** The permissions of one role. Several roles add up. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/**
 * Whether a role grants an action of Resource Manager and does not itself exclude it. `*` stands for any text. Upper and
 * lower case do not matter.
 *
 * @see https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions
 */
export function isPermitted(permissions: readonly Permission[], action: string): boolean {
  const matches = (pattern: string): boolean => {
    const text = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return new RegExp(`^${text.join(".*")}$`, "i").test(action);
  };
  return permissions.some(({ actions, notActions }) => actions.some(matches) && !notActions.some(matches));
}
