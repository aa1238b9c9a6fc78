import { describe, expect, test } from "vitest";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { failure } from "../../src/rotation/failures.ts";
import { RunFailedError, rotateAll } from "../../src/runs/rotateAll.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import type { Call } from "../simulation/models/call.ts";
import { canary } from "../support/azure.ts";
import { anotherTarget, gateway, namedGateway, ofNewRun, runtime } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { isPreflight, isRegenerate } from "../support/requests.ts";
import { type Deliver, forbidden, startStoredRuns } from "./storedRuns.ts";

const fabrikamUrl = "https://fabrikam-keys.vault.azure.net";

/** Rotates gateways as one process, over models that know `known`. */
async function rotateTogether(
  gateways: readonly Gateway[],
  deliver?: Deliver,
  { known = gateways, concurrency = 1 } = {},
) {
  const { clock, invocation, regenerated } = startStoredRuns(known);
  const { services, terms, events } = invocation(deliver);
  const run = { ...terms, concurrency, run: runNamed("run"), createdAt: clock.now() };
  const result = await clock.run(rotateAll(services, gateways.map(ofNewRun), run, () => {}));
  const failures = events.filter(({ name }) => name === "GatewayKeyRotationFailed");
  return { result, failures, regenerated };
}

describe("several gateways of one run", () => {
  test("one vault refuses writes → the other's gateways are rotated, and no second key is made", async () => {
    let written = 0;
    const [one, two] = ["a1", "a2"].map((name) => namedGateway(name));
    const others = ["b1", "b2"].map((name) => namedGateway(name, fabrikamUrl));
    // Accepts the preflight, and then nothing more.
    const isRefused = ({ operation, payload }: Call) =>
      operation === "write" && !payload.startsWith(fabrikamUrl) && ++written > 1;
    const { result, regenerated } = await rotateTogether(
      [one ?? gateway(), two ?? gateway(), ...others],
      (call) => (isRefused(call) ? forbidden : undefined),
    );
    expect(result.rotated).toBe(2);
    expect(result.failed.map(({ gateway: { name }, code, effect }) => [name, code, effect]).sort()).toEqual([
      ["a1", "store-forbidden", "applied"],
      ["a2", "vault-takes-no-writes", "unchanged"],
    ]);
    expect(regenerated()).toBe(3);
  });

  test("one gateway fails → the others are rotated, and its failure is an event", async () => {
    const missing = gateway(undefined, { name: "missing", target: anotherTarget("nosuch") });
    const { result, failures } = await rotateTogether([missing, runtime()], undefined, {
      known: [runtime()],
    });
    const failure = { code: "regenerate-not-found", effect: "unchanged", trace: { status: 404 } };
    expect(result).toMatchObject({ rotated: 1, failed: [failure] });
    expect(failures).toMatchObject([failure]);
  });

  test("an exception in the engine → that gateway fails without the exception's text, the others are rotated", async () => {
    // The configuration accepts no such time zone. `Intl` throws an error that names it.
    expect(() => new Intl.DateTimeFormat("en", { timeZone: canary })).toThrow(canary);
    const broken = gateway(undefined, { window: { timeZone: canary } });
    const { result, failures } = await rotateTogether([broken, runtime()]);
    const failure = { code: "unexpected-error", effect: "unknown" };
    expect(result).toMatchObject({ rotated: 1, failed: [{ ...failure, versions: [] }] });
    expect(failures).toMatchObject([{ ...failure, keyWorks: "unknown" }]);
    expect(result.failed[0]?.message).toContain("nextStep.ts");
    expect(result.failed[0]?.message).not.toContain(canary);
  });

  test("concurrency 2 of 6 → never more than two are begun and not finished", async () => {
    const begun = new Set<string>();
    let most = 0;
    const deliver: Deliver = ({ operation, subject }) => {
      if (operation === "readLatest") begun.add(subject);
      most = Math.max(most, begun.size);
      if (operation === "write") begun.delete(subject);
      return undefined;
    };
    const many = Array.from({ length: 6 }, (_, i) => namedGateway(`g${i}`));
    const { result } = await rotateTogether(many, deliver, { concurrency: 2 });
    expect(result.rotated).toBe(6);
    expect(most).toBe(2);
  });
});

