import { describe, expect, test } from "vitest";
import type { Effect, KeyWorks } from "../../src/domain/attempt.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { gatewaysResponse, requestedRunResponse, runResponse } from "../../src/http/responses.ts";
import { newDocument } from "../../src/runs/document.ts";
import type { Progress } from "../../src/runs/progress.ts";
import type { StoredRun } from "../../src/runs/runs.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";

type Outcome = NonNullable<Progress["outcome"]>;

const rotated = (slot: "key" | "authKey1"): Outcome => ({
  kind: "rotated",
  rotationId: "r",
  slot,
  secretVersion: "v2",
  fingerprint: "f",
  sequence: 2,
});
const failed = (effect: Effect): Outcome => ({
  kind: "failed",
  code: "store-forbidden",
  message: "M.",
  effect,
  nextAction: "Do this.",
});
const pending = (reason: string): Outcome => ({ kind: "pending", reason, message: "M." });
const skipped: Outcome = { kind: "skipped", reason: "not-due", message: "Not due." };

type Given = Partial<Progress> & { readonly of?: Gateway };

function stored(mode: "standard" | "compromised", ...given: readonly Given[]): StoredRun {
  const gateways = given.map(({ of = gateway() }, i) => ({ ...of, name: `g${i}` }));
  const document = newDocument({ ...runNamed("run"), mode }, gateways, 1000);
  const progress: Progress = {
    state: "done",
    at: 0,
    sequence: 0,
    outcome: skipped,
    keyWorks: true,
    isAtRisk: false,
    versions: [],
  };
  return {
    document,
    unreadable: 0,
    gateways: document.gateways.map((target, i) => {
      const { of: _, ...terms } = given[i] ?? {};
      const isAtRisk = terms.keyWorks !== undefined && terms.keyWorks !== true;
      return { ...target, ...progress, isAtRisk, ...terms };
    }),
  };
}

const answer = (run: StoredRun) => {
  const { status, headers, body } = requestedRunResponse(run, "/api/rotations/run");
  return { status, location: headers["location"], ...JSON.parse(body) };
};

describe("the answer to the request that started a run", () => {
  test.each<[string, readonly Given[], number, number, string]>([
    [
      "all rotated",
      [{ outcome: rotated("key") }, { outcome: rotated("authKey1"), of: runtime() }],
      200,
      0,
      "Of 2 gateways: 2 rotated.",
    ],
    [
      "one failed, and no key is at risk",
      [{ outcome: failed("unchanged") }, {}],
      207,
      0,
      "Of 2 gateways: 1 skipped, 1 failed.",
    ],
    [
      "pending, and no key is at risk",
      [{ state: "open", outcome: pending("out-of-time") }, {}],
      202,
      0,
      "Of 2 gateways: 1 skipped, 1 pending.",
    ],
    [
      "pending, never rotated, and nothing was begun",
      [{ state: "open", outcome: null, keyWorks: "unknown", isAtRisk: false }],
      202,
      0,
      "Of 1 gateway: 1 pending.",
    ],
    [
      "pending, and the only key is dead",
      [{ state: "open", outcome: failed("applied"), keyWorks: false }, {}],
      207,
      1,
      "1 of 2 published keys does not work; of 2 gateways: 1 skipped, 1 pending.",
    ],
    [
      "pending, and the only key may have been replaced",
      [{ state: "open", outcome: failed("unknown"), keyWorks: "unknown" }],
      207,
      1,
      "1 of 1 published keys may not work; of 1 gateway: 1 pending.",
    ],
    [
      "another runner may be regenerating the only key",
      [{ state: "open", outcome: pending("claimed"), keyWorks: "unknown" }],
      207,
      1,
      "1 of 1 published keys may not work; of 1 gateway: 1 pending.",
    ],
    [
      "of two keys, the other one is in doubt",
      [{ state: "open", outcome: failed("unknown"), keyWorks: true, of: runtime() }],
      202,
      0,
      "Of 1 gateway: 1 pending.",
    ],
    [
      "rotated, and an earlier attempt may still take effect",
      [{ state: "unverified", outcome: rotated("authKey1"), keyWorks: "unknown", of: runtime() }],
      207,
      1,
      "1 of 1 published keys may not work; of 1 gateway: 1 rotated.",
    ],
    [
      "dead and in doubt",
      [
        { outcome: failed("applied"), keyWorks: false },
        { outcome: failed("applied"), keyWorks: false },
        { outcome: failed("unknown"), keyWorks: "unknown" },
      ],
      207,
      3,
      "2 of 3 published keys do not work, 1 of 3 published keys may not work; of 3 gateways: 3 failed.",
    ],
  ])("%s → status, and a top line that says so", (_situation, given, status, keysAtRisk, summary) => {
    expect(answer(stored("standard", ...given))).toMatchObject({ status, keysAtRisk, summary });
  });

  test.each(["unchanged", "unknown", "applied"] as const)(
    "effect %s of every kind, with every state of its key → no dead or doubtful key is called fine",
    (effect) => {
      for (const keyWorks of [false, "unknown"] as const satisfies readonly KeyWorks[])
        for (const of of [gateway(), runtime()])
          for (const state of ["open", "done"] as const) {
            const {
              status,
              gateways,
              failed: count,
              pending: open,
            } = answer(stored("standard", { outcome: failed(effect), keyWorks, of, state }));
            expect(gateways).toMatchObject([{ keyWorks, kind: of.target.kind }]);
            expect(status).not.toBe(200);
            expect(count + open).toBe(1);
            if (keyWorks === false) expect(status).toBe(207);
          }
    },
  );

  test("a version 1 gateway is rotated → its host needs the new key; a runtime → no next action", () => {
    const { gateways } = answer(
      stored("standard", { outcome: rotated("key") }, { outcome: rotated("authKey1"), of: runtime() }),
    );
    expect(gateways[0]).toMatchObject({
      kind: "gatewayV1",
      nextAction: expect.stringMatching(/dmgcmd -Key .*adf-gatewaytest-key in https:/),
    });
    expect(gateways[1]).toMatchObject({ kind: "integrationRuntime" });
    expect(gateways[1]).not.toHaveProperty("nextAction");
  });

  test("mode compromised → every version that the run made; mode standard → the last one is enough", () => {
    const versions = [
      { sequence: 1, secretVersion: "v1" },
      { sequence: 2, secretVersion: "v2" },
    ];
    const given = { outcome: rotated("authKey1"), versions, of: runtime() };
    expect(answer(stored("compromised", given)).gateways).toMatchObject([{ versions }]);
    expect(answer(stored("standard", given)).gateways[0]).not.toHaveProperty("versions");
  });

  test("something is pending → where to read the run later, whatever the status", () => {
    const location = "/api/rotations/run";
    const dead = { state: "open", outcome: failed("applied"), keyWorks: false } as const;
    expect(answer(stored("standard", dead))).toMatchObject({ status: 207, location });
    expect(answer(stored("standard", {})).location).toBeUndefined();
  });

  test("the run is read later → 200 with the same content", () => {
    const run = stored("standard", { state: "open", outcome: failed("applied"), keyWorks: false });
    const read = runResponse(run);
    expect(read.status).toBe(200);
    expect(read.body).toBe(requestedRunResponse(run, "x").body);
  });
});

