import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type {
  Fault,
  RecordedRequest,
  SimulatedSecret,
  SimulatedService,
} from "../../local/simulator/types.ts";
import { readAppSettings } from "../../src/config/appSettings.ts";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { RotationEvent } from "../../src/domain/rotationEvents.ts";
import type { Tags } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import type { RunTerms } from "../../src/rotation/context.ts";
import { RunFailedError, type RunResult, rotateAll } from "../../src/runs/rotateAll.ts";
import { createSimulatedBlobs, type SimulatedBlobs } from "../simulation/models/blobModel.ts";
import { callTimeoutMs, canary, clientTimeoutMs, startAzure, type TestAzure } from "../support/azure.ts";
import {
  anotherTarget,
  gateway,
  gatewayTarget,
  namedGateway,
  ofNewRun,
  runtime,
  runtimeTarget,
} from "../support/gateways.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { isPreflight, isPut, isRegenerate, isStore } from "../support/requests.ts";

const manyNames = ["a1", "a2", "a3", "b1", "b2", "g0", "g1", "g2", "g3", "g4", "g5"];
const oneOf = (name: string, vaultUrl = azure.contoso, terms: Partial<Gateway> = {}) =>
  namedGateway(name, vaultUrl, terms);

let azure: TestAzure;
let blobs: SimulatedBlobs;

beforeAll(async () => {
  azure = await startAzure({
    gateways: [gatewayTarget, runtimeTarget, ...manyNames.map(anotherTarget)].map(
      ({ resourceId }) => resourceId,
    ),
  });
});
afterAll(() => azure.simulator.stop());
beforeEach(() => {
  azure.simulator.clearFaults();
  stalledMs = 0;
  blobs = createSimulatedBlobs({ clock: () => epoch + stalledMs });
  for (const vault of ["contoso-keys", "fabrikam-keys"]) azure.simulator.secrets(vault).clear();
});

/** The clock moves by pauses and by what a test says, not with the machine's: how long calls take decides nothing. */
const epoch = Date.now();
/** By how much it has moved. */
let stalledMs = 0;

interface Ran {
  readonly result: RunResult;
  readonly events: readonly RotationEvent[];
  readonly requests: readonly RecordedRequest[];
}

/** @param sleeps receives the length of each pause */
async function run(
  gateways: readonly Gateway[],
  terms: Partial<RunTerms> = {},
  sleeps?: number[],
  events: RotationEvent[] = [],
): Promise<Ran> {
  const before = azure.simulator.requests.length;
  const result = await rotateAll(
    {
      keys: azure.keys,
      secrets: azure.secrets,
      blobs,
      events: { emit: (event) => events.push(event) },
      clock: {
        now: () => epoch + stalledMs,
        async sleep(ms) {
          const due = stalledMs + ms;
          // Real, but short: calls of other gateways go on meanwhile.
          await new Promise((resolve) => setTimeout(resolve, ms / 100));
          sleeps?.push(ms);
          stalledMs = Math.max(stalledMs, due);
        },
      },
      newGuid: () => crypto.randomUUID(),
      random: () => 0.5,
    },
    gateways.map(ofNewRun),
    {
      run: {
        id: `timer-${crypto.randomUUID()}`,
        trigger: "schedule",
        reason: "scheduled",
        requestedBy: "timer",
        mode: "standard",
        takeOwnership: false,
      },
      createdAt: epoch + stalledMs,
      functionTimeoutMs: 60_000,
      deploymentName: "prod",
      deadline: epoch + stalledMs + 10_000,
      callTimeoutMs,
      concurrency: 4,
      ...terms,
    },
    () => {},
  );
  return { result, events, requests: azure.simulator.requests.slice(before) };
}

