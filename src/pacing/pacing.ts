import type { GatewayKeys, ListKeysOutcome } from "../domain/attempt.ts";
import type { Clock } from "../domain/clock.ts";
import type { SecretStore } from "../domain/secretStore.ts";
import type { Gateway } from "../domain/target.ts";
import type { Pace, RotationServices } from "../rotation/context.ts";
import { createBucket } from "./bucket.ts";
import { type CallLimit, createGate, type Gate } from "./gate.ts";
import type { Place } from "./places.ts";
import { createWindow } from "./window.ts";

/**
 * Keeps a run within the limits of Resource Manager (for each subscription) and of Key Vault (for each vault). It lives
 * as long as one drive of a run. Instances share nothing: each learns from the answers how much the others use.
 */
export function createPacing(services: RotationServices) {
  const { keys, secrets, clock } = services;
  const subscriptions = createGates(createBucket, clock);
  const vaults = createGates(createWindow, clock);

  const countedKeys: GatewayKeys = {
    regenerate: (target, slot, clientRequestId) =>
      subscriptions(target.subscriptionId).call(
        target.identity,
        () => keys.regenerate(target, slot, clientRequestId),
        ({ trace }) => trace.remainingSubscriptionWrites,
      ),
    listKeys: (target) =>
      subscriptions(target.subscriptionId).call(
        target.identity,
        () => keys.listKeys(target),
        (outcome) => (outcome.kind === "listed" ? outcome.remainingSubscriptionWrites : undefined),
      ),
  };

  const countedSecrets: SecretStore = {
    ...secrets,
    write: (address, version) =>
      vaults(address.vaultUrl).call(address.secretName.toLowerCase(), () => secrets.write(address, version)),
  };

  return {
    /** The given services; the gates count their calls and answers. */
    services: { ...services, keys: countedKeys, secrets: countedSecrets },
    /** @param place the gateway's place; other gateways use it while this one waits */
    paceOf(gateway: Gateway, place: Place): Pace {
      const { target, secret } = gateway;
      const subscription = subscriptions(target.subscriptionId);
      const vault = vaults(secret.vaultUrl);
      const secretName = secret.secretName.toLowerCase();
      /** The gateway's own failure. It is returned when another gateway's 429 leaves no time to try again. */
      let lastFailure: ListKeysOutcome | undefined;

      const pass = async (gate: Gate, who: string, lastStart: number): Promise<boolean> =>
        gate.tryPass(who) || place.aside(() => gate.pass(who, lastStart));

      return {
        async toRegenerate(lastStart, pauseMs = 0) {
          const since = clock.now();
          if (pauseMs > 0) await place.aside(() => clock.sleep(pauseMs));
          const ready =
            (await pass(vault, secretName, lastStart)) &&
            (await pass(subscription, target.identity, lastStart));
          return ready ? clock.now() - since : undefined;
        },
        toStore: () => vault.reserve(secretName),
        async listKeys(twoKeyTarget, lastStart) {
          if (!(await pass(subscription, target.identity, lastStart))) return lastFailure ?? tooLate;
          const listed = await countedKeys.listKeys(twoKeyTarget);
          if (listed.kind === "failed") lastFailure = listed;
          return listed;
        },
        end() {
          vault.leave(secretName);
          subscription.leave(target.identity);
        },
      };
    },
  };
}

/** One gate for each subscription, or for each vault. */
function createGates(createLimit: () => CallLimit, clock: Clock): (of: string) => Gate {
  const gates = new Map<string, Gate>();
  return (of) => {
    const key = of.toLowerCase();
    const gate = gates.get(key) ?? createGate(createLimit(), clock);
    gates.set(key, gate);
    return gate;
  };
}

const tooLate: ListKeysOutcome = {
  kind: "failed",
  problem: {
    code: "throttled",
    message:
      "Resource Manager's limit on writes had no room for this call in time, so the function did not send it.",
    transient: true,
  },
};
