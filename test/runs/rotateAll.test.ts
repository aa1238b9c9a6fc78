import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { Fault } from "../../local/simulator/types.ts";
import { readAppSettings } from "../../src/config/appSettings.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import { RunFailedError } from "../../src/runs/rotateAll.ts";
import { canary } from "../support/azure.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import { isPut, isRegenerate, isStore, refusal } from "../support/requests.ts";
import { azure } from "../support/useAzure.ts";
import {
  epoch,
  expectUntouched,
  inject,
  latestOf,
  meanwhile,
  named,
  oneOf,
  regenerates,
  run,
  stall,
  useSimulatedRuns,
  versionsOf,
  works,
} from "./simulatedRuns.ts";

useSimulatedRuns(["a1", "a2", "b1", "b2", "g0", "g1", "g2", "g3", "g4", "g5"]);

describe("without a fault", () => {
  test("a version 1 gateway → one regenerate, one new version, and that key works", async () => {
    const of = gateway(azure.contoso, { expireAfterDays: 90 });
    const ran = await run([of]);
    expect(ran.result).toEqual({ rotated: 1, skipped: 0, pending: 0, failed: [] });
    expect(regenerates(ran)).toBe(1);
    expect(versionsOf(of)).toHaveLength(1);
    expect(works(of)).toBe(true);
    expect(latestOf(of).value).toBe(latestOf(of).value.trim());
    expect(latestOf(of)).toMatchObject({
      contentType: "application/vnd.azure-data-factory.gateway-key",
      expires: expect.closeTo(epoch / 1000 + 90 * 86_400, -2),
    });
  });

  test("ids of the answer → in the version's tags, and in the event with all four headers", async () => {
    const of = gateway(azure.contoso);
    const ran = await run([of]);
    const [rotated] = named(ran, "GatewayKeyRotated");
    const tags = latestOf(of).tags;
    expect(rotated).toMatchObject({
      secretVersion: latestOf(of).version,
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
    });
    const sent = ran.requests.find(isRegenerate)?.headers["x-ms-client-request-id"];
    expect(tags["client-request-id"]).toBe(sent);
  });

  test("the client request id → logged before the request goes out", async () => {
    let loggedBefore: unknown;
    const events: RotationEvent[] = [];
    const record = () => {
      loggedBefore = events.map(({ name }) => name);
    };
    inject("resourceManager", meanwhile(record), isRegenerate);
    await run([gateway(azure.contoso)], {}, events);
    expect(loggedBefore).toEqual(["GatewayKeyRotationDecided", "GatewayKeyRegenerating"]);
    expect(events[1]).toMatchObject({
      clientRequestId: latestOf(gateway(azure.contoso)).tags["client-request-id"],
    });
  });

  test("a two-key gateway rotated three times → the slots alternate, the previous key still works", async () => {
    const of = runtime(azure.contoso);
    const slots: (string | undefined)[] = [];
    for (const sequence of ["1", "2", "3"]) {
      const previous = latestOf(of).value;
      await run([of]);
      slots.push(latestOf(of).tags["key-name"]);
      expect(latestOf(of).tags["sequence"]).toBe(sequence);
      expect(works(of)).toBe(true);
      if (previous !== "") expect(azure.simulator.accepts(of.target.resourceId, previous)).toBe(true);
      stall(10 * 60_000);
    }
    expect(slots).toEqual(["authKey2", "authKey1", "authKey2"]);
  });

  test("rotated, then not due → each decision is logged; the second run counts it and touches no key", async () => {
    const of = gateway(azure.contoso, { rotateEveryDays: 30 });
    const [first, second] = [await run([of]), await run([of])];
    const decisions = [first, second].flatMap((ran) => named(ran, "GatewayKeyRotationDecided"));
    expect(decisions).toMatchObject([
      { decision: "rotate", decisionReason: "no-version" },
      { decision: "skip", decisionReason: "not-due" },
    ]);
    expect(second.result).toEqual({ rotated: 0, skipped: 1, pending: 0, failed: [] });
    expect(regenerates(second)).toBe(0);
  });

  test("exposure → counts from the request for one key, and is 0 for two keys", async () => {
    inject(
      "keyVault",
      meanwhile(() => stall(60)),
      isStore,
      2,
    );
    const ran = await run([gateway(azure.contoso), runtime(azure.contoso)], { concurrency: 1 });
    const [one, two] = named(ran, "GatewayKeyRotated");
    expect(one?.exposureMs).toBe(60);
    expect(two?.exposureMs).toBe(0);
    expect(latestOf(runtime(azure.contoso))).toMatchObject({
      contentType: "application/vnd.azure-data-factory.integration-runtime-key",
    });
  });

  test("gateways in two vaults → each key in its own vault", async () => {
    const [one, two] = [gateway(azure.contoso), runtime(azure.fabrikam)];
    await run([one, two]);
    expect([works(one), works(two)]).toEqual([true, true]);
  });

  test("concurrency 2 of 6 → never more than two requests at once", async () => {
    let now = 0;
    let most = 0;
    const two = Promise.withResolvers<void>();
    const count = (step: number) => {
      now += step;
      most = Math.max(most, now);
      if (most >= 2) two.resolve();
    };
    const hold = async () => {
      count(1);
      await two.promise;
      // A third one would come meanwhile.
      await new Promise((r) => setTimeout(r, 50));
      count(-1);
    };
    inject("resourceManager", meanwhile(hold), isRegenerate, Infinity);
    const many = Array.from({ length: 6 }, (_, i) => oneOf(`g${i}`));
    await run(many, { concurrency: 2 });
    expect(most).toBe(2);
  });
});

