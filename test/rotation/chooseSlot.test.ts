import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import type { AuthKeySlot, KeySlot } from "../../src/domain/target.ts";
import { emptyJournal, type Journal } from "../../src/journal/journal.ts";
import { chooseSlot, unpublishedSlot } from "../../src/rotation/chooseSlot.ts";
import { gateway, runtime } from "../support/gateways.ts";

const secret = (version: string) => ({
  version,
  createdOn: new Date(0),
  tags: { "key-name": "authKey1" },
  ownedByCertificate: false,
});
const enabled = (version: string): LatestVersion => ({
  kind: "enabled",
  secret: secret(version),
  key: redact("IR@1"),
});
const disabled = (version: string): LatestVersion => ({ kind: "disabled", secret: secret(version) });
const commit = (slot: KeySlot): Journal => ({
  ...emptyJournal(runtime()),
  commit: { version: "v1", slot, clientRequestId: "a", sequence: 1, at: 0 },
});
const none = emptyJournal(runtime());
const keys = { authKey1: redact("IR@1"), authKey2: redact("IR@2") };
const otherKeys = { authKey1: redact("IR@3"), authKey2: redact("IR@4") };

describe("the slot that is regenerated", () => {
  test("a one-key gateway → its one slot is regenerated", () => {
    expect(chooseSlot(gateway(), enabled("v1"), none)).toEqual({ kind: "slot", slot: "key" });
  });

  test.each<[string, LatestVersion, Journal, KeySlot]>([
    ["authKey1 was committed", enabled("v1"), commit("authKey1"), "authKey2"],
    ["authKey2 was committed", enabled("v1"), commit("authKey2"), "authKey1"],
    [
      "authKey2 was committed, and its version is disabled now",
      disabled("v1"),
      commit("authKey2"),
      "authKey1",
    ],
    [
      "authKey1 was committed, and the latest version is another one, disabled",
      disabled("v2"),
      commit("authKey1"),
      "authKey2",
    ],
    ["no version and no journal", { kind: "none" }, none, "authKey2"],
  ])("%s → $3 is regenerated", (_, latest, journal, slot) => {
    expect(chooseSlot(runtime(), latest, journal)).toEqual({ kind: "slot", slot });
  });

  test.each<[string, Journal]>([
    ["not the committed one", commit("authKey1")],
    ["the only record, without a journal", none],
  ])("the latest version is %s → its key is compared with the service's keys", (_, journal) => {
    expect(chooseSlot(runtime(), enabled("v2"), journal)).toMatchObject({ kind: "compare" });
  });

  test.each<[Journal, KeySlot]>([
    [commit("authKey2"), "authKey1"],
    [commit("authKey1"), "authKey2"],
    [none, "authKey2"],
  ])(
    "an uncommitted version holds neither key → the slot that the journal did not publish last",
    (journal, slot) => {
      const choice = chooseSlot(runtime(), enabled("v2"), journal);
      expect(choice.kind === "compare" && unpublishedSlot(otherKeys, choice)).toBe(slot);
    },
  );

  /** @param otherwise the slot that the journal did not publish last */
  const unpublished = (published: string, otherwise: AuthKeySlot, listed = keys) =>
    unpublishedSlot(listed, { published: redact(published), otherwise });

  test.each<[string, string, AuthKeySlot]>([
    ["authKey1's key is published", "IR@1", "authKey2"],
    ["authKey2's key is published", "IR@2", "authKey1"],
    ["authKey2's key is published in quotes", '"IR@2"', "authKey1"],
  ])("%s → the other slot, whichever the journal published last", (_, published, slot) => {
    for (const otherwise of ["authKey1", "authKey2"] as const)
      expect(unpublished(published, otherwise)).toBe(slot);
  });

  test.each([
    ["neither key is published", "dead"],
    ["both keys are published in one value", '["IR@1","IR@2"]'],
  ])("%s → the slot that the journal did not publish last", (_, published) => {
    for (const otherwise of ["authKey1", "authKey2"] as const)
      expect(unpublished(published, otherwise)).toBe(otherwise);
  });

  test("one key is a part of the other, which is published → the exact key decides", () => {
    const nested = { authKey1: redact("IR@1"), authKey2: redact("IR@12") };
    expect(unpublished("IR@12", "authKey2", nested)).toBe("authKey1");
  });
});
