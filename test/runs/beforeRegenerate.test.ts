import { describe, expect, test } from "vitest";
import type { Fault, RecordedRequest, SimulatedSecret } from "../../local/simulator/types.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { clientTimeoutMs } from "../support/azure.ts";
import { gateway, namedGateway, runtime } from "../support/gateways.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { isPreflight, isPut, isRegenerate, refusal } from "../support/requests.ts";
import { azure } from "../support/useAzure.ts";
import {
  epoch,
  expectUntouched,
  inject,
  meanwhile,
  now,
  regenerates,
  run,
  secretOf,
  stall,
  useSimulatedRuns,
  works,
} from "./simulatedRuns.ts";

const oneOf = (name: string, vaultUrl = azure.contoso, terms: Partial<Gateway> = {}) =>
  namedGateway(name, vaultUrl, terms);
useSimulatedRuns(["a1", "a2", "a3", "b1"]);

/** No answer: by the clients' held time they time out, and by the engine's clock no second try fits in. */
const silence = meanwhile(async () => {
  stall(9_000);
  await passTime(clientTimeoutMs);
  return new Promise<never>(() => {});
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
    ["no permission to set", refusal(403), "Give this function's identity"],
    ["no room for more", refusal(400), "Make the vault accept writes again"],
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

    test("the vault does not answer the preflight → both gateways fail, and no key is touched", async () => {
      inject("keyVault", silence, isPut, Infinity);
      const ran = await run([gateway(azure.contoso), runtime(azure.contoso)]);
      const failure = {
        code: "vault-takes-no-writes",
        effect: "unchanged",
        nextAction: expect.stringContaining("Make the vault accept writes again"),
      };
      expect(ran.result.failed).toMatchObject([failure, failure]);
      expect(regenerates(ran)).toBe(0);
    });

    test("the vault answers no call → failed, and the key is left alone", async () => {
      inject("keyVault", silence, () => true, Infinity);
      const ran = await run([gateway(azure.contoso)]);
      expectUntouched(ran, { code: "vault-timed-out" });
    });
  });

  test.each<[string, Partial<SimulatedSecret>, object]>([
    [
      "is deleted and not purged",
      { deleted: true },
      { code: "secret-soft-deleted", nextAction: expect.stringContaining("Recover the secret") },
    ],
    ["belongs to a certificate", { managed: true }, { code: "owned-by-certificate" }],
  ])("a secret that %s → refused, and no key is touched", async (_, change, failure) => {
    const of = gateway(azure.contoso);
    await run([of]);
    Object.assign(secretOf(of), change);
    expectUntouched(await run([of]), failure);
  });

  describe("a committed secret is gone, and the vault is deleting it", () => {
    const isDeletedRead = ({ url }: RecordedRequest) => url.startsWith("/deletedsecrets/adf-gatewaytest-key");
    const terms = () => ({ deadline: now() + 200_000 });

    /** @param change what happens to the secret at the fourth read of the deleted secret */
    async function deleting(of: Gateway, change: (secret: SimulatedSecret) => void) {
      const secret = secretOf(of);
      secret.deleting = true;
      let reads = 0;
      const changeAtFourth = () => {
        if (++reads === 4) change(secret);
      };
      inject("keyVault", meanwhile(changeAtFourth), isDeletedRead, Infinity);
      return { ran: await run([of], terms()), reads: () => reads };
    }

    test("it is soft-deleted some seconds later → refused, and no key is touched", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      const { ran } = await deleting(of, (secret) => {
        secret.deleting = false;
        secret.deleted = true;
      });
      expectUntouched(ran, { code: "secret-soft-deleted" });
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

    test("it is purged → rotated once both secrets have been missing for a minute", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      const began = now();
      const { ran, reads } = await deleting(of, () => {
        azure.simulator.secrets("contoso-keys").delete(of.secret.secretName);
      });
      expect(ran.result.rotated).toBe(1);
      expect(now() - began).toBeGreaterThanOrEqual(60_000);
      expect(reads()).toBeGreaterThan(4);
      expect(works(of)).toBe(true);
    });

    test("too little time is left to wait → pending, and no key is touched", async () => {
      const of = gateway(azure.contoso);
      await run([of]);
      secretOf(of).deleting = true;
      const ran = await run([of], { deadline: now() + 30_000 });
      expect(ran.result).toMatchObject({ pending: 1, failed: [] });
      expect(regenerates(ran)).toBe(0);
    });

    test("the gateway's key goes to another secret, never written → rotated without a wait", async () => {
      await run([gateway(azure.contoso)]);
      const began = now();
      const moved = gateway(azure.contoso, { secret: { vaultUrl: azure.contoso, secretName: "moved" } });
      expect((await run([moved])).result.rotated).toBe(1);
      expect(now() - began).toBeLessThan(5_000);
    });
  });

  test("the deleted secret cannot be read → no key is touched", async () => {
    inject("keyVault", refusal(403), ({ url }) => url.startsWith("/deletedsecrets/"));
    const ran = await run([gateway(azure.contoso)]);
    expectUntouched(ran, { code: "vault-forbidden" });
  });

  test("the vault's last write is over five minutes old → a preflight comes first", async () => {
    const slow = meanwhile(() => stall(6 * 60_000));
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