describe("through the real SDKs", () => {
  const names = ["a1", "a2", "a3", "b1"];
  const targets = [gateway(), runtime(), ...names.map((name) => namedGateway(name))];
  useLab({ gateways: targets.map(({ target }) => target.resourceId) });

  const latest = (of: Gateway) => {
    const version = lab.latestOf(of);
    if (version === undefined) throw new Error(`${of.name} has no version`);
    return version;
  };

  test("a version 1 gateway → one regenerate, one new version, and that key works", async () => {
    const of = gateway(lab.azure.contoso, { expireAfterDays: 90 });
    const [before, begunAt] = [lab.regenerates(), lab.now()];
    expect(await lab.rotate([of])).toEqual({ rotated: 1, skipped: 0, pending: 0, failed: [] });
    expect(lab.regenerates() - before).toBe(1);
    expect(lab.azure.simulator.secrets("contoso-keys").get(of.secret.secretName)?.versions).toHaveLength(1);
    expect(lab.works(of)).toBe(true);
    const { value, contentType, expires } = latest(of);
    expect(value).toBe(value.trim());
    expect(contentType).toBe("application/vnd.azure-data-factory.gateway-key");
    expect(expires).toBeCloseTo(begunAt / 1000 + 90 * 86_400, -2);
  });

  test("ids of the answer → in the version's tags, and in the event with all four headers", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.rotate([of]);
    const { version, tags } = latest(of);
    expect(lab.named("GatewayKeyRotated")).toMatchObject([
      {
        secretVersion: version,
        trace: {
          clientRequestId: tags["client-request-id"],
          requestId: tags["request-id"],
          correlationRequestId: tags["correlation-request-id"],
          routingRequestId: expect.stringContaining(tags["correlation-request-id"] ?? "missing"),
          remainingSubscriptionWrites: expect.any(Number),
          status: 200,
        },
        fingerprint: tags["fingerprint"],
        rotationId: tags["rotation-id"],
      },
    ]);
    const sent = lab.azure.simulator.requests.findLast(isRegenerate)?.headers["x-ms-client-request-id"];
    expect(tags["client-request-id"]).toBe(sent);
  });

  test("the client request id → logged before the request goes out", async () => {
    let logged: readonly RotationEvent[] = [];
    const run = () => {
      logged = [...lab.events];
    };
    lab.inject("resourceManager", { kind: "call", when: "before", run }, isRegenerate);
    await lab.rotate([gateway(lab.azure.contoso)]);
    expect(logged).toMatchObject([
      { name: "GatewayKeyRotationDecided" },
      {
        name: "GatewayKeyRegenerating",
        clientRequestId: latest(gateway(lab.azure.contoso)).tags["client-request-id"],
      },
    ]);
  });

  test("a two-key gateway rotated three times → the slots alternate, the previous key still works", async () => {
    const of = runtime(lab.azure.contoso);
    let previous: string | undefined;
    for (const [slot, sequence] of [
      ["authKey2", "1"],
      ["authKey1", "2"],
      ["authKey2", "3"],
    ]) {
      await lab.rotate([of]);
      expect(latest(of)).toMatchObject({
        contentType: "application/vnd.azure-data-factory.integration-runtime-key",
        tags: { "key-name": slot, sequence },
      });
      expect(lab.works(of)).toBe(true);
      if (previous !== undefined)
        expect(lab.azure.simulator.accepts(of.target.resourceId, previous)).toBe(true);
      previous = latest(of).value;
      lab.advance(10 * minuteMs);
    }
  });

  test("every vault → accepts one preflight first, with a real version's tags and expiry", async () => {
    const { simulator, contoso, fabrikam } = lab.azure;
    const before = simulator.requests.length;
    const of = (name: string) =>
      namedGateway(name, name === "b1" ? fabrikam : contoso, { expireAfterDays: 90 });
    expect(await lab.rotate(names.map(of), {}, {}, { concurrency: 4 })).toMatchObject({ rotated: 4 });
    for (const [vault, name] of [
      ["contoso-keys", "a1"],
      ["fabrikam-keys", "b1"],
    ] as const) {
      const [preflight, ...others] =
        simulator.secrets(vault).get("gateway-key-rotation-preflight")?.versions ?? [];
      expect(others).toEqual([]);
      const real = simulator.secrets(vault).get(name)?.versions[0];
      expect(preflight?.contentType).toBe(real?.contentType);
      expect(preflight?.expires).toEqual(expect.closeTo(real?.expires ?? 0, -1));
      expect(preflight?.value).toContain("Not a key");
      const tagNames = (tags: object | undefined) =>
        Object.keys(tags ?? {}).filter((tag) => !tag.endsWith("request-id"));
      expect(tagNames(preflight?.tags)).toEqual(tagNames(real?.tags));
    }
    const order = simulator.requests.slice(before);
    expect(order.findIndex(isPreflight)).toBeLessThan(order.findIndex(isRegenerate));
  });
});

describe("the message of a run that failed", () => {
  const one = failure("secretSoftDeleted", gateway());
  const counts = "2 rotated, 3 skipped, 4 left to resumeRotations";
  const result = { rotated: 2, skipped: 3, pending: 4, failed: [one] };
  const ofGateway = [
    `1 of 10 gateways failed (${counts}).`,
    `- gatewaytest (${gateway().target.resourceId})`,
    `  secret-soft-deleted, key unchanged: ${one.message}`,
    `  Next: ${one.nextAction}`,
  ];

  test("a gateway failed → counts of the gateways, and its code, effect and next action", () => {
    expect(new RunFailedError(result).message.split("\n")).toEqual(ofGateway);
  });

  test("a run's blob failed, and no gateway did → the blob", () => {
    const { message } = new RunFailedError({ ...result, failed: [] }, ["Run a: unreadable."]);
    expect(message).toBe(
      `None of 9 gateways failed (${counts}), but some runs could not be read, written or continued.\n- Run a: unreadable.`,
    );
  });

  test("a run's blob and a gateway failed → the gateway, then the blob", () => {
    const { message } = new RunFailedError(result, ["Run a: unreadable."]);
    expect(message.split("\n")).toEqual([...ofGateway, "- Run a: unreadable."]);
  });
});
