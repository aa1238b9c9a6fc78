import { describe, expect, test } from "vitest";
import { redact } from "../../src/domain/redacted.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { journalName } from "../../src/journal/journal.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { isPut, refusal } from "../support/requests.ts";

/** After which a verification is due: time-out, grace, a call and a second, with some to spare. */
const quietMinutes = 32;

useLab();

describe("a key could not be stored → the run and ten ticks of resume regenerate none", () => {
  async function expectUntouched(of: Gateway, code: string) {
    const before = lab.regenerates();
    const failed = [...(await lab.rotate([of])).failed];
    for (let tick = 0; tick < 10; tick += 1) {
      lab.advance(61 * minuteMs);
      failed.push(...(await lab.resume()).result.failed);
    }
    expect(lab.regenerates()).toBe(before);
    expect(failed.length).toBeGreaterThan(0);
    for (const failure of failed) expect(failure).toMatchObject({ code, effect: "unchanged" });
  }

  test.each([
    ["is down", 503, () => true, "vault-server-error"],
    ["forbids every call", 403, () => true, "vault-forbidden"],
    ["forbids writes", 403, isPut, "vault-takes-no-writes"],
  ])("the vault %s", async (_what, status, matches, code) => {
    lab.inject("keyVault", refusal(status), matches, Infinity);
    await expectUntouched(gateway(lab.azure.contoso), code);
  });

  test.each([
    ["is soft-deleted", "deleted", "secret-soft-deleted"],
    ["belongs to a certificate", "managed", "owned-by-certificate"],
  ] as const)("the secret's name %s", async (_what, fact, code) => {
    const of = gateway(lab.azure.contoso);
    await lab.azure.secrets.write(of.secret, {
      key: redact("a key"),
      contentType: "text/plain",
      tags: {},
    });
    const secret = lab.azure.simulator.secrets("contoso-keys").get(of.secret.secretName);
    if (secret !== undefined) secret[fact] = true;
    await expectUntouched(of, code);
  });

  test("a journal cannot be read → it is not overwritten, and the other gateways are rotated", async () => {
    const of = gateway(lab.azure.contoso);
    await lab.blobs.write(journalName(of), '{"schema":2}', { kind: "absent" });
    const result = await lab.rotate([of, runtime(lab.azure.contoso)]);
    expect(result.rotated).toBe(1);
    expect(result.failed).toMatchObject([{ code: "journal-unreadable", effect: "unchanged", final: true }]);
    const blob = lab.blobs.snapshot().blobs.find(({ name }) => name === journalName(of));
    expect(blob?.text).toBe('{"schema":2}');
  });
});

describe("a problem of one run", () => {
  test.each(["", "null", "{}"])(
    "a foreign marker of %j → is removed, and the other runs continue",
    async (text) => {
      const of = gateway(lab.azure.contoso);
      await lab.rotate([of]);
      await lab.blobs.write("open/0-foreign", text, { kind: "absent" });
      lab.advance(quietMinutes * minuteMs);
      expect((await lab.resume()).problems).toEqual([]);
      expect(lab.openRuns()).toBe(0);
    },
  );

  test("the function does not understand a run's blob → reported and kept, and the other runs continue", async () => {
    await lab.rotate([gateway(lab.azure.contoso)]);
    await lab.blobs.write("open/0-foreign", '{"createdAt":1}', { kind: "absent" });
    await lab.blobs.write("runs/0-foreign.json", '{"schema":9}', { kind: "absent" });
    lab.advance(quietMinutes * minuteMs);
    const { problems } = await lab.resume();
    expect(problems).toEqual([expect.stringContaining("does not understand the blob runs/0-foreign.json")]);
    expect(problems[0]).not.toContain("make the function's storage account");
    expect(lab.openRuns()).toBe(1);
  });
});