describe("a problem that passes by itself", () => {
  test("the vault answers 503 once → read again, and rotated", async () => {
    inject("keyVault", refusal(503), ({ method }) => method === "GET");
    expect((await run([gateway(azure.contoso)])).result.rotated).toBe(1);
  });

  test("Resource Manager throttles → another attempt, with its own id, after the time that it asks for", async () => {
    const fault: Fault = refusal(429, { headers: { "retry-after": "3" } });
    inject("resourceManager", fault, isRegenerate, 2);
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result.rotated).toBe(1);
    // The shorter waits let the subscription's reserve fill again.
    expect(ran.sleeps.filter((ms) => ms > 1500)).toEqual([3000, 3000]);
    const ids = ran.requests.filter(isRegenerate).map(({ headers }) => headers["x-ms-client-request-id"]);
    expect(new Set(ids).size).toBe(3);
    expect(named(ran, "GatewayKeyRegenerating").map(({ clientRequestId }) => clientRequestId)).toEqual(ids);
    expect(latestOf(gateway(azure.contoso)).tags["client-request-id"]).toBe(ids[2]);
  });

  test("asked to wait beyond the deadline → not waited for", async () => {
    const fault: Fault = refusal(429, { headers: { "retry-after": "60" } });
    inject("resourceManager", fault, isRegenerate, Infinity);
    const ran = await run([gateway(azure.contoso)], { deadline: epoch + 30_000 });
    expect(ran.result.failed).toMatchObject([{ code: "regenerate-throttled" }]);
    expect(ran.sleeps).toEqual([]);
  });
});

