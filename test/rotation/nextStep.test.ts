import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { LatestVersion } from "../../src/domain/secretStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { chooseSlot, nextStep, unpublishedSlot } from "../../src/rotation/nextStep.ts";
import { gateway, runtime } from "../support/gateways.ts";

const now = Date.parse("2026-11-23T03:00:00Z");
const day = 86_400_000;
const ours = { "managed-by": "gateway-key-rotation/prod" };

function version(tags: Record<string, string>, ageMs = day): LatestVersion {
  const secret = {
    version: "0123456789abcdef0123456789abcdef",
    createdOn: new Date(now - ageMs),
    tags,
    ownedByCertificate: false,
  };
  return { kind: "enabled", secret, key: redact("IR@1") };
}

function disabled(tags: Record<string, string>): LatestVersion {
  const latest = version(tags);
  return latest.kind === "none" ? latest : { kind: "disabled", secret: latest.secret };
}

function certificateOwned(latest: LatestVersion): LatestVersion {
  return latest.kind === "none"
    ? latest
    : { ...latest, secret: { ...latest.secret, ownedByCertificate: true } };
}

const step = (latest: LatestVersion, of: Gateway = gateway()) =>
  nextStep({ gateway: of, latest, deploymentName: "prod", now });

describe("what to do with a gateway", () => {
  test.each<[string, LatestVersion, Gateway, string, string]>([
    ["a secret without a version", { kind: "none" }, gateway(), "rotate", "no-version"],
    ["our version and no period", version(ours), gateway(), "rotate", "every-tick"],
    ["a version that a hand wrote", version({}), gateway(), "rotate", "foreign-version"],
    [
      "a hand's version, not due by its age",
      version({}),
      gateway(undefined, { rotateEveryDays: 30 }),
      "rotate",
      "foreign-version",
    ],
    [
      "a version that another tool manages",
      version({ "managed-by": "terraform" }),
      gateway(),
      "rotate",
      "foreign-version",
    ],
    [
      "a version of another deployment",
      version({ "managed-by": "gateway-key-rotation/test" }),
      gateway(),
      "refuse",
      "other-deployment",
    ],
    ["a certificate's secret", certificateOwned(version(ours)), gateway(), "refuse", "owned-by-certificate"],
    ["our disabled version", disabled(ours), gateway(), "rotate", "every-tick"],
    [
      "our version, younger than the period",
      version(ours, 29 * day),
      gateway(undefined, { rotateEveryDays: 30 }),
      "skip",
      "not-due",
    ],
    [
      "our version, older than the period",
      version(ours, 30 * day),
      gateway(undefined, { rotateEveryDays: 30 }),
      "rotate",
      "due",
    ],
    [
      "our version, half an hour short of the period",
      version(ours, 30 * day - 30 * 60_000),
      gateway(undefined, { rotateEveryDays: 30 }),
      "rotate",
      "due",
    ],
    [
      "our version, a minute more than that short",
      version(ours, 30 * day - 31 * 60_000),
      gateway(undefined, { rotateEveryDays: 30 }),
      "skip",
      "not-due",
    ],
  ])("%s → decided", (_, latest, of, kind, reason) => {
    expect(step(latest, of)).toMatchObject({ kind, reason });
  });

  test("not due → the message says when it will be", () => {
    const { message } = step(version(ours, 29 * day), gateway(undefined, { rotateEveryDays: 30 }));
    expect(message).toContain("due 2026-11-24T03:00:00.000Z");
  });

  test("another deployment → the message names it", () => {
    expect(step(version({ "managed-by": "gateway-key-rotation/test" })).message).toContain(
      "gateway-key-rotation/test",
    );
  });
});

describe("which slot is regenerated", () => {
  test("a version 1 gateway → its one key", () => {
    expect(chooseSlot(gateway(), version(ours))).toEqual({ kind: "slot", slot: "key" });
  });

  test.each([
    ["authKey1", "authKey2"],
    ["authKey2", "authKey1"],
  ])("our disabled version held %s → %s", (published, slot) => {
    expect(chooseSlot(runtime(), disabled({ ...ours, "key-name": published }))).toEqual({
      kind: "slot",
      slot,
    });
  });

  test.each([
    ["our own version", version({ ...ours, "key-name": "authKey1" })],
    ["a hand's version", version({})],
  ])("%s → compared with the service's keys: a tag may be of another target", (_, latest) => {
    expect(chooseSlot(runtime(), latest)).toMatchObject({ kind: "compare" });
  });

  test.each<[string, LatestVersion]>([
    ["no version", { kind: "none" }],
    ["a disabled version of somebody's", disabled({ "key-name": "authKey2" })],
  ])("%s → authKey2, since people hand out authKey1 first", (_, latest) => {
    expect(chooseSlot(runtime(), latest)).toEqual({ kind: "slot", slot: "authKey2" });
  });

  test.each([
    ["IR@1", "authKey2"],
    ["IR@2", "authKey1"],
    ["dead", "authKey2"],
  ])("the published key is %s of IR@1 and IR@2 → %s", (published, slot) => {
    expect(unpublishedSlot({ authKey1: redact("IR@1"), authKey2: redact("IR@2") }, redact(published))).toBe(
      slot,
    );
  });
});
