import type { TokenCredential } from "@azure/core-auth";
import { describe, expect, test, vi } from "vitest";
import type { Fault } from "../../local/simulator/types.ts";
import { type Credential, createCredential } from "../../src/azure/credential.ts";
import { holdTime, passTime } from "../support/heldTime.ts";
import { azure, useAzure, watch } from "../support/useAzure.ts";

const scope = "https://vault.azure.net/.default";
useAzure();
holdTime();

/** Counts the requests that reach the identity endpoint from now on. */
function tokenRequests(): () => number {
  const requests = watch("identity");
  return () => requests().length;
}

/** The SDK keeps tokens for the whole process: another client id is another token. */
const freshCredential = () => createCredential(crypto.randomUUID());

const inject = (fault: Fault, times: number) => azure.simulator.inject({ service: "identity", times, fault });

test("ten clients need the same token at once → one request, and the token for all", async () => {
  const credential = freshCredential();
  const requests = tokenRequests();
  const tokens = await Promise.all(
    Array.from({ length: 10 }, (_, index) => credential.getToken(index % 2 === 0 ? scope : [scope])),
  );
  expect(requests()).toBe(1);
  expect(new Set(tokens.map((token) => token?.token)).size).toBe(1);
  expect(tokens[0]?.token).toMatch(/\S/);
});

test("two scopes at once → a request for each", async () => {
  const credential = freshCredential();
  const requests = tokenRequests();
  await Promise.all([
    credential.getToken(scope),
    credential.getToken("https://management.azure.com/.default"),
  ]);
  expect(requests()).toBe(2);
});

test("a request fails → it fails for every caller, and the next call sends another", async () => {
  const credential = freshCredential();
  inject({ kind: "answer", status: 400, effect: "none" }, 1);
  const outcomes = await Promise.allSettled([credential.getToken(scope), credential.getToken(scope)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await credential.getToken(scope))?.token).toMatch(/\S/);
});

test("the SDK cannot be loaded → the next call loads it, and opens one credential", async () => {
  const open = vi.fn(() => ({ getToken: async () => ({ token: "t", expiresOnTimestamp: 0 }) }));
  const load = vi
    .fn<() => Promise<() => TokenCredential>>()
    .mockRejectedValueOnce(new Error("no such file"))
    .mockResolvedValue(open);
  const credential = createCredential(undefined, load);
  await expect(credential.getToken(scope)).rejects.toThrow("no such file");
  const both = await Promise.all([credential.getToken("a"), credential.getToken("b")]);
  expect(both).toMatchObject([{ token: "t" }, { token: "t" }]);
  expect(open).toHaveBeenCalledOnce();
});

test("a request hangs → a call two seconds later does not wait for it", async () => {
  const credential = freshCredential();
  const arrived = Promise.withResolvers<void>();
  const run = () => {
    arrived.resolve();
    return new Promise<never>(() => {});
  };
  inject({ kind: "call", when: "before", run }, 1);
  const hanging = credential.getToken(scope).catch(() => null);
  await arrived.promise;
  await passTime(2_000);
  const token = await Promise.race([credential.getToken(scope), hanging]);
  expect(token?.token).toMatch(/\S/);
});

test("one caller gives up → the request continues for the others", async () => {
  const started = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const credential = createCredential(undefined, async () => () => ({
    async getToken(_scopes, { abortSignal } = {}) {
      started.resolve();
      await answered.promise;
      if (abortSignal?.aborted) throw new Error("aborted");
      return { token: "token", expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  }));
  const abort = new AbortController();
  const first = credential.getToken(scope, { abortSignal: abort.signal }).catch(() => null);
  const second = credential.getToken(scope);
  await started.promise;
  abort.abort();
  answered.resolve();
  expect((await second)?.token).toBe("token");
  expect((await first)?.token).toBe("token");
});

describe("a service refuses a token", () => {
  const tokenOf = async (credential: Credential) => (await credential.getToken(scope))?.token ?? "";

  test("refused → the next token is another, although the SDK keeps the first", async () => {
    const credential = freshCredential();
    const requests = tokenRequests();
    const first = await tokenOf(credential);
    expect(await tokenOf(credential)).toBe(first);
    expect(requests()).toBe(1);

    expect(credential.refused(first)).toBe(true);
    expect(await tokenOf(credential)).not.toBe(first);
    expect(requests()).toBe(2);
  });

  test("every call that sent it is refused → it is renewed once", async () => {
    const credential = freshCredential();
    const requests = tokenRequests();
    const first = await tokenOf(credential);
    credential.refused(first);
    const second = await tokenOf(credential);
    expect(credential.refused(first)).toBe(true);
    expect(await tokenOf(credential)).toBe(second);
    expect(requests()).toBe(2);
  });

  test("the new one is refused too → kept, and renewed five minutes later at the earliest", async () => {
    const credential = freshCredential();
    credential.refused(await tokenOf(credential));
    const second = await tokenOf(credential);
    await passTime(299_000);
    expect(credential.refused(second)).toBe(false);
    expect(await tokenOf(credential)).toBe(second);
    await passTime(1_000);
    expect(credential.refused(second)).toBe(true);
    expect(await tokenOf(credential)).not.toBe(second);
  });

  test("the identity returns the refused token once more → refused for good", async () => {
    const credential = createCredential(undefined, async () => () => ({
      getToken: async () => ({ token: "same", expiresOnTimestamp: Date.now() + 3_600_000 }),
    }));
    expect(credential.refused(await tokenOf(credential))).toBe(true);
    expect(credential.refused(await tokenOf(credential))).toBe(false);
  });

  test("a request was under way → later calls do not join it, and its token stays refused", async () => {
    const [sent, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let opened = 0;
    const credential = createCredential(undefined, async () => () => {
      const first = ++opened === 1;
      let requests = 0;
      return {
        async getToken() {
          requests += 1;
          if (first && requests === 2) {
            sent.resolve();
            await late.promise;
          }
          return { token: first ? "old" : "new", expiresOnTimestamp: Date.now() + 3_600_000 };
        },
      };
    });
    const old = await tokenOf(credential);
    const underWay = tokenOf(credential);
    await sent.promise;
    expect(credential.refused(old)).toBe(true);
    expect(await tokenOf(credential)).toBe("new");
    late.resolve();
    expect(await underWay).toBe("old");
    expect(credential.refused("old")).toBe(true);
  });

  test("a token that another has replaced is refused late → the other stays", async () => {
    let [opened, issued] = [0, 0];
    const credential = createCredential(undefined, async () => () => {
      opened += 1;
      return {
        getToken: async () => ({ token: `${++issued}`, expiresOnTimestamp: Date.now() + 3_600_000 }),
      };
    });
    const first = await tokenOf(credential);
    await tokenOf(credential);
    expect(credential.refused(first)).toBe(true);
    await tokenOf(credential);
    expect(opened).toBe(1);
  });

  test("tokens of other scopes → renewed with it", async () => {
    const credential = freshCredential();
    const other = (await credential.getToken("https://management.azure.com/.default"))?.token ?? "";
    credential.refused(await tokenOf(credential));
    expect(credential.refused(other)).toBe(true);
  });
});
