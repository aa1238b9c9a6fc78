import { describe, expect, test } from "vitest";
import { type FindingCode, findingCodes, findingsOf, rules } from "../../../cli/audit/findings.ts";
import { oldestFirst } from "../../../cli/audit/history.ts";
import type { ListedVersion } from "../../../src/domain/vaultHistory.ts";
import { byHand, contoso, day, daysAgo, now, regular, rotated } from "./samples.ts";

const address = { vaultUrl: contoso, secretName: "a" };

/** What is found in a history that is to be rotated every 30 days. */
const found = (versions: readonly ListedVersion[], gatewayName?: string) =>
  findingsOf({ address, gatewayName, versions: oldestFirst(versions) }, { everyDays: 30 }, now);

const codes = (versions: readonly ListedVersion[], gatewayName?: string) =>
  found(versions, gatewayName).map(({ code }) => code);

const clean = regular(6, 30);
const latest = rotated(7, daysAgo(1));

/** One situation for each code; `versions` the finding names, by their place among those given. */
const situations: Readonly<
  Record<FindingCode, readonly [situation: string, versions: readonly ListedVersion[]]>
> = {
  "never-rotated": ["gateways.json names a secret that has no version", []],
  "foreign-version": ["a hand wrote a version after our first one", [...clean, byHand(daysAgo(2))]],
  "foreign-history": ["a hand wrote versions before our first one", [byHand(daysAgo(200)), ...clean]],
  "other-deployment": [
    "another deployment wrote one version",
    clean.map((version, place) =>
      place === 3
        ? { ...version, tags: { ...version.tags, "managed-by": "gateway-key-rotation/staging" } }
        : version,
    ),
  ],
  "tags-incomplete": [
    "a version's fingerprint cannot be read",
    [...clean, rotated(7, daysAgo(1), { tags: { fingerprint: "?" } })],
  ],
  "changed-later": ["a version was changed after it was written", [...clean, { ...latest, updatedOn: now }]],
  overdue: ["the last rotation is 45 days old", [rotated(1, daysAgo(74)), rotated(2, daysAgo(45))]],
  late: ["45 days lie between two rotations", [rotated(1, daysAgo(50)), rotated(2, daysAgo(5))]],
  "key-repeated": [
    "two rotations have one fingerprint",
    [...clean, rotated(7, daysAgo(1), { tags: { fingerprint: clean[4]?.tags["fingerprint"] ?? "" } })],
  ],
  "stored-again": [
    "one attempt's key was stored twice",
    [...clean, latest, { ...latest, version: "f".repeat(32) }],
  ],
  disabled: ["the latest is disabled", [...clean, { ...latest, enabled: false }]],
  expired: ["the latest has expired", [...clean, { ...latest, expiresOn: daysAgo(0.5) }]],
  "expires-soon": [
    "the latest expires before its successor is due",
    [...clean, { ...latest, expiresOn: daysAgo(-3) }],
  ],
  "many-versions": [
    "451 versions",
    regular(451, 1).map((version) => ({ ...version, expiresOn: daysAgo(-90) })),
  ],
  "sequence-missing": [
    "number 4 is not there",
    [...clean.slice(0, 3), rotated(5, daysAgo(80)), rotated(6, daysAgo(50)), rotated(7, daysAgo(20))],
  ],
  "sequence-back": [
    "number 6 comes after number 7",
    [...clean.slice(0, 5), rotated(7, daysAgo(20)), rotated(6, daysAgo(1))],
  ],
  "sequence-repeated": [
    "number 6 is there twice",
    [...clean, rotated(6, daysAgo(1), { version: "f".repeat(32) }, "b")],
  ],
};

describe("what is found in a history", () => {
  test("rotated on time, five times → nothing", () => {
    expect(found(clean)).toEqual([]);
    expect(found(clean, "configured")).toEqual([]);
  });

  test("an empty history of a secret that nobody named → nothing", () => {
    expect(found([])).toEqual([]);
  });

  test.each(findingCodes.map((code) => [situations[code][0], code, situations[code][1]] as const))(
    "%s → %s",
    (_, code, versions) => {
      expect(codes(versions, code === "never-rotated" ? "configured" : undefined)).toEqual([code]);
    },
  );

  test("gateways.json names a secret that only hands have written → never rotated, and older than this system", () => {
    expect(codes([byHand(daysAgo(3))], "configured")).toEqual(["never-rotated", "foreign-history"]);
  });

  test("every finding → severity and action of its rule, a sentence, and a time that does not run backwards", () => {
    for (const code of findingCodes) {
      const [finding] = found(situations[code][1], "configured").filter((finding) => finding.code === code);
      expect(finding).toMatchObject({ severity: rules[code].severity, action: rules[code].action });
      expect(finding?.message).toMatch(/^[A-Z0-9].*\.$/);
      expect(finding?.from.getTime()).toBeLessThanOrEqual(finding?.to.getTime() ?? 0);
      expect(finding?.to.getTime()).toBeLessThanOrEqual(now.getTime());
    }
  });
});

