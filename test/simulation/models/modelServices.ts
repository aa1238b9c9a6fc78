import type { GatewayKeys } from "../../../src/domain/attempt.ts";
import type { BlobStore } from "../../../src/domain/blobStore.ts";
import type { SecretStore } from "../../../src/domain/secretStore.ts";
import type { DecideDelivery } from "./delivery.ts";
import { createModelBlobStore } from "./modelBlobStore.ts";
import { createModelGatewayKeys } from "./modelGatewayKeys.ts";
import { createModelSecretStore } from "./modelSecretStore.ts";
import { createPerformCall, type PerformCallTerms, type WorldHolder } from "./performCall.ts";

export interface ModelServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  readonly blobs: BlobStore;
}

/** The three services over a world in memory, with the interfaces of the product's wrappers. */
export function createModelServices(
  holder: WorldHolder,
  decide: DecideDelivery,
  terms: PerformCallTerms,
): ModelServices {
  const perform = createPerformCall(holder, decide, terms);
  return {
    keys: createModelGatewayKeys(terms.runner, perform),
    secrets: createModelSecretStore(terms.runner, perform),
    blobs: createModelBlobStore(terms.runner, perform),
  };
}
