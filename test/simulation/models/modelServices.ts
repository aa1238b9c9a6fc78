import type { GatewayKeys } from "../../../src/domain/attempt.ts";
import type { BlobStore } from "../../../src/domain/blobStore.ts";
import type { SecretStore } from "../../../src/domain/secretStore.ts";
import type { Gate } from "./delivery.ts";
import { createModelBlobStore } from "./modelBlobStore.ts";
import { createModelGatewayKeys } from "./modelGatewayKeys.ts";
import { createModelSecretStore } from "./modelSecretStore.ts";
import { createPerform, type PerformTerms, type WorldHolder } from "./performCall.ts";

export interface ModelServices {
  readonly keys: GatewayKeys;
  readonly secrets: SecretStore;
  readonly blobs: BlobStore;
}

/** The services as the product's wrappers show them, over a world in memory. */
export function createModelServices(holder: WorldHolder, gate: Gate, terms: PerformTerms): ModelServices {
  const perform = createPerform(holder, gate, terms);
  return {
    keys: createModelGatewayKeys(terms.runner, perform),
    secrets: createModelSecretStore(terms.runner, perform),
    blobs: createModelBlobStore(terms.runner, perform),
  };
}
