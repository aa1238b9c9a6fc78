import type { CallProblem } from "./attempt.ts";
import type { Target } from "./target.ts";

/** What can be known of a target without touching its keys: one read each. */
export interface TargetInspector {
  /** Whether it is there, and whether it has keys of its own. */
  describe(target: Target): Promise<TargetDescription>;
  /** What the caller may do with it. */
  permissions(target: Target): Promise<PermissionsOutcome>;
}

/**
 * - `ready`: a gateway, or a self-hosted integration runtime with keys of its own.
 * - `linked`: it borrows another factory's runtime, and has no keys.
 * - `managed`: Azure runs it, and there is nothing to register.
 */
export type TargetDescription =
  | { readonly kind: "ready" | "linked" | "managed" }
  | { readonly kind: "failed"; readonly problem: CallProblem };

export type PermissionsOutcome =
  | { readonly kind: "read"; readonly permissions: readonly Permission[] }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** What one role grants; several add up. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/**
 * Whether an action of Resource Manager is granted: by some role that does not take it back itself. `*` stands for any
 * text, and letters' case does not matter.
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
