import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type GatewayKeys, type RegenerateOutcome, toClientRequestId } from "../../src/domain/attempt.ts";
import { reveal } from "../../src/domain/redacted.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";
import type { KeySlot, Target, TargetIdentity, TwoKeyTarget } from "../../src/domain/target.ts";
import { gatewayTarget, runtimeTarget, synapseTarget } from "../support/gateways.ts";
import { type ContractFault, doubts, refusals } from "./fault.ts";

/** An implementation of `GatewayKeys` for the targets of test/support/gateways.ts only. */
export interface GatewayKeysSubject {
  readonly keys: GatewayKeys;
  /** What the service accepts now, by slot. */
  liveKeys(target: Target): Readonly<Record<string, string>>;
  /** Injects a fault into the next call. */
  meet(fault: ContractFault): void;
  /** What is late happens now. */
  land(): Promise<void>;
}

const newId = () => toClientRequestId(crypto.randomUUID());

function keyOf(outcome: RegenerateOutcome): string {
  if (outcome.kind !== "applied") throw new Error(inspect(outcome, { depth: null }));
  return reveal(outcome.key);
}

const slots: readonly { readonly target: Target; readonly slot: KeySlot }[] = [
  { target: gatewayTarget, slot: "key" },
  { target: runtimeTarget, slot: "authKey1" },
  { target: runtimeTarget, slot: "authKey2" },
  { target: synapseTarget, slot: "authKey1" },
  { target: synapseTarget, slot: "authKey2" },
];

/** The tests that the real `GatewayKeys` and its model both pass. */
export function gatewayKeysContract(subject: () => GatewayKeysSubject): void {
  describe.each(slots)("regenerating of $target.kind, $slot", ({ target, slot }) => {
    test("the answer → the slot's new key; no other key changed", async () => {
      const before = subject().liveKeys(target);
      const key = keyOf(await subject().keys.regenerate(target, slot, newId()));
      expect(Object.values(before)).not.toContain(key);
      expect(subject().liveKeys(target)).toEqual({ ...before, [slot]: key });
    });

    test("three times → another key each time, and the last one works", async () => {
      const made: string[] = [];
      for (let i = 0; i < 3; i++) made.push(keyOf(await subject().keys.regenerate(target, slot, newId())));
      expect(new Set(made).size).toBe(3);
      expect(subject().liveKeys(target)[slot]).toBe(made.at(-1));
    });

    test("the trace → the given client request id, the status, and the service's own ids", async () => {
      const id = newId();
      const { trace } = await subject().keys.regenerate(target, slot, id);
      expect(trace).toMatchObject({
        clientRequestId: id,
        status: 200,
        requestId: expect.stringMatching(/\S/),
        correlationRequestId: expect.stringMatching(/\S/),
        routingRequestId: expect.stringMatching(/\S/),
        durationMs: expect.any(Number),
      });
    });

    test.each(refusals)(
      "refused as $code → unchanged, and the key still works",
      async ({ code, status, transient }) => {
        const before = subject().liveKeys(target);
        const id = newId();
        subject().meet({ kind: "refused", code });
        const outcome = await subject().keys.regenerate(target, slot, id);
        expect(outcome).toMatchObject({
          kind: "unchanged",
          problem: { code, transient },
          trace: { clientRequestId: id, status },
        });
        expect(subject().liveKeys(target)).toEqual(before);
      },
    );

    test.each(doubts)(
      "$kind → unknown as $code, without a status; the effect comes $effect",
      async ({ kind, code, effect }) => {
        const before = subject().liveKeys(target);
        const others = { ...before, [slot]: "any" };
        subject().meet({ kind });
        const outcome = await subject().keys.regenerate(target, slot, newId());
        expect(outcome).toMatchObject({ kind: "unknown", problem: { code, transient: true } });
        expect(outcome.trace.status).toBeUndefined();
        const after = subject().liveKeys(target);
        expect(after[slot] === before[slot]).toBe(effect !== "at once");
        expect({ ...after, [slot]: "any" }).toEqual(others);

        const next = keyOf(await subject().keys.regenerate(target, slot, newId()));
        expect(subject().liveKeys(target)[slot]).toBe(next);
        if (effect !== "later") return;
        await subject().land();
        // It makes a key that no caller got, in place of the one that the service has just returned.
        expect(subject().liveKeys(target)[slot]).not.toBe(next);
      },
    );
  });

  describe.each([runtimeTarget, synapseTarget])("listing keys of $kind", (target) => {
    test("both keys → by slot, as the service accepts them", async () => {
      await subject().keys.regenerate(target, "authKey1", newId());
      const outcome = await subject().keys.listKeys(target);
      if (outcome.kind !== "listed") throw new Error(inspect(outcome, { depth: null }));
      const { authKey1, authKey2 } = outcome.keys;
      expect({ authKey1: reveal(authKey1), authKey2: reveal(authKey2) }).toEqual(subject().liveKeys(target));
    });

    test.each(refusals)(
      "refused as $code → failed, with that refusal's `transient`",
      async ({ code, transient }) => {
        subject().meet({ kind: "refused", code });
        const outcome = await subject().keys.listKeys(target);
        expect(outcome).toMatchObject({ kind: "failed", problem: { code, transient } });
      },
    );

    test("a lost answer → failed, and transient", async () => {
      subject().meet({ kind: "lostBefore" });
      const outcome = await subject().keys.listKeys(target);
      expect(outcome).toMatchObject({
        kind: "failed",
        problem: { code: "connection-lost", transient: true },
      });
    });
  });

  describe.each([runtimeTarget, synapseTarget])("what does not exist of $kind", (target) => {
    const resourceId = target.resourceId.replace(/[^/]+$/, "missing");
    const missing: TwoKeyTarget = {
      ...target,
      resourceId,
      identity: identityOf(resourceId),
      name: "missing",
    };

    test("an unknown target → unchanged, not found", async () => {
      expect(await subject().keys.regenerate(missing, "authKey1", newId())).toMatchObject({
        kind: "unchanged",
        problem: { code: "not-found", transient: false },
        trace: { status: 404 },
      });
      expect(await subject().keys.listKeys(missing)).toMatchObject({
        kind: "failed",
        problem: { code: "not-found", transient: false },
      });
    });

    // The service refuses it; the model has no request for it.
    test("the slot `key` of an integration runtime → unchanged, and both keys stay", async () => {
      const before = subject().liveKeys(target);
      const { kind } = await subject().keys.regenerate(target, "key", newId());
      expect(kind).toBe("unchanged");
      expect(subject().liveKeys(target)).toEqual(before);
    });
  });
}

function identityOf(resourceId: string): TargetIdentity {
  const parsed = parseResourceId(resourceId);
  if (parsed.kind === "problem") throw new TypeError(parsed.rule);
  return parsed.target.identity;
}
