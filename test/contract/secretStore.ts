import { inspect } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { redact, reveal } from "../../src/domain/redacted.ts";
import type {
  NewVersion,
  ReadOutcome,
  SecretStore,
  SecretVersion,
  Tags,
} from "../../src/domain/secretStore.ts";
import type { SecretAddress } from "../../src/domain/target.ts";
import { type ContractFault, doubts, refusals } from "./fault.ts";

/** An implementation of `SecretStore` with two vaults, and changes to them from outside this system. */
export interface SecretStoreSubject {
  readonly secrets: SecretStore;
  readonly vaultUrls: readonly [string, string];
  /** The values of a secret's versions, oldest first. */
  values(address: SecretAddress): readonly string[];
  writeByHand(address: SecretAddress, value: string, tags: Tags): void;
  disableLatest(address: SecretAddress): void;
  softDelete(address: SecretAddress): void;
  /** The vault begins to delete it, and does not come to an end. */
  beginDeletion(address: SecretAddress): void;
  ownByCertificate(address: SecretAddress): void;
  /** Injects a fault into the next call. */
  meet(fault: ContractFault): void;
  /** What is late happens now. */
  land(): Promise<void>;
}

const version = (value: string, terms: Partial<NewVersion> = {}): NewVersion => ({
  key: redact(value),
  contentType: "text/plain",
  tags: {},
  ...terms,
});

function enabled(outcome: ReadOutcome): { readonly secret: SecretVersion; readonly value: string } {
  if (outcome.kind !== "enabled") throw new Error(inspect(outcome, { depth: null }));
  return { secret: outcome.secret, value: reveal(outcome.key) };
}

