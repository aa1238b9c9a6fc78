import { describe, expect, test } from "vitest";
import { oldestFirst } from "../../../cli/audit/audit.ts";
import { type FindingCode, findingCodes, findingsOf, rules } from "../../../cli/audit/findings.ts";
import type { ListedVersion } from "../../../cli/azure/keyVaultLists.ts";
import type { RotationWindow } from "../../../src/domain/rotationWindow.ts";
import { daysAgo, foreignVersion, now, regular, rotated } from "./samples.ts";

interface Expected {
  readonly configured?: boolean;
  readonly everyDays?: number | undefined;
  readonly window?: RotationWindow;
}

/** The findings in a history whose period is 30 days. */
const found = (versions: readonly ListedVersion[], expected: Expected = {}) =>
  findingsOf({ configured: false, everyDays: 30, ...expected, versions: oldestFirst(versions) }, now);

const codes = (versions: readonly ListedVersion[], expected?: Expected) =>
  found(versions, expected).map(({ code }) => code);

const clean = regular(6, 30);
const latest = rotated(7, daysAgo(1));

/** One situation for each code. */
const situations: Readonly<
  Record<FindingCode, readonly [situation: string, versions: readonly ListedVersion[]]>
> = {
  "never-rotated": ["gateways.json names a secret that has no version", []],
  "foreign-version": [
    "another writer wrote a version after this system's first one",
    [...clean, foreignVersion(daysAgo(2))],
  ],
  "foreign-history": [
    "another writer wrote a version before this system's first one",
    [foreignVersion(daysAgo(200)), ...clean],
  ],
  "other-deployment": [
    "another deployment wrote one version",
    clean.map((version, place) =>
      place === 3
        ? { ...version, tags: { ...version.tags, "managed-by": "gateway-key-rotation/staging" } }
        : version,
    ),
  ],
  "tags-incomplete": [
    "a version's fingerprint is not valid",
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
  disabled: ["the latest version is disabled", [...clean, { ...latest, enabled: false }]],
  expired: ["the latest version has expired", [...clean, { ...latest, expiresOn: daysAgo(0.5) }]],
  "expires-soon": [
    "the latest version expires before the next rotation is due",
    [...clean, { ...latest, expiresOn: daysAgo(-3) }],
  ],
  "many-versions": [
    "451 versions",
    regular(451, 1).map((version) => ({ ...version, expiresOn: daysAgo(-90) })),
  ],
  "sequence-missing": [
    "version 4 is missing",
    [...clean.slice(0, 3), rotated(5, daysAgo(80)), rotated(6, daysAgo(50)), rotated(7, daysAgo(20))],
  ],
  "sequence-back": [
    "version 6 comes after version 7",
    [...clean.slice(0, 5), rotated(7, daysAgo(20)), rotated(6, daysAgo(1))],
  ],
  "sequence-repeated": [
    "two attempts wrote version 6",
    [...clean, rotated(6, daysAgo(1), { version: "f".repeat(32) }, "b")],
  ],
};

describe("findings in a history", () => {
  test("a history that was always rotated on time → no findings", () => {
    expect(found(clean)).toEqual([]);
    expect(found(clean, { configured: true })).toEqual([]);
  });

  test("an empty history of a secret that gateways.json does not name → no findings", () => {
    expect(found([])).toEqual([]);
  });

  test.each(findingCodes.map((code) => [situations[code][0], code, situations[code][1]] as const))(
    "%s → %s",
    (_, code, versions) => {
      expect(codes(versions, { configured: code === "never-rotated" })).toEqual([code]);
    },
  );

  test("gateways.json names a secret that only others wrote → never-rotated and foreign-history", () => {
    expect(codes([foreignVersion(daysAgo(3))], { configured: true })).toEqual([
      "never-rotated",
      "foreign-history",
    ]);
  });

  test("every finding → its rule's severity and action, a sentence, and a time from past to now", () => {
    for (const code of findingCodes) {
      const [finding] = found(situations[code][1], { configured: true }).filter(
        (finding) => finding.code === code,
      );
      const { severity, title, meaning, action } = rules[code];
      expect(finding).toMatchObject({ severity, title, meaning, action });
      expect(finding?.message).toMatch(/^[A-Z0-9“].*\.$/);
      expect(finding?.from.getTime()).toBeLessThanOrEqual(finding?.to.getTime() ?? 0);
      expect(finding?.to.getTime()).toBeLessThanOrEqual(now.getTime());
    }
  });
});

describe("the same key twice", () => {
  test("two fingerprints that are not valid → tags-incomplete only, since they identify no key", () => {
    const tags = { fingerprint: "" };
    const versions = [rotated(1, daysAgo(3), { tags }), rotated(2, daysAgo(2), { tags })];
    expect(codes(versions)).toEqual(["tags-incomplete", "tags-incomplete"]);
  });

  test("an attempt's key stored again after a newer one → sequence-back too: a dead key is latest", () => {
    const [one, two] = [rotated(1, daysAgo(3)), rotated(2, daysAgo(2))];
    const copy = { ...one, version: "f".repeat(32), createdOn: daysAgo(1), updatedOn: daysAgo(1) };
    expect(codes([one, two, copy])).toEqual(["stored-again", "sequence-back"]);
  });
});

describe("a pause", () => {
  const pause = (days: number) => codes([rotated(1, daysAgo(days + 1)), rotated(2, daysAgo(1))]);

  test("a pause of the period and a day → on time; a minute more → late", () => {
    expect(pause(31)).toEqual([]);
    expect(pause(31 + 1 / 1440)).toEqual(["late"]);
  });

  test("a period of one day → the grace is a tenth of it", () => {
    const daily = (days: number) => codes([rotated(1, daysAgo(days)), rotated(2, now)], { everyDays: 1 });
    expect(daily(1.1)).toEqual([]);
    expect(daily(1.2)).toEqual(["late"]);
  });

  test("a late rotation → a finding from the due date to the rotation", () => {
    const [finding] = found([rotated(1, daysAgo(50)), rotated(2, daysAgo(5))]);
    expect([finding?.from, finding?.to]).toEqual([daysAgo(20), daysAgo(5)]);
    expect(finding?.message).toBe("Version 2 came 45 days after version 1; the period is 30 days.");
  });

  test("no period is known → pauses are not judged", () => {
    const versions = [rotated(1, daysAgo(300)), rotated(2, daysAgo(80))];
    expect(codes(versions, { everyDays: undefined })).toEqual(["expires-soon"]);
  });

  test.each([
    ["shortened from 60 to 30 days", 60, 30, []],
    ["lengthened from 30 to 60 days", 30, 60, []],
    ["30 days in both versions", 30, 30, ["late"]],
  ])("the period was %s → a pause of 45 days is judged by the longer one", (_, before, after, expected) => {
    const every = (days: number) => ({ tags: { "rotate-every-days": String(days) } });
    const versions = [rotated(1, daysAgo(50), every(before)), rotated(2, daysAgo(5), every(after))];
    expect(codes(versions, { everyDays: after })).toEqual(expected);
  });

  test("a period that is not a number of days → tags-incomplete, and today's period counts", () => {
    const wrong = { tags: { "rotate-every-days": "soon" } };
    const versions = [rotated(1, daysAgo(50), wrong), rotated(2, daysAgo(5))];
    expect(codes(versions)).toEqual(["tags-incomplete", "late"]);
  });

  test("a version of another writer in between → does not count as a rotation", () => {
    const versions = [rotated(1, daysAgo(50)), foreignVersion(daysAgo(25)), rotated(2, daysAgo(5))];
    expect(codes(versions)).toEqual(["foreign-version", "late"]);
  });
});

describe("order", () => {
  test("two versions in one second, listed backwards → ordered by number, no findings", () => {
    const moment = daysAgo(1);
    expect(codes([rotated(3, moment), rotated(1, daysAgo(2)), rotated(2, moment)])).toEqual([]);
  });

  test("versions listed by id → ordered by date", () => {
    const ordered = oldestFirst(clean.toSorted((one, other) => (one.version < other.version ? -1 : 1)));
    expect(ordered).toEqual(clean);
  });
});

test("a history that begins with version 4 → 1 to 3 are missing", () => {
  expect(found([rotated(4, daysAgo(20)), rotated(5, daysAgo(1))])).toMatchObject([
    { code: "sequence-missing", message: expect.stringContaining("1 to 3 are missing") },
  ]);
});

describe("a gateway with a window", () => {
  // Now is Monday 1 June 2026, 12:00 UTC; 35 days ago, plus 30 days and one of grace, is the Thursday before.
  const waiting = [rotated(1, daysAgo(35))];

  test("due on a day on which its window is closed → not overdue before it opens", () => {
    expect(codes(waiting)).toEqual(["overdue"]);
    expect(codes(waiting, { window: { days: ["Tue"] } })).toEqual([]);
    expect(codes(waiting, { window: { days: ["Thu"] } })).toEqual(["overdue"]);
    expect(codes(waiting, { window: { days: ["Sat"] } })).toEqual(["overdue"]);
    expect(codes(waiting, { window: { days: ["Mon"] } })).toEqual([]);
  });

  test("rotated when its window opened → not late", () => {
    const versions = [rotated(1, daysAgo(40)), rotated(2, daysAgo(6))];
    expect(codes(versions)).toEqual(["late"]);
    expect(codes(versions, { window: { days: ["Tue"] } })).toEqual([]);
    expect(codes(versions, { window: { days: ["Sat"] } })).toEqual(["late"]);
  });
});

test.each([
  [
    "a key that expires after its next rotation is due",
    [{ ...rotated(1, daysAgo(1)), expiresOn: daysAgo(-9) }],
    { everyDays: 3 },
  ],
  ["an expiry in 15 days", [{ ...rotated(1, daysAgo(1)), expiresOn: daysAgo(-15) }], {}],
  ["450 versions", regular(450, 1).map((version) => ({ ...version, expiresOn: daysAgo(-90) })), {}],
])("%s → no findings", (_, versions, expected) => {
  expect(codes(versions, expected)).toEqual([]);
});

test("tags with control characters → escaped in the message", () => {
  const [finding] = found([rotated(1, daysAgo(1), { tags: { trigger: "\u001b[31mred\n\u202e" } })]);
  expect(finding?.message).toBe("Version 1: trigger “\\u{1b}[31mred\\u{a}\\u{202e}” is not valid.");
});
