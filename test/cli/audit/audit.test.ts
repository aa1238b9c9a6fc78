import { describe, expect, test } from "vitest";
import { type AuditScope, audit } from "../../../cli/audit/audit.ts";
import { exitCodeOf } from "../../../cli/audit/report.ts";
import { renderSummary } from "../../../cli/audit/summary.ts";
import type { VaultHistory } from "../../../cli/azure/keyVaultLists.ts";
import type { Listing } from "../../../cli/azure/listing.ts";
import { preflightSecretName } from "../../../src/domain/secretStore.ts";
import { contoso, daysAgo, foreignVersion, now, regular, rotated, vaultHistoryOf } from "./samples.ts";

const fabrikam = "https://fabrikam-keys.vault.azure.net";

const vaultHistory = vaultHistoryOf({
  [contoso]: {
    clean: regular(3, 30),
    late: [rotated(1, daysAgo(60)), rotated(2, daysAgo(5))],
    "not-ours": [foreignVersion(daysAgo(3))],
    [preflightSecretName]: regular(3, 30),
  },
  [fabrikam]: { "not-ours": [foreignVersion(daysAgo(3))] },
});

const run = (scope: AuditScope, history = vaultHistory) =>
  audit({ everyDays: 30, ...scope }, { vaultHistory: history, now });

const names = ({ secrets }: Awaited<ReturnType<typeof audit>>) => secrets.map(({ name }) => name);

const gateway = (secretName: string, rotateEveryDays?: number, name = `gateway-${secretName}`) => ({
  name,
  secret: { vaultUrl: contoso, secretName },
  rotateEveryDays,
});

const failed: Listing<never> = {
  kind: "failed",
  problem: { code: "forbidden", message: "Key Vault answered 403.", transient: false },
};