/** The tests that the real `SecretStore` and its model both pass. */
export function secretStoreContract(subject: () => SecretStoreSubject): void {
  let names = 0;
  let address: SecretAddress;

  const newAddress = (): SecretAddress => ({
    vaultUrl: subject().vaultUrls[0],
    secretName: `Contract-${++names}`,
  });
  const write = (value: string, terms?: Partial<NewVersion>) =>
    subject().secrets.write(address, version(value, terms));
  const readLatest = () => subject().secrets.readLatest(address);

  beforeEach(() => {
    address = newAddress();
  });

  describe("versions", () => {
    test("a secret that was never written → none, and not in the recycle bin", async () => {
      expect(await readLatest()).toEqual({ kind: "none" });
      expect(await subject().secrets.readDeleted(address)).toEqual({ kind: "absent" });
    });

    test("a stored version → has an id, a date in whole seconds, tags and content type; reads the same", async () => {
      const terms = { contentType: "application/example", tags: { team: "data", sequence: "7" } };
      const outcome = await write("one", terms);
      if (outcome.kind !== "stored") throw new Error(inspect(outcome, { depth: null }));
      const { secret } = outcome;
      expect(secret).toMatchObject({ ...terms, ownedByCertificate: false });
      expect(secret.version).toMatch(/^[0-9a-f]{32}$/);
      expect(secret.createdOn.getTime() % 1000).toBe(0);
      expect(enabled(await readLatest())).toEqual({ secret, value: "one" });
      expect(subject().values(address)).toEqual(["one"]);
    });

    test("a second version → the latest, under an id of its own; the first is kept", async () => {
      const first = await write("one");
      const second = await write("two");
      const latest = enabled(await readLatest());
      expect(latest.value).toBe("two");
      expect(second).toMatchObject({ kind: "stored", secret: { version: latest.secret.version } });
      expect(first).not.toMatchObject({ secret: { version: latest.secret.version } });
      expect(subject().values(address)).toEqual(["one", "two"]);
    });

    test("a name in another case → the same secret", async () => {
      await write("one");
      address = { ...address, secretName: address.secretName.toLowerCase() };
      expect(enabled(await readLatest()).value).toBe("one");
      await write("two");
      expect(subject().values(address)).toEqual(["one", "two"]);
    });

    test("the same name in another vault → another secret", async () => {
      await write("one");
      address = { ...address, vaultUrl: subject().vaultUrls[1] };
      expect(await readLatest()).toEqual({ kind: "none" });
      await write("other");
      expect(enabled(await readLatest()).value).toBe("other");
    });

    test("white space around a value that was written by hand → not part of the key", async () => {
      subject().writeByHand(address, " by hand\n", { note: "mine" });
      const { value, secret } = enabled(await readLatest());
      expect(value).toBe("by hand");
      expect(secret.tags).toEqual({ note: "mine" });
    });
  });

  describe("secrets that were changed from outside", () => {
    test("the latest is disabled → its properties without its value, until the next version", async () => {
      await write("one", { tags: { sequence: "1" } });
      await write("two", { tags: { sequence: "2" } });
      subject().disableLatest(address);
      const latest = await readLatest();
      expect(latest).toMatchObject({ kind: "disabled", secret: { tags: { sequence: "2" } } });
      expect(latest).not.toHaveProperty("key");
      await write("three");
      expect(enabled(await readLatest()).value).toBe("three");
    });

    test("two versions of one second, the latest disabled → the sequence tag shows which is the latest", async () => {
      const read: unknown[] = [];
      // The list has the order of random ids: with one secret alone, the result could be right by chance.
      for (let i = 0; i < 8; i++) {
        address = newAddress();
        subject().writeByHand(address, "nine", { sequence: "9" });
        subject().writeByHand(address, "ten", { sequence: "10" });
        subject().disableLatest(address);
        read.push(await readLatest());
      }
      expect(read).toEqual(
        read.map(() => ({ kind: "disabled", secret: expect.objectContaining({ tags: { sequence: "10" } }) })),
      );
    });

    test("soft-deleted → no version to read, in the recycle bin, and a write is refused", async () => {
      await write("one");
      subject().softDelete(address);
      expect(await readLatest()).toEqual({ kind: "none" });
      expect(await subject().secrets.readDeleted(address)).toEqual({ kind: "softDeleted" });
      expect(await write("two")).toMatchObject({
        kind: "refused",
        problem: { code: "deleted-but-recoverable", transient: false },
      });
      expect(subject().values(address)).toEqual(["one"]);
    });

    test("being deleted → no version to read, not in the recycle bin yet, and a write is refused", async () => {
      await write("one");
      subject().beginDeletion(address);
      expect(await readLatest()).toEqual({ kind: "none" });
      expect(await subject().secrets.readDeleted(address)).toEqual({ kind: "absent" });
      expect(await write("two")).toMatchObject({
        kind: "refused",
        problem: { code: "being-deleted", transient: true },
      });
      expect(subject().values(address)).toEqual(["one"]);
    });

    test("owned by a certificate → the version shows it, and a write is refused", async () => {
      await write("one");
      subject().ownByCertificate(address);
      expect(enabled(await readLatest()).secret.ownedByCertificate).toBe(true);
      expect(await write("two")).toMatchObject({ kind: "refused", problem: { code: "conflict" } });
      expect(subject().values(address)).toEqual(["one"]);
    });
  });

  describe("calls that fail", () => {
    test.each(refusals)(
      "a write refused as $code → nothing is stored, with that refusal's `transient`",
      async ({ code, transient }) => {
        await write("one");
        subject().meet({ kind: "refused", code });
        expect(await write("two")).toMatchObject({ kind: "refused", problem: { code, transient } });
        expect(subject().values(address)).toEqual(["one"]);
      },
    );

    test.each(doubts)(
      "a write that is $kind → unclear as $code; the version comes $effect",
      async ({ kind, code, effect }) => {
        await write("one");
        subject().meet({ kind });
        expect(await write("two")).toMatchObject({ kind: "unclear", problem: { code, transient: true } });
        expect(subject().values(address)).toEqual(effect === "at once" ? ["one", "two"] : ["one"]);
        await write("three");
        expect(enabled(await readLatest()).value).toBe("three");
        if (effect !== "later") return;
        await subject().land();
        expect(subject().values(address)).toEqual(["one", "three", "two"]);
        expect(enabled(await readLatest()).value).toBe("two");
      },
    );

    // 404 is not a failure of a read: there is no secret.
    test.each(refusals.filter(({ code }) => code !== "not-found"))(
      "reads refused as $code → failed",
      async ({ code, transient }) => {
        await write("one");
        const failed = { kind: "failed", problem: { code, transient } };
        subject().meet({ kind: "refused", code });
        expect(await readLatest()).toMatchObject(failed);
        subject().meet({ kind: "refused", code });
        expect(await subject().secrets.readDeleted(address)).toMatchObject(failed);
      },
    );

    test("a read whose answer is lost → failed, and transient", async () => {
      await write("one");
      const failed = { kind: "failed", problem: { code: "connection-lost", transient: true } };
      subject().meet({ kind: "lostBefore" });
      expect(await readLatest()).toMatchObject(failed);
      subject().meet({ kind: "lostBefore" });
      expect(await subject().secrets.readDeleted(address)).toMatchObject(failed);
      expect(enabled(await readLatest()).value).toBe("one");
    });
  });
}