const versionsOf = ({ secret }: Gateway) => {
  const vault = secret.vaultUrl === azure.contoso ? "contoso-keys" : "fabrikam-keys";
  return azure.simulator.secrets(vault).get(secret.secretName.toLowerCase())?.versions ?? [];
};
const noTags: Tags = {};
const latestOf = (of: Gateway) => versionsOf(of).at(-1) ?? { value: "", version: "", tags: noTags };
const works = (of: Gateway) => azure.simulator.accepts(of.target.resourceId, latestOf(of).value);
const regenerates = ({ requests }: Ran) =>
  requests.filter(({ url }) => /regenerate(Auth)?key\?/i.test(url)).length;
const named = <N extends RotationEvent["name"]>({ events }: Ran, name: N) =>
  events.filter((event): event is Extract<RotationEvent, { name: N }> => event.name === name);
const inject = (
  service: SimulatedService,
  fault: Fault,
  matches: (request: RecordedRequest) => boolean,
  times = 1,
) => azure.simulator.inject({ service, fault, matches, times });
/** No answer: by the clients' held time they time out, and by the engine's clock no second try fits in. */
const silence: Fault = {
  kind: "call",
  when: "before",
  async run() {
    stalledMs += 9_000;
    await passTime(clientTimeoutMs);
    return new Promise<never>(() => {});
  },
};

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
    let toldBefore: unknown;
    const events: RotationEvent[] = [];
    inject(
      "resourceManager",
      {
        kind: "call",
        when: "before",
        run: () => {
          toldBefore = events.map(({ name }) => name);
        },
      },
      isRegenerate,
    );
    await run([gateway(azure.contoso)], {}, [], events);
    expect(toldBefore).toEqual(["GatewayKeyRotationDecided", "GatewayKeyRegenerating"]);
    expect(events[1]).toMatchObject({
      clientRequestId: latestOf(gateway(azure.contoso)).tags["client-request-id"],
    });
  });

  test("a two-key gateway rotated three times → the slots take turns, and the previous key still works", async () => {
    const of = runtime(azure.contoso);
    const slots: (string | undefined)[] = [];
    for (const sequence of ["1", "2", "3"]) {
      const previous = latestOf(of).value;
      await run([of]);
      slots.push(latestOf(of).tags["key-name"]);
      expect(latestOf(of).tags["sequence"]).toBe(sequence);
      expect(works(of)).toBe(true);
      if (previous !== "") expect(azure.simulator.accepts(of.target.resourceId, previous)).toBe(true);
    }
    expect(slots).toEqual(["authKey2", "authKey1", "authKey2"]);
  });

  test("the published key was written outside this system → the other slot is regenerated", async () => {
    const of = runtime(azure.contoso);
    const { authKey2 } = azure.simulator.keys(runtimeTarget.resourceId);
    await azure.secrets.write(of.secret, {
      key: (await listed()).authKey2,
      contentType: "text/plain",
      tags: { team: "data" },
    });
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ "key-name": "authKey1", team: "data" });
    expect(azure.simulator.accepts(of.target.resourceId, authKey2 ?? "")).toBe(true);
  });

  test("the published key was written by hand in quotes → the other slot is regenerated", async () => {
    const of = runtime(azure.contoso);
    const { authKey2 = "" } = azure.simulator.keys(runtimeTarget.resourceId);
    await azure.secrets.write(of.secret, {
      key: redact(`"${authKey2}"`),
      contentType: "text/plain",
      tags: {},
    });
    await run([of]);
    expect(latestOf(of).tags["key-name"]).toBe("authKey1");
    expect(azure.simulator.accepts(of.target.resourceId, authKey2)).toBe(true);
  });

  test("a version without a key is written by hand → the key that was published last still works", async () => {
    const of = runtime(azure.contoso);
    await run([of]);
    const { value: published, tags } = latestOf(of);
    expect(tags["key-name"]).toBe("authKey2");
    await azure.secrets.write(of.secret, { key: redact("not a key"), contentType: "text/plain", tags: {} });
    await run([of]);
    expect(latestOf(of).tags["key-name"]).toBe("authKey1");
    expect(azure.simulator.accepts(of.target.resourceId, published)).toBe(true);
  });

  test("the secret held another gateway's key before, with our tags → the slots of this gateway are compared", async () => {
    const of = runtime(azure.contoso);
    const { authKey1 } = await listed();
    const tags = { "managed-by": "gateway-key-rotation/prod", "key-name": "authKey2", sequence: "1" };
    await azure.secrets.write(of.secret, { key: authKey1, contentType: "text/plain", tags });
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ "key-name": "authKey2", sequence: "2" });
  });

  test("a version with a higher sequence was written by hand → the next one's sequence is higher still", async () => {
    const of = runtime(azure.contoso);
    await run([of]);
    const tags = { sequence: "7", constructor: "theirs" };
    await azure.secrets.write(of.secret, { key: redact("not a key"), contentType: "text/plain", tags });
    await run([of]);
    expect(latestOf(of).tags).toMatchObject({ sequence: "8", constructor: "theirs" });
  });

  test("a version without a sequence was written by hand → the journal's sequence continues", async () => {
    const of = runtime(azure.contoso);
    await run([of]);
    await azure.secrets.write(of.secret, { key: redact("not a key"), contentType: "text/plain", tags: {} });
    await run([of]);
    expect(latestOf(of).tags["sequence"]).toBe("2");
  });

  test("each decision → logged with its reason, also where nothing is done", async () => {
    const of = gateway(azure.contoso, { rotateEveryDays: 30 });
    const decisions = [await run([of]), await run([of])].flatMap((ran) =>
      named(ran, "GatewayKeyRotationDecided"),
    );
    expect(decisions).toMatchObject([
      { decision: "rotate", decisionReason: "no-version" },
      { decision: "skip", decisionReason: "not-due" },
    ]);
  });

  test("exposure → counts from the request for one key, and is 0 for two keys", async () => {
    const delay = () => {
      stalledMs += 60;
    };
    inject("keyVault", { kind: "call", when: "before", run: delay }, isStore, 2);
    const ran = await run([gateway(azure.contoso), runtime(azure.contoso)], { concurrency: 1 });
    const [one, two] = named(ran, "GatewayKeyRotated");
    expect(one?.exposureMs).toBe(60);
    expect(two?.exposureMs).toBe(0);
    expect(latestOf(runtime(azure.contoso))).toMatchObject({
      contentType: "application/vnd.azure-data-factory.integration-runtime-key",
    });
  });

  test("not due → nothing is regenerated, and the run counts it", async () => {
    const of = gateway(azure.contoso, { rotateEveryDays: 30 });
    await run([of]);
    const second = await run([of]);
    expect(second.result).toEqual({ rotated: 0, skipped: 1, pending: 0, failed: [] });
    expect(regenerates(second)).toBe(0);
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
    inject(
      "resourceManager",
      {
        kind: "call",
        when: "before",
        run: async () => {
          count(1);
          await two.promise;
          // A third one would come meanwhile.
          await new Promise((r) => setTimeout(r, 50));
          count(-1);
        },
      },
      isRegenerate,
      Infinity,
    );
    const many = Array.from({ length: 6 }, (_, i) => oneOf(`g${i}`));
    await run(many, { concurrency: 2 });
    expect(most).toBe(2);
  });
});