describe("the same key twice", () => {
  test("two fingerprints that cannot be read → that alone, since they say nothing of the keys", () => {
    const tags = { fingerprint: "" };
    const versions = [rotated(1, daysAgo(3), { tags }), rotated(2, daysAgo(2), { tags })];
    expect(codes(versions)).toEqual(["tags-incomplete", "tags-incomplete"]);
  });

  test("the same attempt, its late copy after a newer number → the number goes back, since a dead key is published", () => {
    const [one, two] = [rotated(1, daysAgo(3)), rotated(2, daysAgo(2))];
    const copy = { ...one, version: "f".repeat(32), createdOn: daysAgo(1), updatedOn: daysAgo(1) };
    expect(codes([one, two, copy])).toEqual(["stored-again", "sequence-back"]);
  });
});

describe("a pause", () => {
  const pause = (days: number) => codes([rotated(1, daysAgo(days + 1)), rotated(2, daysAgo(1))]);

  test("a day more than the period → on time, since ticks come by the schedule; a minute more → late", () => {
    expect(pause(31)).toEqual([]);
    expect(pause(31 + 1 / 1440)).toEqual(["late"]);
  });

  test("a period of one day → a tenth of it is the grace", () => {
    const daily = (days: number) =>
      findingsOf(
        { address, gatewayName: undefined, versions: [rotated(1, daysAgo(days)), rotated(2, now)] },
        { everyDays: 1 },
        now,
      );
    expect(daily(1.1)).toEqual([]);
    expect(daily(1.2).map(({ code }) => code)).toEqual(["late"]);
  });

  test("late → from the day when it was due to the rotation that came", () => {
    const [finding] = found([rotated(1, daysAgo(50)), rotated(2, daysAgo(5))]);
    expect([finding?.from, finding?.to]).toEqual([daysAgo(20), daysAgo(5)]);
    expect(finding?.message).toBe("Number 2 came 45 days after number 1; the policy allows 30 days.");
  });

  test("no period is known → not judged", () => {
    const versions = [rotated(1, daysAgo(300)), rotated(2, daysAgo(80))];
    expect(
      findingsOf({ address, gatewayName: undefined, versions }, { everyDays: undefined }, now).map(
        ({ code }) => code,
      ),
    ).toEqual(["expires-soon"]);
  });

  test("a version by hand in between → does not count as a rotation", () => {
    const versions = [rotated(1, daysAgo(50)), byHand(daysAgo(25)), rotated(2, daysAgo(5))];
    expect(codes(versions)).toEqual(["foreign-version", "late"]);
  });
});

describe("order", () => {
  test("two versions in one second, listed backwards → by number, and nothing is found", () => {
    const moment = daysAgo(1);
    expect(codes([rotated(3, moment), rotated(1, daysAgo(2)), rotated(2, moment)])).toEqual([]);
  });

  test("versions listed by id, which says nothing of time → the latest is the newest", () => {
    const ordered = oldestFirst(clean.toSorted((one, other) => (one.version < other.version ? -1 : 1)));
    expect(ordered).toEqual(clean);
  });
});

describe("numbers", () => {
  test("a history that begins with 4 → 1 to 3 are missing", () => {
    const [finding] = found([rotated(4, daysAgo(20)), rotated(5, daysAgo(1))]);
    expect(finding).toMatchObject({
      code: "sequence-missing",
      message: expect.stringContaining("1 to 3 are missing"),
    });
  });
});

describe("near its end", () => {
  test("a key of ten days that is rotated every three → nothing, since its successor comes before", () => {
    const versions = [{ ...rotated(1, daysAgo(1)), expiresOn: daysAgo(-9) }];
    expect(findingsOf({ address, gatewayName: undefined, versions }, { everyDays: 3 }, now)).toEqual([]);
  });

  test("15 days away → nothing", () => {
    expect(codes([{ ...rotated(1, daysAgo(1)), expiresOn: new Date(now.getTime() + 15 * day) }])).toEqual([]);
  });
});

test("450 versions → nothing", () => {
  expect(codes(regular(450, 1).map((version) => ({ ...version, expiresOn: daysAgo(-90) })))).toEqual([]);
});

test("tags with control characters → spelled out in the sentence", () => {
  const [finding] = found([rotated(1, daysAgo(1), { tags: { trigger: "\u001b[31mred\n\u202e" } })]);
  expect(finding?.message).toBe("Number 1: trigger “\\u{1b}[31mred\\u{a}\\u{202e}” cannot be read.");
});