describe("what the audit reads", () => {
  test("a vault → the secrets that this system wrote but the preflight's, most severe first", async () => {
    const report = await run({ vaults: [contoso] });
    expect(names(report)).toEqual(["late", "clean"]);
    expect(exitCodeOf(report)).toBe(1);
  });

  test("gateways.json → each secret that it names, even without a version of this system", async () => {
    const report = await run({ gateways: [gateway("clean"), gateway("NOT-ours"), gateway("gone")] });
    expect(names(report)).toEqual(["gateway-gone", "gateway-NOT-ours", "gateway-clean"]);
    expect(report.secrets.map(({ findings }) => findings.map(({ code }) => code))).toEqual([
      ["never-rotated"],
      ["never-rotated", "foreign-history"],
      [],
    ]);
  });

  test("a vault and gateways.json → each secret once, with the gateway's own period", async () => {
    const report = await run({ vaults: [contoso], gateways: [gateway("LATE", 90)] });
    expect(report.secrets.map(({ name, everyDays, findings }) => [name, everyDays, findings.length])).toEqual(
      [
        ["clean", 30, 0],
        ["gateway-LATE", 90, 0],
      ],
    );
    expect(exitCodeOf(report)).toBe(0);
  });

  test("--gateway → matches gateway and secret names without case", async () => {
    const gateways = [gateway("clean"), gateway("late")];
    expect(names(await run({ gateways, only: ["GATEWAY-late"] }))).toEqual(["gateway-late"]);
    expect(names(await run({ gateways, only: ["Late", "clean"] }))).toEqual([
      "gateway-late",
      "gateway-clean",
    ]);
  });

  test("a period → its versions, and the findings that overlap it", async () => {
    const until = daysAgo(10);
    const report = await run({ vaults: [contoso], period: { since: daysAgo(50), until } });
    expect(
      report.secrets.map(({ name, versions, findings }) => [name, versions.length, findings.length]),
    ).toEqual([
      ["late", 0, 1],
      ["clean", 2, 0],
    ]);
    const before = await run({ vaults: [contoso], period: { until: daysAgo(31) } });
    expect(exitCodeOf(before)).toBe(0);
  });

  test("a pause that began before --since and ended after it → still reported", async () => {
    const report = await run({ vaults: [contoso], only: ["late"], period: { since: daysAgo(20) } });
    expect(report.secrets[0]?.findings).toMatchObject([{ code: "late", from: daysAgo(30), to: daysAgo(5) }]);
  });

  test("a gateway that is overdue since before --since → still reported", async () => {
    const report = await run(
      { vaults: [contoso], period: { since: daysAgo(10) } },
      vaultHistoryOf({ [contoso]: { a: [rotated(1, daysAgo(60))] } }),
    );
    expect(report.secrets[0]?.findings).toMatchObject([{ code: "overdue", from: daysAgo(30) }]);
  });

  test("a secret whose versions are all disabled → audited like any other", async () => {
    const versions = regular(3, 30).map((version) => ({ ...version, enabled: false }));
    const report = await run({ vaults: [contoso] }, vaultHistoryOf({ [contoso]: { a: versions } }));
    expect(report.secrets).toMatchObject([{ name: "a", findings: [{ code: "disabled" }] }]);
  });

  test.each([
    ["gateways.json, the tag and --every", 90, 60, 90],
    ["the tag and --every", undefined, 60, 60],
    ["--every alone", undefined, undefined, 30],
  ])("a period from %s → the first one counts", async (_, configured, tagged, everyDays) => {
    const tags = tagged === undefined ? {} : { "rotate-every-days": String(tagged) };
    const report = await run(
      { vaults: [contoso], gateways: configured === undefined ? [] : [gateway("a", configured)] },
      vaultHistoryOf({
        [contoso]: { a: [rotated(1, daysAgo(9), { tags }), foreignVersion(daysAgo(3))] },
      }),
    );
    expect(report.secrets).toMatchObject([{ everyDays }]);
  });

  test("a past period → a gateway that was never rotated still has its finding", async () => {
    const report = await run({ gateways: [gateway("gone")], period: { until: daysAgo(31) } });
    expect(report.secrets[0]?.findings).toMatchObject([{ code: "never-rotated" }]);
    expect(exitCodeOf(report)).toBe(1);
  });

  test("onProgress → called after each secret", async () => {
    const calls: (readonly [number, number])[] = [];
    const onProgress = (done: number, total: number) => calls.push([done, total]);
    await audit({ vaults: [contoso] }, { vaultHistory, now, onProgress });
    expect(calls).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });
});