async function listed() {
  const keys = await azure.keys.listKeys(runtimeTarget);
  if (keys.kind !== "listed") throw new Error(inspect(keys));
  return keys.keys;
}

describe("a problem that passes by itself", () => {
  test("the vault answers 503 once → read again, and rotated", async () => {
    inject("keyVault", { kind: "answer", status: 503, effect: "none" }, ({ method }) => method === "GET");
    expect((await run([gateway(azure.contoso)])).result.rotated).toBe(1);
  });

  test("Resource Manager throttles → asked again after the time that it says, by another client request id", async () => {
    const fault: Fault = { kind: "answer", status: 429, headers: { "retry-after": "3" }, effect: "none" };
    inject("resourceManager", fault, isRegenerate, 2);
    const sleeps: number[] = [];
    const ran = await run([gateway(azure.contoso)], {}, sleeps);
    expect(ran.result.rotated).toBe(1);
    // The shorter waits let the subscription's reserve fill again.
    expect(sleeps.filter((ms) => ms > 1500)).toEqual([3000, 3000]);
    const ids = ran.requests.filter(isRegenerate).map(({ headers }) => headers["x-ms-client-request-id"]);
    expect(new Set(ids).size).toBe(3);
    expect(named(ran, "GatewayKeyRegenerating").map(({ clientRequestId }) => clientRequestId)).toEqual(ids);
    expect(latestOf(gateway(azure.contoso)).tags["client-request-id"]).toBe(ids[2]);
  });

  test("throttled for ever → four attempts, then unchanged", async () => {
    inject("resourceManager", { kind: "answer", status: 429, effect: "none" }, isRegenerate, Infinity);
    const sleeps: number[] = [];
    const ran = await run([gateway(azure.contoso)], {}, sleeps);
    expect(ran.result.failed).toMatchObject([{ code: "regenerate-throttled", effect: "unchanged" }]);
    expect(sleeps[0]).toBe(1000);
    // The shorter waits let the subscription's reserve fill again.
    expect(sleeps.filter((ms) => ms > 1500)).toEqual([2000, 4000]);
    expect(regenerates(ran)).toBe(4);
  });

  test("asked to wait beyond the deadline → not waited for", async () => {
    const fault: Fault = { kind: "answer", status: 429, headers: { "retry-after": "60" }, effect: "none" };
    inject("resourceManager", fault, isRegenerate, Infinity);
    const sleeps: number[] = [];
    const ran = await run([gateway(azure.contoso)], { deadline: epoch + 30_000 }, sleeps);
    expect(ran.result.failed).toMatchObject([{ code: "regenerate-throttled" }]);
    expect(sleeps).toEqual([]);
  });
});

