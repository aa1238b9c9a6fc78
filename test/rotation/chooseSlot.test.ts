import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import type { KeySlot } from "../../src/domain/target.ts";
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

describe("the slot that is regenerated", () => {
  test("a one-key gateway → its one slot is regenerated", () => {
    expect(chooseSlot(gateway(), enabled("v1"), undefined)).toEqual({ kind: "slot", slot: "key" });
  });

  test.each<[string, LatestVersion, Journal | undefined, KeySlot]>([
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
    ["no version and no journal", { kind: "none" }, undefined, "authKey2"],
  ])("%s → $3 is regenerated", (_, latest, journal, slot) => {
    expect(chooseSlot(runtime(), latest, journal)).toEqual({ kind: "slot", slot });
  });

  test.each<[string, Journal | undefined]>([
    ["not the committed one", commit("authKey1")],
    ["the only record, without a journal", undefined],
  ])("the latest version is %s → its key is compared with the service's keys", (_, journal) => {
    expect(chooseSlot(runtime(), enabled("v2"), journal)).toMatchObject({ kind: "compare" });
  });

  test.each([
    ["IR@1", "authKey2"],
    ["IR@2", "authKey1"],
    ["dead", "authKey2"],
  ])("keys IR@1 and IR@2, and %s is published → %s is regenerated", (published, slot) => {
    expect(unpublishedSlot({ authKey1: redact("IR@1"), authKey2: redact("IR@2") }, redact(published))).toBe(
      slot,
    );
  });
});
