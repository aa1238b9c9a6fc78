import { beforeEach, describe } from "vitest";
import type { Fate, Gate } from "../simulation/fate.ts";
import * as hands from "../simulation/hands.ts";
import type { WorldHolder } from "../simulation/perform.ts";
import { createModelServices } from "../simulation/services.ts";
import { createWorld, liveKeys, secretAt, type World } from "../simulation/world.ts";
import { gatewayTarget, runtimeTarget } from "../support/gateways.ts";
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

describeBlobStore("the model of blob storage behind a gate", () => {
  const { holder, services } = createModels([]);
  return { store: services.blobs, clock: () => holder.world.now };
});

/** `fates`: of the next calls; all others go well. */
function createModels(fates: Fate[]) {
  const targets = [gatewayTarget, runtimeTarget];
  const holder: WorldHolder = { world: createWorld({ now: 1_700_000_000_500, targets, vaultUrls }) };
  const gate: Gate = async () => fates.shift() ?? { kind: "normal" };
  return { holder, services: createModelServices(holder, gate, { runner: "contract" }) };
}

function createSubject(): GatewayKeysSubject & SecretStoreSubject {
  const fates: Fate[] = [];
  const { holder, services } = createModels(fates);
  const late: (() => void)[] = [];

  const change = (changed: (world: World) => World): void => {
    holder.world = changed(holder.world);
  };

  return {
    ...services,
    vaultUrls,
    meet(fault) {
      if (fault.kind === "late") fates.push({ kind: "late", release: (effect) => late.push(effect) });
      else fates.push(fault.kind === "refused" ? fault : { kind: fault.kind });
    },
    async land() {
      for (const effect of late.splice(0)) effect();
    },
    liveKeys: (target) => liveKeys(holder.world, target),
    values: (address) => secretAt(holder.world, address).versions.map(({ value }) => value),
    writeByHand: (address, value, tags) =>
      change((world) => hands.writeByHand(world, address, { value, tags })),
    disableLatest: (address) => change((world) => hands.disableLatest(world, address)),
    softDelete: (address) => change((world) => hands.softDelete(world, address)),
    ownByCertificate: (address) => change((world) => hands.ownByCertificate(world, address)),
  };
}