describe("before a key is regenerated", () => {
  test("every vault → accepts one preflight first, with a real version's tags and expiry", async () => {
    const of = (name: string, vaultUrl: string) => oneOf(name, vaultUrl, { expireAfterDays: 90 });
    const ran = await run([
      of("a1", azure.contoso),
      of("a2", azure.contoso),
      of("a3", azure.contoso),
      of("b1", azure.fabrikam),
    ]);
    expect(ran.result.rotated).toBe(4);
    for (const vault of ["contoso-keys", "fabrikam-keys"]) {
      const [preflight, ...others] =
        azure.simulator.secrets(vault).get("gateway-key-rotation-preflight")?.versions ?? [];
      expect(others).toEqual([]);
      const real = azure.simulator.secrets(vault).get(vault === "contoso-keys" ? "a1" : "b1")?.versions[0];
      expect(preflight?.contentType).toBe(real?.contentType);
      expect(preflight?.expires).toEqual(expect.closeTo(real?.expires ?? 0, -1));
      expect(preflight?.value).toContain("Not a key");
      const names = (tags: object | undefined) =>
        Object.keys(tags ?? {}).filter((name) => !name.endsWith("request-id"));
      expect(names(preflight?.tags)).toEqual(names(real?.tags));
    }
    const order = ran.requests.filter((request) => isPreflight(request) || isRegenerate(request));
    expect(order.findIndex(isPreflight)).toBeLessThan(order.findIndex(isRegenerate));
  });

  test.each<[string, Fault, string]>([
    [
      "no permission to set",
      { kind: "answer", status: 403, effect: "none" },
      "Give this function's identity",
    ],
    [
      "no room for more",
      { kind: "answer", status: 400, effect: "none" },
      "Make the vault accept writes again",
    ],
  ])("%s → the vault refuses the preflight, and no key is touched", async (_, fault, remedy) => {
    inject("keyVault", fault, isPut, Infinity);
    const ran = await run([gateway(azure.contoso), runtime(azure.contoso)]);
    expect(ran.result.failed).toMatchObject([
      { code: "vault-takes-no-writes", effect: "unchanged", nextAction: expect.stringContaining(remedy) },
      { code: "vault-takes-no-writes", effect: "unchanged" },
    ]);
    expect(regenerates(ran)).toBe(0);
  });

  describe("the vault does not answer", () => {
    holdTime();

    test("the preflight → two failures, and no key is touched", async () => {
      inject("keyVault", silence, isPut, Infinity);
      const ran = await run([gateway(azure.contoso), runtime(azure.contoso)]);
      const refusal = {
        code: "vault-takes-no-writes",
        effect: "unchanged",
        nextAction: expect.stringContaining("Make the vault accept writes again"),
      };
      expect(ran.result.failed).toMatchObject([refusal, refusal]);
      expect(regenerates(ran)).toBe(0);
    });

    test("any call → the key is left alone", async () => {
      inject("keyVault", silence, () => true, Infinity);
      const ran = await run([gateway(azure.contoso)]);
      expect(ran.result.failed).toMatchObject([{ effect: "unchanged", code: "vault-timed-out" }]);
      expect(regenerates(ran)).toBe(0);
    });
  });

  test("a secret that is deleted and not purged → refused, and no key is touched", async () => {
    const of = gateway(azure.contoso);
    await run([of]);
    const secret = azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret.deleted = true;
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([
      {
        code: "secret-soft-deleted",
        effect: "unchanged",
        nextAction: expect.stringContaining("Recover the secret"),
      },
    ]);
    expect(regenerates(ran)).toBe(0);
  });

  describe("a committed secret is gone, and the vault is deleting it", () => {
    const isDeletedRead = ({ url }: RecordedRequest) => url.startsWith("/deletedsecrets/adf-gatewaytest-key");
    const terms = () => ({ deadline: epoch + stalledMs + 200_000 });

    /** @param change what happens to the secret at the fourth read of the deleted secret */
    async function deleting(of: Gateway, change: (secret: SimulatedSecret) => void) {
      const secrets = azure.simulator.secrets("contoso-keys");
      const secret = secrets.get(of.secret.secretName);
      if (secret === undefined) throw new Error("The secret was never written");
      secret.deleting = true;
      let reads = 0;
      inject(
        "keyVault",
        {
          kind: "call",
          when: "before",
          run: () => {
            if (++reads === 4) change(secret);
          },
        },
        isDeletedRead,
        Infinity,
      );
      return { ran: await run([of], terms()), reads: () => reads };
    }

    test("it is soft-deleted some seconds later → refused, and no key is touched", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      const { ran } = await deleting(of, (secret) => {
        secret.deleting = false;
        secret.deleted = true;
      });
      expect(ran.result.failed).toMatchObject([{ code: "secret-soft-deleted", effect: "unchanged" }]);
      expect(regenerates(ran)).toBe(0);
    });

    test("it is recovered some seconds later → the gateway is decided again", async () => {
      const of = gateway(azure.contoso, { rotateEveryDays: 30 });
      await run([of]);
      const { ran } = await deleting(of, (secret) => {
        secret.deleting = false;
      });
      expect(ran.result).toMatchObject({ skipped: 1, failed: [] });
      expect(regenerates(ran)).toBe(0);
    });

    test("it is purged → rotated after a minute in which the secret and the deleted one are missing", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      const began = stalledMs;
      const { ran, reads } = await deleting(of, () => {
        azure.simulator.secrets("contoso-keys").delete(of.secret.secretName);
      });
      expect(ran.result.rotated).toBe(1);
      expect(stalledMs - began).toBeGreaterThanOrEqual(60_000);
      expect(reads()).toBeGreaterThan(4);
      expect(works(of)).toBe(true);
    });

    test("too little time is left to wait → pending, and no key is touched", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      const secret = azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
      if (secret !== undefined) secret.deleting = true;
      const ran = await run([of], { deadline: epoch + stalledMs + 30_000 });
      expect(ran.result).toMatchObject({ pending: 1, failed: [] });
      expect(regenerates(ran)).toBe(0);
    });

    test("the gateway's key goes to another secret, never written → rotated without a wait", async () => {
      await run([gateway(azure.contoso)]);
      const began = stalledMs;
      const moved = gateway(azure.contoso, { secret: { vaultUrl: azure.contoso, secretName: "moved" } });
      expect((await run([moved])).result.rotated).toBe(1);
      expect(stalledMs - began).toBeLessThan(5_000);
    });
  });

  test("a secret that belongs to a certificate → refused, and no key is touched", async () => {
    const of = gateway(azure.contoso);
    await run([of]);
    const secret = azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret.managed = true;
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([{ code: "owned-by-certificate", effect: "unchanged" }]);
    expect(regenerates(ran)).toBe(0);
  });

  test("the deleted secret cannot be read → no key is touched", async () => {
    inject("keyVault", { kind: "answer", status: 403, effect: "none" }, ({ url }) =>
      url.startsWith("/deletedsecrets/"),
    );
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result.failed).toMatchObject([{ code: "vault-forbidden", effect: "unchanged" }]);
    expect(regenerates(ran)).toBe(0);
  });

  test("the vault's last write is over five minutes old → a preflight comes first", async () => {
    const slow = {
      kind: "call",
      when: "before",
      run: () => {
        stalledMs += 6 * 60_000;
      },
    } satisfies Fault;
    inject("resourceManager", slow, isRegenerate, 1);
    const storedBefore = () =>
      azure.simulator.secrets("contoso-keys").get("gateway-key-rotation-preflight")?.versions.length;
    await run([oneOf("a1"), oneOf("a2")], { concurrency: 1, deadline: epoch + 3_600_000 });
    expect(storedBefore()).toBe(1);
    inject("keyVault", slow, ({ url, method }) => method === "GET" && url.startsWith("/secrets/a2"), 1);
    await run([oneOf("a1"), oneOf("a2")], { concurrency: 1, deadline: epoch + 7_200_000 });
    expect(storedBefore()).toBe(3);
  });
});

