import { beforeEach, describe } from "vitest";
import type { DecideDelivery, Delivery } from "../simulation/models/delivery.ts";
import { createModelServices } from "../simulation/models/modelServices.ts";
import * as outside from "../simulation/models/outsideChanges.ts";
import type { WorldHolder } from "../simulation/models/performCall.ts";
import { createWorld, liveKeys, secretAt, type World } from "../simulation/models/world.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "../support/gateways.ts";
import { describeBlobStore } from "./blobStore.ts";
import { type GatewayKeysSubject, gatewayKeysContract } from "./gatewayKeys.ts";
import { type SecretStoreSubject, secretStoreContract } from "./secretStore.ts";

const vaultUrls = ["https://contoso-keys.vault.azure.net", "https://fabrikam-keys.vault.azure.net"] as const;

let subject: GatewayKeysSubject & SecretStoreSubject;

beforeEach(() => {
  subject = createSubject();
});

describe("the models of the services", () => {
  gatewayKeysContract(() => subject);
  secretStoreContract(() => subject);
});

describeBlobStore("the model of blob storage, with the wrapper's interface", () => {
  const { holder, services } = createModels([]);
  return { store: services.blobs, clock: () => holder.world.now };
});

/** @param deliveries of the next calls; all others are delivered normally */
function createModels(deliveries: Delivery[]) {
  const targets = [gatewayTarget, runtimeTarget, synapseTarget];
  const holder: WorldHolder = { world: createWorld({ now: 1_700_000_000_500, targets, vaultUrls }) };
  const decide: DecideDelivery = async () => deliveries.shift() ?? { kind: "normal" };
  return { holder, services: createModelServices(holder, decide, { runner: "contract" }) };
}

function createSubject(): GatewayKeysSubject & SecretStoreSubject {
  const deliveries: Delivery[] = [];
  const { holder, services } = createModels(deliveries);
  const late: (() => void)[] = [];

  const change = (changed: (world: World) => World): void => {
    holder.world = changed(holder.world);
  };

  return {
    ...services,
    vaultUrls,
    meet(fault) {
      if (fault.kind === "late") deliveries.push({ kind: "late", release: (effect) => late.push(effect) });
      else deliveries.push(fault.kind === "refused" ? fault : { kind: fault.kind });
    },
    async land() {
      for (const effect of late.splice(0)) effect();
    },
    liveKeys: (target) => liveKeys(holder.world, target),
    values: (address) => secretAt(holder.world, address).versions.map(({ value }) => value),
    writeByHand: (address, value, tags) =>
      change((world) => outside.writeOutside(world, address, { value, tags })),
    disableLatest: (address) => change((world) => outside.disableLatest(world, address)),
    softDelete: (address) => change((world) => outside.softDelete(world, address)),
    beginDeletion: (address) =>
      change((world) => outside.softDelete(world, address, Number.POSITIVE_INFINITY)),
    ownByCertificate: (address) => change((world) => outside.ownByCertificate(world, address)),
  };
}