describe("when something fails", () => {
  test("one vault refuses writes → the other's gateways are rotated, and no second key is made", async () => {
    let taken = 0;
    inject(
      "keyVault",
      refusal(403),
      // Takes the preflight, and then nothing more.
      (request) => isPut(request) && request.vault === "contoso-keys" && ++taken > 1,
      Infinity,
    );
    const gateways = [
      oneOf("a1", azure.contoso),
      oneOf("a2", azure.contoso),
      oneOf("b1", azure.fabrikam),
      oneOf("b2", azure.fabrikam),
    ];
    const ran = await run(gateways, { concurrency: 1, callTimeoutMs: 200, deadline: epoch + 60_000 });
    expect(ran.result.rotated).toBe(2);
    expect(
      ran.result.failed.map(({ gateway: { name }, code, effect }) => [name, code, effect]).sort(),
    ).toEqual([
      ["a1", "store-forbidden", "applied"],
      ["a2", "vault-takes-no-writes", "unchanged"],
    ]);
    expect(regenerates(ran)).toBe(3);
  });

  test("one gateway fails → the others are rotated, and its failure is an event", async () => {
    const missing = gateway(azure.contoso, { name: "missing", target: anotherTarget("nosuch") });
    const ran = await run([missing, runtime(azure.contoso)]);
    expect(ran.result).toMatchObject({
      rotated: 1,
      failed: [{ code: "regenerate-not-found", effect: "unchanged" }],
    });
    expect(named(ran, "GatewayKeyRotationFailed")).toMatchObject([
      { code: "regenerate-not-found", trace: { status: 404 } },
    ]);
  });

  test.each([
    ["Production", "staging"],
    ["staging", "Production"],
  ])("written by slot %s of a site, asked for by its slot %s → refused", async (writer, other) => {
    const nameIn = (slot: string) => {
      const site = { WEBSITE_SITE_NAME: "contoso-rotation", WEBSITE_SLOT_NAME: slot };
      const storage = { AzureWebJobsStorage: "UseDevelopmentStorage=true" };
      const given = { ...site, ...storage, ROTATION_SCHEDULE: "0 0 3 * * *" };
      const { settings, problems } = readAppSettings(given, {});
      if (settings === undefined) throw new Error(JSON.stringify(problems));
      return { deploymentName: settings.deploymentName };
    };
    const of = gateway(azure.contoso);
    await run([of], nameIn(writer));
    const ran = await run([of], nameIn(other));
    expectUntouched(ran, { code: "other-deployment" });
    expect(works(of)).toBe(true);
    expect((await run([of], nameIn(writer))).result.failed).toEqual([]);
  });

  test.each([
    [503, 2],
    [403, 3],
  ])(
    "the vault answers %i to the key, %i times → the same key is written until it is stored",
    async (status, times) => {
      inject("keyVault", refusal(status), isStore, times);
      const of = gateway(azure.contoso);
      const ran = await run([of]);
      expect(ran.result.rotated).toBe(1);
      expect(regenerates(ran)).toBe(1);
      expect(works(of)).toBe(true);
    },
  );

  test("the vault refuses until the deadline → failed: a key was made and is not stored", async () => {
    inject("keyVault", refusal(403), isStore, Infinity);
    const ran = await run([gateway(azure.contoso)], { callTimeoutMs: 100, deadline: epoch + 900 });
    expect(ran.result.failed).toMatchObject([
      {
        code: "store-forbidden",
        effect: "applied",
        nextAction: expect.stringContaining("request a rotation"),
      },
    ]);
    const reports = { events: ran.events, result: ran.result, error: new RunFailedError(ran.result) };
    expect(JSON.stringify(reports) + inspect(reports, { depth: null, showHidden: true })).not.toContain(
      canary,
    );
  });

  test("the process stalls after the vault was read, until little time is left → no key is touched", async () => {
    inject(
      "keyVault",
      meanwhile(() => stall(9000)),
      ({ method }) => method === "GET",
    );
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result).toMatchObject({ pending: 1, failed: [] });
    expect(regenerates(ran)).toBe(0);
  });

  test("an exception in the engine → that gateway fails without the exception's text, the others are rotated", async () => {
    // The configuration accepts no such time zone. `Intl` throws an error that names it.
    expect(() => new Intl.DateTimeFormat("en", { timeZone: canary })).toThrow(canary);
    const broken = gateway(azure.contoso, { window: { timeZone: canary } });
    const ran = await run([broken, runtime(azure.contoso)]);
    expect(ran.result).toMatchObject({
      rotated: 1,
      failed: [{ code: "unexpected-error", effect: "unknown", versions: [] }],
    });
    expect(named(ran, "GatewayKeyRotationFailed")).toMatchObject([
      { code: "unexpected-error", keyWorks: "unknown" },
    ]);
    expect(ran.result.failed[0]?.message).toContain("nextStep.ts");
    expect(ran.result.failed[0]?.message).not.toContain(canary);
  });
});
