import type { CallProblem, GatewayKeys, ListKeysOutcome } from "../domain/attempt.ts";
import type { SecretStore } from "../domain/secretStore.ts";
import type { Gateway, SecretAddress, Target } from "../domain/target.ts";
import type { Pace, RotationServices } from "../rotation/services.ts";
import { createBucket } from "./bucket.ts";
import { type CallLimit, createGate, type Gate, type LimitAnswer } from "./gate.ts";
import type { Place } from "./places.ts";
import { createWindow } from "./window.ts";

/**
 * The limits of the services that a run calls: Resource Manager's for each subscription, Key Vault's for each vault.
 * It lives as long as its run. Instances cannot share what they know, so what is left has to be learned from the
 * answers anyway, and the first one says it; what an earlier run learned would be out of date.
 */
export function createPacing(services: RotationServices) {
  const { keys, secrets, clock } = services;
  const subscriptions = createGates(services, createBucket);
  const vaults = createGates(services, createWindow);
  let waiting = 0;
  let waitingSince = 0;
  let waitedMs = 0;

  async function counted<T>(wait: () => Promise<T>): Promise<T> {
    if (waiting === 0) waitingSince = clock.now();
    waiting += 1;
    const done = await wait();
    waiting -= 1;
    if (waiting === 0) waitedMs += clock.now() - waitingSince;
    return done;
  }

  const observedKeys: GatewayKeys = {
    regenerate: (target, slot, clientRequestId) =>
      subscriptions(target.subscriptionId).call(
        target.identity,
        () => keys.regenerate(target, slot, clientRequestId),
        (outcome) => {
          const { remainingSubscriptionWrites: remaining } = outcome.trace;
          return outcome.kind === "applied"
            ? { remaining, throttled: false }
            : { remaining, ...refusal(outcome.problem) };
        },
      ),
    listKeys: (target) =>
      subscriptions(target.subscriptionId).call(
        target.identity,
        () => keys.listKeys(target),
        (outcome) =>
          outcome.kind === "failed"
            ? refusal(outcome.problem)
            : { remaining: outcome.remainingSubscriptionWrites, throttled: false },
      ),
  };

  const observedSecrets: SecretStore = {
    ...secrets,
    write: (address, version) =>
      vaults(address.vaultUrl).call(
        address.secretName.toLowerCase(),
        () => secrets.write(address, version),
        (outcome) => (outcome.kind === "stored" ? { throttled: false } : refusal(outcome.problem)),
      ),
  };

  return {
    /** The same services, listened to: what they answer is what is known of their limits. */
    services: { ...services, keys: observedKeys, secrets: observedSecrets },
    /** For how long at least one gateway waited for a limit so far, in milliseconds. */
    waitedMs: () => waitedMs,
    /** @param place what others may have while it waits */
    paceOf(gateway: Gateway, place: Place): Pace {
      const passed = new Map<Gate, string>();

      async function pass(gate: Gate, who: string, lastStart: number): Promise<boolean> {
        passed.set(gate, who);
        return gate.tryPass(who) || place.aside(() => counted(() => gate.pass(who, lastStart)));
      }

      const passVault = ({ vaultUrl, secretName }: SecretAddress, lastStart: number) =>
        pass(vaults(vaultUrl), secretName.toLowerCase(), lastStart);
      const passSubscription = ({ subscriptionId, identity }: Target, lastStart: number) =>
        pass(subscriptions(subscriptionId), identity, lastStart);

      return {
        async toRegenerate(lastStart, pauseMs = 0) {
          const since = clock.now();
          if (pauseMs > 0) await place.aside(() => counted(() => clock.sleep(pauseMs)));
          const { secret, target } = gateway;
          const ready = (await passVault(secret, lastStart)) && (await passSubscription(target, lastStart));
          return ready ? clock.now() - since : undefined;
        },
        async listKeys(target, lastStart) {
          return (await passSubscription(target, lastStart)) ? observedKeys.listKeys(target) : tooLate;
        },
        end() {
          for (const [gate, who] of passed) gate.leave(who);
        },
      };
    },
  };
}

function createGates({ clock }: RotationServices, createLimit: () => CallLimit): (of: string) => Gate {
  const gates = new Map<string, Gate>();
  return (of) => {
    const key = of.toLowerCase();
    const gate = gates.get(key) ?? createGate(createLimit(), clock);
    gates.set(key, gate);
    return gate;
  };
}

const refusal = ({ code, retryAfterMs }: CallProblem): LimitAnswer => ({
  throttled: code === "throttled",
  retryAfterMs,
});

const tooLate: ListKeysOutcome = {
  kind: "failed",
  problem: {
    code: "throttled",
    message: "Resource Manager's limit on writes leaves no room for it in time; it was not asked.",
    transient: true,
  },
};