describe("a two-key gateway that is not due", () => {
  const dayMs = 86_400_000;
  const of = () => runtime(azure.contoso, { rotateEveryDays: 30 });
  const isList = ({ url }: RecordedRequest) => url.includes("listAuthKeys");
  const lists = ({ requests }: Ran) => requests.filter(isList).length;

  async function tickAfter(days: number): Promise<Ran> {
    stalledMs += days * dayMs;
    return run([of()], { deadline: epoch + stalledMs + 100_000 });
  }

  /** Resource Manager makes another key in this slot, and no runner stores it. */
  const regenerateByHand = (slot: "authKey1" | "authKey2") =>
    azure.keys.regenerate(runtimeTarget, slot, toClientRequestId(crypto.randomUUID()));

  test("its published key works → compared every 7 days, not at each tick, and never regenerated", async () => {
    await run([of()]);
    const ticks: Ran[] = [];
    for (let day = 1; day <= 15; day += 1) ticks.push(await tickAfter(1));
    expect(ticks.map(lists)).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(ticks.flatMap(({ result }) => result.failed)).toEqual([]);
    expect(ticks.map(regenerates)).toEqual(ticks.map(() => 0));
  });

  test("an operator regenerated its published key → the tick after 7 days rotates it", async () => {
    await run([of()]);
    await regenerateByHand("authKey2");
    expect(works(of())).toBe(false);
    const ran = await tickAfter(7);
    expect(ran.result).toMatchObject({ rotated: 1, failed: [] });
    expect(works(of())).toBe(true);
    expect(latestOf(of()).tags["key-name"]).toBe("authKey1");
    expect(named(ran, "GatewayKeyRotationDecided").map(({ decisionReason }) => decisionReason)).toEqual([
      "verification-due",
      "comparison-due",
    ]);
  });

  test("an operator regenerated its other key → nothing is done", async () => {
    await run([of()]);
    await regenerateByHand("authKey1");
    const ran = await tickAfter(7);
    expect(ran.result).toMatchObject({ skipped: 1, failed: [] });
    expect(regenerates(ran)).toBe(0);
  });

  test("no permission to list its keys → fails and says so, and no key is regenerated", async () => {
    await run([of()]);
    inject("resourceManager", { kind: "answer", status: 403, effect: "none" }, isList, Infinity);
    const ran = await tickAfter(7);
    expect(ran.result.failed).toMatchObject([
      { code: "list-keys-forbidden", effect: "unchanged", final: true },
    ]);
    expect(regenerates(ran)).toBe(0);
  });
});

