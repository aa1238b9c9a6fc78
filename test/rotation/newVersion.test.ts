import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { SecretVersion } from "../../src/domain/secretStore.ts";
import { newVersion, versionTags } from "../../src/rotation/newVersion.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { gateway } from "../support/gateways.ts";
import { versionFacts as facts } from "../support/versionFacts.ts";

const previous = (tags: Record<string, string>): SecretVersion => ({
  version: "1",
  createdOn: new Date(0),
  tags,
  ownedByCertificate: false,
});

describe("the tags of a new version", () => {
  test("a new version's tags → when, why, for whom and by which request the key was made", () => {
    expect(versionTags(facts)).toEqual({
      "managed-by": "gateway-key-rotation/prod",
      "rotation-id": "8d6a2c1e-4b7f-4f4b-9d53-0d1c5f0f2a11",
      sequence: "7",
      trigger: "schedule",
      reason: "scheduled",
      "requested-by": "timer",
      "key-name": "authKey2",
      fingerprint: "ba7816bf8f01",
      "rotate-every-days": "30",
      "client-request-id": "0c1de1c5-5d5b-4b0a-8a55-6c4b6d6b1a22",
      "request-id": "f7a3d4c2",
      "correlation-request-id": "a1b2c3d4",
    });
  });

  test("an answer without ids → no tags for them, and none of the previous version's ids", () => {
    const trace = { ...facts.trace, requestId: undefined, correlationRequestId: undefined };
    const tags = versionTags({ ...facts, trace, previous: previous({ "request-id": "old" }) });
    expect(Object.keys(tags)).not.toContain("request-id");
    expect(Object.keys(tags)).not.toContain("correlation-request-id");
  });

  test("others' tags on the previous version → carried forward while there is room, after all of ours", () => {
    const tags = versionTags({
      ...facts,
      previous: previous({ team: "data", a: "1", b: "2", c: "3", d: "4" }),
    });
    expect(tags).toEqual({ ...versionTags(facts), team: "data", a: "1", b: "2" });
  });

  test("a gateway that every tick rotates → no period tag, not even the previous version's", () => {
    const tags = versionTags({
      ...facts,
      rotateEveryDays: undefined,
      previous: previous({ "rotate-every-days": "30" }),
    });
    expect(Object.keys(tags)).not.toContain("rotate-every-days");
  });

  test("a tag that describes the previous value → not carried forward", () => {
    const tags = versionTags({ ...facts, previous: previous({ "file-encoding": "utf-8", team: "data" }) });
    expect(tags).toEqual({ ...versionTags(facts), team: "data" });
  });

  test.each(["constructor", "toString", "__proto__"])("others' tag named %s → carried forward", (name) => {
    const tags = versionTags({ ...facts, previous: previous({ [name]: "theirs" }) });
    expect(Object.entries(tags)).toContainEqual([name, "theirs"]);
  });

  test("a reason that is too long → cut to 256 characters, not in the middle of a character", () => {
    const tags = versionTags({ ...facts, run: { ...facts.run, reason: `${"x".repeat(254)}😀y` } });
    expect(tags["reason"]).toBe(`${"x".repeat(254)}…`);
    expect(versionTags({ ...facts, run: { ...facts.run, reason: "y".repeat(256) } })["reason"]).toBe(
      "y".repeat(256),
    );
  });
});

test.each([
  [90, new Date("2027-02-21T03:00:00Z")],
  [undefined, undefined],
])("expireAfterDays is %s → the version expires: %s", (expireAfterDays, expiresOn) => {
  const now = Date.parse("2026-11-23T03:00:00Z");
  const terms = {
    ...{ run: runNamed("a"), createdAt: 0, deploymentName: "prod", functionTimeoutMs: 1, deadline: 1 },
    ...{ callTimeoutMs: 1, concurrency: 1 },
  };
  const of = gateway(undefined, expireAfterDays === undefined ? {} : { expireAfterDays });
  const { slot, trace, rotationId } = facts;
  const version = newVersion(of, undefined, 1, terms, { slot, trace, rotationId }, redact("IR@1"), now);
  expect(version.expiresOn).toEqual(expiresOn);
});

test("a long reason with such a character in its middle → cut to 256 characters", () => {
  const reason = `${"x".repeat(10)}😀${"y".repeat(300)}`;
  expect(versionTags({ ...facts, run: { ...facts.run, reason } })["reason"]).toBe(`${reason.slice(0, 255)}…`);
});
