import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import type {
  Fault,
  FaultRule,
  SimulatedSecret,
  SimulatedService,
  SimulatedVersion,
} from "../../local/simulator/types.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import {
  clientTimeoutMs,
  createClients,
  credentialOf,
  startAzure,
  type TestAzure,
} from "../support/azure.ts";
import { holdTime, noAnswerWithin } from "../support/heldTime.ts";
import { type ContractFault, refusals } from "./fault.ts";
import { type GatewayKeysSubject, gatewayKeysContract } from "./gatewayKeys.ts";
import { type SecretStoreSubject, secretStoreContract } from "./secretStore.ts";

let azure: TestAzure;

beforeAll(async () => {
  const started = await startAzure();
  // A 401 is transient where its token can be renewed: here it cannot, in any order of the tests.
  const credential = credentialOf(started.credential.getToken);
  azure = { ...started, ...createClients(started.simulator, credential) };
});
afterAll(() => azure.simulator.stop());
beforeEach(() => azure.simulator.clearFaults());
holdTime();

describe("the product's clients, with the real SDKs, on the simulator", () => {
  gatewayKeysContract(() => gatewayKeysSubject());
  secretStoreContract(() => secretStoreSubject());
});

let landed = Promise.withResolvers<void>();

async function land(): Promise<void> {
  landed.resolve();
  landed = Promise.withResolvers();
  // The simulator handles its requests as soon as it may.
  await new Promise((resolve) => setImmediate(resolve));
}

function gatewayKeysSubject(): GatewayKeysSubject {
  return {
    keys: azure.keys,
    liveKeys: ({ resourceId }) => azure.simulator.keys(resourceId),
    meet: (fault) => azure.simulator.inject(ruleFor("resourceManager", fault)),
    land,
  };
}

function secretStoreSubject(): SecretStoreSubject {
  const vaultOf = ({ vaultUrl }: SecretAddress) =>
    azure.simulator.secrets(vaultUrl === azure.contoso ? "contoso-keys" : "fabrikam-keys");
  const find = (address: SecretAddress) => vaultOf(address).get(address.secretName.toLowerCase());

  function existing(address: SecretAddress): SimulatedSecret {
    const name = address.secretName;
    const secret = find(address) ?? { name, versions: [], deleted: false, managed: false };
    vaultOf(address).set(name.toLowerCase(), secret);
    return secret;
  }

  return {
    secrets: azure.secrets,
    vaultUrls: [azure.contoso, azure.fabrikam],
    values: (address) => find(address)?.versions.map(({ value }) => value) ?? [],
    writeByHand(address, value, tags) {
      const created = Math.floor(Date.now() / 1000);
      const version: SimulatedVersion = {
        version: randomBytes(16).toString("hex"),
        value,
        tags,
        created,
        enabled: true,
      };
      existing(address).versions.push(version);
    },
    disableLatest(address) {
      const latest = existing(address).versions.at(-1);
      if (latest !== undefined) latest.enabled = false;
    },
    softDelete(address) {
      existing(address).deleted = true;
    },
    beginDeletion(address) {
      existing(address).deleting = true;
    },
    ownByCertificate(address) {
      existing(address).managed = true;
    },
    meet: (fault) => azure.simulator.inject(ruleFor("keyVault", fault)),
    land,
  };
}

/**
 * Applies to the next request that has a token (a request without one only fetches a vault's challenge). A refusal
 * stays: after a 401 the vault's client sends a second request within one call.
 */
const ruleFor = (service: SimulatedService, fault: ContractFault): FaultRule => ({
  service,
  matches: ({ headers }) => headers["authorization"] !== undefined,
  times: fault.kind === "refused" ? Number.POSITIVE_INFINITY : 1,
  fault: toFault(fault),
});

function toFault(fault: ContractFault): Fault {
  switch (fault.kind) {
    case "refused": {
      const refusal = refusals.find(({ code }) => code === fault.code);
      if (refusal === undefined) throw new TypeError(`No status for ${fault.code}`);
      return { kind: "answer", status: refusal.status, effect: "none" };
    }
    case "lostBefore":
      return { kind: "drop", effect: "none" };
    case "lostAfter":
      return { kind: "drop", effect: "applied" };
    case "late":
      return noAnswerWithin(clientTimeoutMs, landed.promise);
  }
}
