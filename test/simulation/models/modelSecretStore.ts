import { redact, reveal } from "../../../src/domain/redacted.ts";
import type { SecretStore } from "../../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../../src/domain/target.ts";
import type { Call } from "./call.ts";
import { problemOf } from "./delivery.ts";
import type { PerformCall } from "./performCall.ts";
import * as model from "./serviceOperations.ts";

/** The model of Key Vault with the interface of the product's wrapper. */
export function createModelSecretStore(runner: string, perform: PerformCall): SecretStore {
  const callAbout = (operation: Call["operation"], address: SecretAddress, content = ""): Call => ({
    runner,
    service: "Key Vault",
    operation,
    subject: address.secretName,
    payload: `${address.vaultUrl}/${address.secretName.toLowerCase()} ${content}`,
  });

  return {
    async readLatest(address) {
      const call = callAbout("readLatest", address);
      const seen = await perform(call, (world) => model.readLatest(world, address));
      switch (seen.kind) {
        case "none":
          return seen;
        case "enabled": {
          const secret = model.toSecretVersion(seen.version, seen.ownedByCertificate);
          return { kind: "enabled", secret, key: redact(seen.version.value.trim()) };
        }
        case "disabled":
          return {
            kind: "disabled",
            secret: model.toSecretVersion(seen.version, seen.ownedByCertificate),
          };
        default:
          return { kind: "failed", problem: problemOf(call, seen) };
      }
    },
    async readDeleted(address) {
      const call = callAbout("readDeleted", address);
      const seen = await perform(call, (world) => model.readDeleted(world, address));
      if (seen.kind === "absent" || seen.kind === "softDeleted") return { kind: seen.kind };
      return { kind: "failed", problem: problemOf(call, seen) };
    },
    async write(address, { key, contentType, tags }) {
      const content = { value: reveal(key), contentType, tags, writtenBy: runner };
      const call = callAbout("write", address, JSON.stringify(content));
      const seen = await perform(call, (world) => model.write(world, address, content));
      if (seen.kind === "stored") return { kind: "stored", secret: model.toSecretVersion(seen.version) };
      return { kind: seen.kind, problem: problemOf(call, seen) };
    },
  };
}
