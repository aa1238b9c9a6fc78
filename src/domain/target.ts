/**
 * What is rotated. A target is named by its Azure resource id; the id says what kind it is.
 *
 * - `gateway`: a Data Factory version 1 gateway. One key: regenerating it kills the old one at once.
 * - `integrationRuntime`: a Data Factory version 2 self-hosted integration runtime. Two keys, of which one is
 *   published: the other is regenerated and then published, so that the old one goes on working.
 */
export type Target = GatewayTarget | IntegrationRuntimeTarget;

export type TargetKind = Target["kind"];

interface TargetBase {
  /** As the configuration spells it. */
  readonly resourceId: string;
  readonly identity: TargetIdentity;
  readonly subscriptionId: string;
  readonly resourceGroupName: string;
}

export interface GatewayTarget extends TargetBase {
  readonly kind: "gatewayV1";
  readonly dataFactoryName: string;
  readonly gatewayName: string;
}

export interface IntegrationRuntimeTarget extends TargetBase {
  readonly kind: "integrationRuntime";
  readonly factoryName: string;
  readonly integrationRuntimeName: string;
}

declare const targetIdentityBrand: unique symbol;

/** The lower-cased resource id: Azure compares ids without case, so two spellings are one target. */
export type TargetIdentity = string & { readonly [targetIdentityBrand]: true };

/** A version 1 gateway has one key; a version 2 integration runtime has two. */
export type KeySlot = "key" | AuthKeySlot;
export type AuthKeySlot = "authKey1" | "authKey2";

/** One entry of the configuration: what to rotate, where its key is kept, and on what terms. */
export interface Gateway {
  /** Unique in the configuration; what people call it in logs, requests and errors. */
  readonly name: string;
  readonly target: Target;
  readonly secret: SecretAddress;
  /** The new version's `exp`, in days from its creation. Informational in Key Vault: `get` works after it. */
  readonly expireAfterDays?: number | undefined;
  /** Rotate only when the last rotation is older, in days; without it every tick rotates. */
  readonly rotateEveryDays?: number | undefined;
}

export interface SecretAddress {
  /** Origin of the vault, without a slash at the end: `https://contoso-keys.vault.azure.net`. */
  readonly vaultUrl: string;
  readonly secretName: string;
}
