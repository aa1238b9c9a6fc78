import type { OneKeyKind, TwoKeyKind } from "../../domain/gatewayKinds.ts";
import type { HostStatus, TargetDescription } from "../../domain/inspection.ts";
import type { Redacted } from "../../domain/redacted.ts";
import type { AuthKeySlot, KeySlot, Target } from "../../domain/target.ts";
import { gatewayV1 } from "./gatewayV1.ts";
import { integrationRuntime } from "./integrationRuntime.ts";
import type { RequestTerms } from "./kindRequests.ts";
import { synapseIntegrationRuntime } from "./synapseIntegrationRuntime.ts";

/**
 * The requests of one kind of gateway. Each sends one HTTP request through the client's pipeline, and throws on every
 * status except 200. Each returns a key as `Redacted`.
 */
interface KindRequests {
  readonly apiVersion: string;
  /** @returns the slot's new key; undefined if the answer has no usable one */
  regenerate(terms: RequestTerms, target: Target, slot: KeySlot): Promise<Redacted | undefined>;
  /** @returns the gateway's resource, as JSON or as the SDK's model of it. The SDK's model of a 304 is empty */
  get(terms: RequestTerms, target: Target): Promise<unknown>;
  /**
   * Whether the gateway has keys of its own. `resource` comes from {@link get} or from a list.
   *
   * @throws if it is not a resource of this kind
   */
  describe(resource: unknown): Exclude<TargetDescription["kind"], "failed">;
}

export interface OneKeyKindRequests extends KindRequests {
  /**
   * What the service knows about the gateway's host. `resource` comes from {@link KindRequests.get}.
   *
   * @throws if it shows no status
   */
  hostOf(resource: unknown): HostStatus;
}

export interface TwoKeyKindRequests extends KindRequests {
  /** @returns the keys that the service accepts now; undefined if the answer does not have both */
  listKeys(terms: RequestTerms, target: Target): Promise<Readonly<Record<AuthKeySlot, Redacted>> | undefined>;
}

/** The requests of every kind. All other facts about a kind are in src/domain/gatewayKinds.ts. */
export const requestsByKind: Readonly<
  Record<OneKeyKind, OneKeyKindRequests> & Record<TwoKeyKind, TwoKeyKindRequests>
> = { gatewayV1, integrationRuntime, synapseIntegrationRuntime };