describe("when something fails", () => {
  test("one vault refuses writes → the other vault's gateways are rotated, and no second key is made", async () => {
    let taken = 0;
    inject(
      "keyVault",
      { kind: "answer", status: 403, effect: "none" },
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

  test("the vault accepts writes again before the deadline → the waiting key is stored", async () => {
    inject("keyVault", { kind: "answer", status: 403, effect: "none" }, isStore, 3);
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result.rotated).toBe(1);
    expect(regenerates(ran)).toBe(1);
  });

  test("one gateway fails → the others are rotated, and the error names it, its effect and the next action", async () => {
    const missing = gateway(azure.contoso, { name: "missing", target: anotherTarget("nosuch") });
    const ran = await run([missing, runtime(azure.contoso)]);
    expect(ran.result).toMatchObject({
      rotated: 1,
      failed: [{ code: "regenerate-not-found", effect: "unchanged" }],
    });
    const { message } = new RunFailedError(ran.result);
    expect(message).toContain("1 of 2 gateways failed (1 rotated, 0 not due, 0 left to resumeRotations).");
    expect(message).toContain("- missing (/subscriptions/");
    expect(message).toContain(
      "regenerate-not-found, key unchanged: The key was not regenerated. Resource Manager answered 404",
    );
    expect(message).toContain("Next: Compare resourceId in gateways.json");
    expect(named(ran, "GatewayKeyRotationFailed")).toMatchObject([
      { code: "regenerate-not-found", trace: { status: 404 } },
    ]);
  });

  test.each<[string, Fault]>([
    ["forbidden", { kind: "answer", status: 403, effect: "none" }],
    ["down", { kind: "answer", status: 503, effect: "none" }],
  ])("the vault is %s → the key is left alone", async (_, fault) => {
    inject("keyVault", fault, () => true, Infinity);
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result.failed).toMatchObject([
      { effect: "unchanged", code: expect.stringMatching(/^vault-/) },
    ]);
    expect(regenerates(ran)).toBe(0);
  });

  test("another deployment's version → refused, and the key is left alone", async () => {
    const of = gateway(azure.contoso);
    await run([of], { deploymentName: "test" });
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([{ code: "other-deployment", effect: "unchanged" }]);
    expect(regenerates(ran)).toBe(0);
    expect(works(of)).toBe(true);
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
    expect(ran.result.failed).toMatchObject([{ code: "other-deployment", effect: "unchanged" }]);
    expect(regenerates(ran)).toBe(0);
    expect((await run([of], nameIn(writer))).result.failed).toEqual([]);
  });

  test("the slot depends on the list of keys, which fails → no key is regenerated", async () => {
    const of = runtime(azure.contoso);
    await azure.secrets.write(of.secret, {
      key: (await listed()).authKey1,
      contentType: "text/plain",
      tags: {},
    });
    inject("resourceManager", { kind: "answer", status: 403, effect: "none" }, ({ url }) =>
      url.includes("listAuthKeys"),
    );
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([
      {
        code: "list-keys-forbidden",
        effect: "unchanged",
        nextAction: expect.stringContaining("listauthkeys/action"),
      },
    ]);
    expect(regenerates(ran)).toBe(0);
  });

  test("an unknown outcome of a version 1 gateway → rolled forward at once: its key may be dead", async () => {
    inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate);
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result.rotated).toBe(1);
    expect(regenerates(ran)).toBe(2);
    expect(works(gateway(azure.contoso))).toBe(true);
  });

  test("unknown outcomes only → never reported as unchanged, and left open for the next runner", async () => {
    inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate, Infinity);
    const of = gateway(azure.contoso);
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([{ code: "regenerate-connection-lost", effect: "unknown" }]);
    expect(regenerates(ran)).toBe(4);
    azure.simulator.clearFaults();
    const next = await run([of]);
    expect(named(next, "GatewayKeyRotationDecided")).toMatchObject([{ decision: "takeOver" }]);
    expect(next.result.rotated).toBe(1);
    expect(works(of)).toBe(true);
  });

  test("an unknown outcome of a two-key gateway → waits for the quiet period; its published key works", async () => {
    const of = runtime(azure.contoso);
    await run([of]);
    inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate);
    const ran = await run([of]);
    expect(ran.result.failed).toMatchObject([{ code: "regenerate-connection-lost", effect: "unknown" }]);
    expect(regenerates(ran)).toBe(1);
    expect(works(of)).toBe(true);
    const soon = await run([of]);
    expect(soon.result).toMatchObject({ pending: 1 });
    expect(regenerates(soon)).toBe(0);
    stalledMs = 3 * 60_000;
    expect((await run([of])).result.rotated).toBe(1);
    expect(works(of)).toBe(true);
  });

  test("the answer to the store is lost → read back, one version only", async () => {
    inject("keyVault", { kind: "drop", effect: "applied" }, isStore);
    const of = gateway(azure.contoso);
    const ran = await run([of]);
    expect(ran.result.rotated).toBe(1);
    expect(versionsOf(of)).toHaveLength(1);
    expect(named(ran, "GatewayKeyRotated")).toMatchObject([{ secretVersion: latestOf(of).version }]);
    expect(regenerates(ran)).toBe(1);
  });

  test("the vault refuses the key twice → the same key is written again until it is stored", async () => {
    inject("keyVault", { kind: "answer", status: 503, effect: "none" }, isStore, 2);
    const of = gateway(azure.contoso);
    const ran = await run([of]);
    expect(ran.result.rotated).toBe(1);
    expect(regenerates(ran)).toBe(1);
    expect(works(of)).toBe(true);
  });

  test("the vault refuses until the deadline → the error says that a key was made and is not stored", async () => {
    inject("keyVault", { kind: "answer", status: 403, effect: "none" }, isStore, Infinity);
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

  test("too little time is left → no service is called", async () => {
    const ran = await run([gateway(azure.contoso)], { deadline: epoch + 6 * callTimeoutMs - 1 });
    expect(ran.result).toMatchObject({ pending: 1, failed: [] });
    expect(ran.requests).toEqual([]);
  });

  test("the process stalls until the time-out is near, after the vault was read → no key is regenerated", async () => {
    inject(
      "keyVault",
      {
        kind: "call",
        when: "before",
        run: () => {
          stalledMs = 9000;
        },
      },
      ({ method }) => method === "GET",
    );
    const ran = await run([gateway(azure.contoso)]);
    expect(ran.result).toMatchObject({ pending: 1, failed: [] });
    expect(regenerates(ran)).toBe(0);
  });

  test("a defect of our own → that gateway fails, the others continue, and the error's message is hidden", async () => {
    // The configuration accepts no such time zone. The error of `Intl` names it.
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