describe("the state of the gateways", () => {
  const now = Date.UTC(2026, 10, 26);

  test("hosts → their last known status; one that is behind has a next action", () => {
    const states = ([true, false] as const).map((sinceRotation) => ({
      gateway: gateway(),
      state: "rotated" as const,
      keyWorks: true as const,
      nextTick: undefined,
      host: { status: "Online", registeredAt: sinceRotation ? now : null, sinceRotation },
    }));
    expect(JSON.parse(gatewaysResponse(states).body).gateways).toMatchObject([
      {
        nextAction: null,
        host: { status: "Online", registeredAt: "2026-11-26T00:00:00.000Z", sinceRotation: true },
      },
      {
        nextAction: expect.stringContaining("dmgcmd -Key with the value of adf-gatewaytest-key"),
        host: { status: "Online", registeredAt: null, sinceRotation: false },
      },
    ]);
  });

  test.each([
    [
      "a rotation is open",
      { state: "rotating", keyWorks: "unknown", verifyAt: now },
      "No action is needed: resumeRotations continues the rotation.",
    ],
    [
      "a rotation is open, and the host is behind",
      { state: "rotating", host: { status: "Offline", registeredAt: null, sinceRotation: false } },
      "No action is needed: resumeRotations continues the rotation.",
    ],
    [
      "the key is in doubt until its verification",
      { state: "rotated", keyWorks: "unknown", verifyAt: now },
      "No action is needed. After 2026-11-26T00:00:00.000Z, resumeRotations verifies the key, and rotates it unless it is known to work.",
    ],
    ["the key works, and its verification is due", { state: "rotated", keyWorks: true, verifyAt: now }, null],
    ["nothing is known", { state: "never-rotated" }, null],
  ] as const)("%s → the next action", (_, facts, nextAction) => {
    const { body } = gatewaysResponse([{ gateway: gateway(), nextTick: undefined, ...facts }]);
    expect(JSON.parse(body).gateways).toMatchObject([{ nextAction }]);
  });

  test("the last failure → its code, effect and next action, at a time in ISO", () => {
    const failure = {
      at: now,
      code: "store-forbidden",
      effect: "applied",
      message: "M.",
      nextAction: "Do this.",
      keyWorks: false,
    } as const;
    const { body } = gatewaysResponse([
      { gateway: gateway(), state: "failed", keyWorks: false, failure, nextTick: undefined },
      {
        gateway: { ...runtime(), target: anotherTarget("lab") },
        state: "never-rotated",
        nextTick: new Date(now),
      },
    ]);
    expect(JSON.parse(body).gateways).toMatchObject([
      {
        kind: "gatewayV1",
        state: "failed",
        keyWorks: false,
        nextAction: "Do this.",
        nextTick: null,
        lastFailure: { at: "2026-11-26T00:00:00.000Z", code: "store-forbidden", effect: "applied" },
      },
      {
        state: "never-rotated",
        keyWorks: "unknown",
        nextTick: "2026-11-26T00:00:00.000Z",
        host: null,
        lastFailure: null,
      },
    ]);
  });
});