describe("what the audit could not check", () => {
  test("a vault that refuses its list → unknown with an action, exit code 2; others are reported", async () => {
    const history: VaultHistory = {
      ...vaultHistory,
      secretNames: (url) => (url === fabrikam ? Promise.resolve(failed) : vaultHistory.secretNames(url)),
    };
    const report = await run({ vaults: [contoso, fabrikam] }, history);
    expect(report.unknown).toEqual([
      {
        place: fabrikam,
        code: "forbidden",
        message: "Key Vault answered 403.",
        action: expect.stringContaining("Key Vault Reader"),
      },
    ]);
    expect(names(report)).toEqual(["late", "clean"]);
    expect(exitCodeOf(report)).toBe(2);
    expect(renderSummary(report)).toContain(
      `unknown  ${fabrikam}\n         Key Vault answered 403.\n         → Ask for`,
    );
  });

  test("a secret that cannot be read → unknown, and the others are reported", async () => {
    const history: VaultHistory = {
      ...vaultHistory,
      versions: (address) =>
        address.secretName === "late" ? Promise.resolve(failed) : vaultHistory.versions(address),
    };
    const report = await run({ vaults: [contoso] }, history);
    expect(report.unknown.map(({ place }) => place)).toEqual([`${contoso}/secrets/late`]);
    expect([names(report), exitCodeOf(report)]).toEqual([["clean"], 2]);
  });

  test("one cause fails the lists of many secrets → reported once for each vault", async () => {
    const denied: VaultHistory = {
      secretNames: vaultHistory.secretNames,
      versions: () => Promise.resolve(failed),
    };
    const gateways = [...["a", "b", "c", "d", "e", "f", "g"].map((name) => gateway(name))];
    const elsewhere = { name: "x", secret: { vaultUrl: fabrikam, secretName: "x" } };
    const report = await run({ gateways: [...gateways, elsewhere] }, denied);
    expect(report.unknown.map(({ place, message }) => [place, message])).toEqual([
      [contoso, "Key Vault answered 403. Not read: a, b, c, d, e and 2 more."],
      [`${fabrikam}/secrets/x`, "Key Vault answered 403."],
    ]);
  });

  test("a secret fails for another cause than the others of its vault → both are reported", async () => {
    const throttled: Listing<never> = {
      kind: "failed",
      problem: { code: "throttled", message: "Key Vault answered 429.", transient: true },
    };
    const history: VaultHistory = {
      ...vaultHistory,
      versions: ({ secretName }) => Promise.resolve(secretName === "late" ? throttled : failed),
    };
    const report = await run({ vaults: [contoso], only: ["late", "clean"] }, history);
    expect(report.unknown.map(({ code }) => code).sort()).toEqual(["forbidden", "throttled"]);
  });

  test("--gateway with a secret that cannot be read → not reported as a wrong name too", async () => {
    const history: VaultHistory = { ...vaultHistory, versions: () => Promise.resolve(failed) };
    const report = await run({ vaults: [contoso], only: ["late"] }, history);
    expect(report.unknown.map(({ code }) => code)).toEqual(["forbidden"]);
  });

  test("a vault that this system never wrote to → unknown, not free of findings", async () => {
    const report = await run({ vaults: [fabrikam, contoso] });
    expect(report.unknown).toMatchObject([{ place: fabrikam, code: "no-rotated-secret" }]);
  });

  test("--gateway with a wrong name → unknown, with that name", async () => {
    const report = await run({ vaults: [contoso], only: ["clean", "cleen\u001b"] });
    expect(report.unknown).toMatchObject([{ place: "--gateway cleen\\u{1b}", code: "no-such-gateway" }]);
    expect(exitCodeOf(report)).toBe(2);
  });
});

describe("the summary", () => {
  test("no findings → the summary has one line of figures", async () => {
    const report = await run({ vaults: [contoso], only: ["clean"] });
    expect(renderSummary(report)).toBe(
      "Key rotation audit of contoso-keys.vault.azure.net, 2026-06-01 12:00 UTC\n\n1 gateway, 3 versions: 0 problems, 0 warnings and 0 notes.\n",
    );
  });

  test("more than 20 findings → the summary has problems first, and how to see the rest", async () => {
    const late = [rotated(1, daysAgo(60)), rotated(2, daysAgo(5))];
    const both = [rotated(1, daysAgo(130)), rotated(2, daysAgo(60))];
    const secrets = Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`late-${i}`, late]));
    const report = await run(
      { vaults: [contoso] },
      vaultHistoryOf({ [contoso]: { ...secrets, "one-of-both": both, "two-of-both": both } }),
    );
    const summary = renderSummary(report);
    expect(summary.match(/^(?:problem|warning) .*|^ +(?:one|two)-.*/gm)).toEqual([
      "problem  Rotation is overdue (overdue)",
      "         one-of-both: Version 2 is 60 days old; the period is 30 days. 2026-05-02, until now, 30 days",
      "         two-of-both: Version 2 is 60 days old; the period is 30 days. 2026-05-02, until now, 30 days",
      "warning  Rotated too late (late)",
      "         one-of-both: Version 2 came 70 days after version 1; the period is 30 days. 2026-02-21, to 2026-04-02",
      "         two-of-both: Version 2 came 70 days after version 1; the period is 30 days. 2026-02-21, to 2026-04-02",
    ]);
    expect(summary.match(/^ +late-/gm)).toHaveLength(16);
    expect(summary.match(/→/g)).toHaveLength(2);
    expect(summary).toContain("… and 6 more");
  });
});
