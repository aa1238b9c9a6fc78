import { describe, expect, test } from "vitest";
import type { Fault, SimulatedSecret } from "../../local/simulator/types.ts";
import { clientTimeoutMs } from "../support/azure.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { isPreflight, isPut, isRegenerate, refusal } from "../support/requests.ts";
import { azure } from "../support/useAzure.ts";
import {
  expectUntouched,
  inject,
  meanwhile,
  oneOf,
  regenerates,
  run,
  secretOf,
  stall,
  useSimulatedRuns,
} from "./simulatedRuns.ts";

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
});
