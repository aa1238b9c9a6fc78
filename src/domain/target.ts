import { gatewayKinds, type OneKeyKind, type TwoKeyKind } from "./gatewayKinds.ts";
import type { RotationWindow } from "./rotationWindow.ts";

/** The Azure resource whose keys are rotated. */
export interface Target {
  readonly kind: TargetKind;
  /** In the configuration's spelling. */
  readonly resourceId: string;
  readonly identity: TargetIdentity;
  readonly subscriptionId: string;
  readonly resourceGroupName: string;
  /** The name of the resource that it belongs to, such as a data factory. */
  readonly parentName: string;
  readonly name: string;
}

export type TargetKind = keyof typeof gatewayKinds;

/** An operator gives each new key to its host. The service shows whether the host has registered. */
export interface OneKeyTarget extends Target {
  readonly kind: OneKeyKind;
}

/** One of its keys is published. The other is regenerated and then published, so that the old one still works. */
export interface TwoKeyTarget extends Target {
  readonly kind: TwoKeyKind;
}

declare const targetIdentityBrand: unique symbol;

/** The lower-cased resource id: Azure compares ids without case, so two spellings are one target. */
export type TargetIdentity = string & { readonly [targetIdentityBrand]: true };

export type KeySlot = "key" | AuthKeySlot;
export type AuthKeySlot = "authKey1" | "authKey2";

export const slotsOf = ({ kind }: Target): readonly KeySlot[] => gatewayKinds[kind].slots;

/** Whether a key of the target works while the other is regenerated. Otherwise a regenerate stops the gateway. */
export function hasTwoKeys(target: Target): target is TwoKeyTarget {
  return slotsOf(target).length === 2;
}

export const hasOneKey = (target: Target): target is OneKeyTarget => !hasTwoKeys(target);

export const requiredActions = ({ kind }: Target): readonly string[] => gatewayKinds[kind].actions;

/** One entry of the configuration: what to rotate, which secret has its key, and when it is due. */
export interface Gateway {
  /** Unique in the configuration. Logs, requests and errors use it. */
  readonly name: string;
  readonly target: Target;
  readonly secret: SecretAddress;
  /** The new version's `exp`, in days from its creation. Informational in Key Vault: `get` works after it. */
  readonly expireAfterDays?: number | undefined;
  /** Rotate only when the last rotation is older, in days; without it every tick rotates. */
  readonly rotateEveryDays?: number | undefined;
  /** How often, in days, a tick compares the published key of a two-key gateway with the service's keys. Default: 7. */
  readonly verifyEveryDays?: number | undefined;
  /** A tick rotates the gateway only inside its window; undefined: at any time. A request over HTTP is not bound by it. */
  readonly window?: RotationWindow | undefined;
}

/** What the gateway's operators do after a rotation; undefined: nothing. */
export const hostAction = ({ target, secret }: Gateway): string | undefined =>
  gatewayKinds[target.kind].afterRotation?.replace("{secret}", `${secret.secretName} in ${secret.vaultUrl}`);

export interface SecretAddress {
  /** Origin of the vault, without a slash at the end: `https://contoso-keys.vault.azure.net`. */
  readonly vaultUrl: string;
  readonly secretName: string;
}

/** Whether a URL's `hostname` is this machine: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** One request, by timer or HTTP, to rotate a set of gateways. */
export interface Run {
  readonly id: string;
  readonly trigger: "schedule" | "http" | "resume";
  /** The caller's reason; `scheduled` for the timer. */
  readonly reason: string;
  readonly requestedBy: string;
  /** `compromised`: the run replaces every slot of a gateway. */
  readonly mode: "standard" | "compromised";
  /** Also rotate gateways that another deployment manages. */
  readonly takeOwnership: boolean;
  /** The tick comes more than an hour late: the functions host fires a missed tick when it starts. */
  readonly isLate?: boolean | undefined;
}
