import { expect, test } from "vitest";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { redact } from "../../src/domain/redacted.ts";
import type { ReadOutcome, SecretStore, SecretVersion, WriteOutcome } from "../../src/domain/secretStore.ts";
import type { Claim } from "../../src/rotation/intent.ts";
import { storeKey } from "../../src/rotation/storeKey.ts";

const address = { vaultUrl: "https://contoso-keys.vault.azure.net", secretName: "s" };
const content = { key: redact("ADF#new"), contentType: "text/plain", tags: {} };
const secret: SecretVersion = { version: "1", createdOn: new Date(0), tags: {}, ownedByCertificate: false };
const problem: CallProblem = { code: "server-error", message: "500", transient: true };
const stored: WriteOutcome = { kind: "stored", secret };
const unclear: WriteOutcome = { kind: "unclear", problem };
const refused = (retryAfterMs?: number): WriteOutcome => ({
  kind: "refused",
  problem: { ...problem, retryAfterMs },
});

/** A vault that gives these answers in turn, and the last one again and again. Only sleeping moves its clock. */
function scripted(
  writes: readonly WriteOutcome[],
  reads: readonly ReadOutcome[] = [{ kind: "none" }],
  mayWrite: () => Claim["kind"] = () => "held",
  held: Claim["kind"] = "held",
) {
  const calls: string[] = [];
  let now = 0;
  const next = <T>(answers: readonly T[], name: string): T => {
    const answer = answers[Math.min(calls.filter((call) => call === name).length, answers.length - 1)];
    calls.push(name);
    if (answer === undefined) throw new Error("no answer scripted");
    return answer;
  };
  const secrets: SecretStore = {
    write: async () => next(writes, "write"),
    readLatest: async () => next(reads, "read"),
    readDeleted: async () => ({ kind: "absent" }),
  };
  const clock = {
    now: () => now,
    sleep: () => Promise.reject(new Error("It sleeps without holding the claim")),
  };
  const claimOf = (kind: Claim["kind"]): Claim => (kind === "failed" ? { kind, problem } : { kind });
  const hold = async (ms: number): Promise<Claim> => {
    calls.push(`sleep ${ms}`);
    now += ms;
    return claimOf(held);
  };
  const intent = { extend: async () => claimOf(mayWrite()), hold };
  return {
    calls,
    store: (deadline = 100_000, rooms: number[] = [], random = 1) =>
      storeKey(
        {
          services: { secrets, clock, random: () => random },
          gateway: { secret: address },
          terms: { deadline },
          pace: { toStore: () => rooms.shift() ?? 0 },
          preflight: { refused: (vaultUrl) => calls.push(`refused by ${vaultUrl}`) },
          yield: () => calls.push("yield"),
        },
        intent,
        content,
      ),
  };
}

test("the vault accepts the key → one write and nothing else", async () => {
  const vault = scripted([stored]);
  expect(await vault.store()).toEqual({ kind: "stored", secret });
  expect(vault.calls).toEqual(["write"]);
});

test("an unclear answer, and the vault has the key → stored, not written again", async () => {
  const vault = scripted([unclear], [{ kind: "enabled", secret, key: redact("ADF#new") }]);
  expect(await vault.store()).toEqual({ kind: "stored", secret });
  expect(vault.calls).toEqual(["write", "sleep 500", "read"]);
});

test("an unclear answer, and the vault has another key → the same key is written again", async () => {
  const vault = scripted([unclear, stored], [{ kind: "enabled", secret, key: redact("ADF#old") }]);
  expect(await vault.store()).toEqual({ kind: "stored", secret });
  expect(vault.calls).toEqual(["write", "sleep 500", "read", "write"]);
});

