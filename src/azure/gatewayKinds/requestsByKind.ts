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
 * status but 200. A key is `Redacted` as soon as its answer is here.
 */
interface KindRequests {
  readonly apiVersion: string;
  /** @returns the slot's new key; undefined if the answer has no usable one */
  regenerate(terms: RequestTerms, target: Target, slot: KeySlot): Promise<Redacted | undefined>;
  /** @returns the gateway's resource, as JSON or as the client's model of it, which of a 304 is empty */
  get(terms: RequestTerms, target: Target): Promise<unknown>;
  /**
   * Reads the gateway's resource, from {@link get} or from a list: whether it has keys of its own.
   *
   * @throws if it is not a resource of this kind
   */
  describe(resource: unknown): Exclude<TargetDescription["kind"], "failed">;
}

export interface OneKeyKindRequests extends KindRequests {
  /**
   * Reads the gateway's resource, from {@link KindRequests.get}: what the service knows of its host.
   *
   * @throws if it shows no status
   */
  hostOf(resource: unknown): HostStatus;
}

export interface TwoKeyKindRequests extends KindRequests {
  /** @returns the keys that the service accepts now; undefined if the answer does not have both */
  listKeys(terms: RequestTerms, target: Target): Promise<Readonly<Record<AuthKeySlot, Redacted>> | undefined>;
}

/** Every kind's requests; what else the product knows of a kind is in src/domain/gatewayKinds.ts. */
export const requestsByKind: Readonly<
  Record<OneKeyKind, OneKeyKindRequests> & Record<TwoKeyKind, TwoKeyKindRequests>
> = { gatewayV1, integrationRuntime, synapseIntegrationRuntime };
