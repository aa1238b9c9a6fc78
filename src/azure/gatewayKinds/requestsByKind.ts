import type { OneKeyKind, TwoKeyKind } from "../../domain/gatewayKinds.ts";
import { gatewayV1 } from "./gatewayV1.ts";
import { integrationRuntime } from "./integrationRuntime.ts";
import type { OneKeyKindRequests, TwoKeyKindRequests } from "./kindRequests.ts";
import { synapseIntegrationRuntime } from "./synapseIntegrationRuntime.ts";

/** Every kind's requests; what else the product knows of a kind is in src/domain/gatewayKinds.ts. */
export const requestsByKind: Readonly<
  Record<OneKeyKind, OneKeyKindRequests> & Record<TwoKeyKind, TwoKeyKindRequests>
> = { gatewayV1, integrationRuntime, synapseIntegrationRuntime };