test("an unclear answer, and the read fails → read again before the next write", async () => {
  const vault = scripted(
    [unclear],
    [
      { kind: "failed", problem },
      { kind: "enabled", secret, key: redact("ADF#new") },
    ],
  );
  expect((await vault.store()).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", "sleep 500", "read", "sleep 1000", "read"]);
});

test("unclear answers until the deadline → one last write, and one last read", async () => {
  const vault = scripted(
    [unclear],
    [
      { kind: "failed", problem },
      { kind: "failed", problem },
      { kind: "enabled", secret, key: redact("ADF#new") },
    ],
  );
  expect((await vault.store(1000)).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", "sleep 500", "read", "sleep 500", "read", "write", "read"]);
});

test("an unclear answer after the deadline → unstored, with the problem of the last write", async () => {
  const vault = scripted([unclear], [{ kind: "failed", problem }]);
  expect(await vault.store(0)).toEqual({ kind: "unstored", problem });
  expect(vault.calls).toEqual(["write", "read"]);
});

test("a refusal that does not pass by itself → reported at once, and the write is repeated", async () => {
  const vault = scripted([{ kind: "refused", problem: { ...problem, transient: false } }, stored]);
  expect((await vault.store()).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", `refused by ${address.vaultUrl}`, "yield", "sleep 500", "write"]);
});

test("refused every time → pauses that grow to 30 s, and a last try at the deadline", async () => {
  const vault = scripted([refused()]);
  expect(await vault.store(100_000)).toEqual({ kind: "unstored", problem });
  const pauses = vault.calls.filter((call) => call.startsWith("sleep")).map((call) => Number(call.slice(6)));
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 8500]);
  expect(vault.calls.filter((call) => call === "write")).toHaveLength(10);
});

test.each([
  ["Retry-After → the pause is as long as the service asks", 7000, 0, 7000],
  ["Retry-After → the pause is as long as the service asks, plus a random part", 7000, 1, 7250],
  ["no Retry-After, random part 0 → half the pause", undefined, 0, 250],
  ["no Retry-After, largest random part → the whole pause", undefined, 1, 500],
])("throttled with %s", async (_, retryAfterMs, random, pause) => {
  const vault = scripted([refused(retryAfterMs), stored]);
  expect((await vault.store(100_000, [], random)).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", `sleep ${pause}`, "write"]);
});

test("the vault has no room for a key → the key waits until there is room, and is written then", async () => {
  const vault = scripted([refused(), stored]);
  expect((await vault.store(100_000, [9000, 3000, 2000, 0])).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", "sleep 9000", "sleep 3000", "sleep 2000", "write"]);
});

test("the vault has no room until the deadline → the key is written at the deadline", async () => {
  const vault = scripted([refused(), stored]);
  expect((await vault.store(20_000, [9000, 9000, 9000, 9000])).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", "sleep 9000", "sleep 9000", "sleep 2000", "write"]);
});

test("throttled for longer than there is time → a last try at the deadline", async () => {
  const vault = scripted([refused(3_600_000), stored]);
  expect((await vault.store(60_000)).kind).toBe("stored");
  expect(vault.calls).toEqual(["write", "sleep 60000", "write"]);
});

test("another runner has taken the rotation over → no further write", async () => {
  let asked = 0;
  const vault = scripted([refused(), stored], undefined, () => (++asked === 1 ? "held" : "lost"));
  expect(await vault.store()).toEqual({ kind: "stopped" });
  expect(vault.calls).toEqual(["write", "sleep 500"]);
});

test("storage does not confirm the claim at first → the key is written once it does", async () => {
  const answers: Claim["kind"][] = ["failed", "failed", "held"];
  const vault = scripted([stored], undefined, () => answers.shift() ?? "held");
  expect((await vault.store()).kind).toBe("stored");
  expect(vault.calls).toEqual(["sleep 500", "sleep 1000", "write"]);
});

test("another runner takes the rotation over while the key waits → no further write", async () => {
  const vault = scripted([refused()], undefined, undefined, "lost");
  expect(await vault.store()).toEqual({ kind: "stopped" });
  expect(vault.calls).toEqual(["write", "sleep 500"]);
});

test("storage does not confirm the claim until the deadline → unstored, and no write", async () => {
  const vault = scripted([stored], undefined, () => "failed");
  expect(await vault.store(1000)).toMatchObject({
    kind: "unstored",
    problem: { code: "claim-unknown", transient: true },
  });
  expect(vault.calls).not.toContain("write");
});
