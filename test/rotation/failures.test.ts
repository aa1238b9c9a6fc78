import { describe, expect, test } from "vitest";
import { type CallCode, type CallProblem, callCodes } from "../../src/domain/attempt.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { emptyJournal } from "../../src/journal/journal.ts";
import { afterRotation, failure, inDoubt, refusedByPolicy } from "../../src/rotation/failures.ts";
import { type FailureMeaning, failureTable } from "../../src/rotation/failureTable.ts";
import { keyAfter } from "../../src/rotation/keyState.ts";
import type { FailedRotation } from "../../src/rotation/outcome.ts";
import { gateway, runtime } from "../support/gateways.ts";

const problem = (code: CallCode, transient = false): CallProblem => ({
  code,
  message: "What happened.",
  transient,
});
const notRegenerated = (
  of: Gateway,
  { kind, problem: why }: { readonly kind: "unchanged" | "unknown"; readonly problem: CallProblem },
) => failure(kind === "unchanged" ? "regenerateRefused" : "regenerateUnknown", of, why);
const unknown = { kind: "unknown", problem: problem("timed-out", true) } as const;
const unchanged = (code: CallCode, transient = false) =>
  ({ kind: "unchanged", problem: problem(code, transient) }) as const;

const consumersUntouched = "The rotation did not touch the key that consumers read from the vault.";

describe("what an operator reads first", () => {
  test.each<[string, FailedRotation, string, unknown]>([
    [
      "one key, regenerate of unknown effect → assume a dead key, rotate, inform the host",
      notRegenerated(gateway(), unknown),
      "regenerate-timed-out, unknown, final: false",
      "Assume that the key in the vault is dead. Request a rotation now, then give the new key to the gateway's host.",
    ],
    [
      "two keys, regenerate with unknown effect → consumers are not affected",
      notRegenerated(runtime(), unknown),
      "regenerate-timed-out, unknown, final: false",
      `${consumersUntouched} A later tick regenerates the other key again.`,
    ],
    [
      "one key, not stored for lack of permission → grant it, rotate, inform the host",
      failure("keyUnstored", gateway(), problem("forbidden")),
      "store-forbidden, applied, final: false",
      expect.stringMatching(
        /^Assume that the key in the vault is dead\. Give this function's identity .*setSecret.* Then request a rotation.*host\.$/,
      ),
    ],
    [
      "two keys, a new one not stored → consumers are not affected, repair the vault's writes",
      failure("keyUnstored", runtime(), problem("server-error", true)),
      "store-server-error, applied, final: false",
      `${consumersUntouched} Make the vault accept writes again. A later tick makes another key and stores it.`,
    ],
    [
      "storage did not confirm the claim, so a key is not stored → restore storage",
      failure("keyUnstored", gateway(), problem("claim-unknown", true)),
      "store-claim-unknown, applied, final: false",
      expect.stringContaining("AzureWebJobsStorage"),
    ],
    [
      "regenerate refused, transient → the next tick tries again",
      notRegenerated(gateway(), unchanged("throttled", true)),
      "regenerate-throttled, unchanged, final: false",
      "The next tick tries again. If the failure persists, fix the cause that the message names.",
    ],
    [
      "regenerate refused, permanent → the run ends, and the operator fixes the cause",
      notRegenerated(gateway(), unchanged("bad-request")),
      "regenerate-bad-request, unchanged, final: true",
      "Fix the cause that the message names.",
    ],
    [
      "no permission to regenerate → the permission is named",
      notRegenerated(gateway(), unchanged("forbidden")),
      "regenerate-forbidden, unchanged, final: true",
      expect.stringMatching(
        /a role that permits Microsoft\.DataFactory\/datafactories\/gateways\/regeneratekey\/action on the gateway/,
      ),
    ],
    [
      "no such gateway → compare resourceId",
      notRegenerated(gateway(), unchanged("not-found")),
      "regenerate-not-found, unchanged, final: true",
      expect.stringMatching(/^Compare resourceId in gateways\.json with the portal/),
    ],
    [
      "no token → not final, and the identity's settings are named",
      notRegenerated(gateway(), unchanged("no-token", true)),
      "regenerate-no-token, unchanged, final: false",
      expect.stringMatching(/managed identity.*AZURE_CLIENT_ID/),
    ],
    [
      "the vault cannot be read → the role is named",
      failure("vaultUnreadable", gateway(), problem("forbidden")),
      "vault-forbidden, unchanged, final: true",
      expect.stringMatching(/^Give this function's identity a role on the vault/),
    ],
    [
      "the vault refuses the preflight → the permission is named, the next tick tries again",
      failure("vaultTakesNoWrites", gateway(), problem("forbidden")),
      "vault-takes-no-writes, unchanged, final: true",
      expect.stringMatching(/setSecret.* The next tick tries again\.$/),
    ],
    [
      "the two keys cannot be listed without permission → the kind's actions are named",
      failure("keysUnlistable", runtime(), problem("forbidden", false)),
      "list-keys-forbidden, unchanged, final: true",
      expect.stringContaining("integrationruntimes/listauthkeys/action on the gateway"),
    ],
    [
      "the two keys cannot be listed → fix the cause",
      failure("keysUnlistable", runtime(), problem("server-error", true)),
      "list-keys-server-error, unchanged, final: false",
      "Fix the cause that the message names. The next tick tries again.",
    ],
    [
      "storage refuses access → not final, since resumeRotations continues",
      failure("storageUnusable", gateway(), problem("forbidden")),
      "storage-forbidden, unchanged, final: false",
      expect.stringContaining("Storage Blob Data Owner"),
    ],
  ])("%s", (_, { code, effect, final, message, nextAction }, facts, expected) => {
    expect(`${code}, ${effect}, final: ${final}`).toBe(facts);
    expect(nextAction).toEqual(expected);
    expect(message).toContain("What happened.");
  });

  test.each<[CallCode, string]>([
    ["forbidden", "Key Vault Secrets Officer"],
    ["forbidden-by-policy", "the policy that the message names"],
    ["forbidden-by-firewall", "the vault's firewall"],
    ["forbidden-by-connection", "private endpoints only"],
    ["deleted-but-recoverable", "Recover the secret"],
    ["being-deleted", "When that has ended, recover the secret"],
    ["being-recovered", "about a minute"],
    ["unauthenticated", "tenant"],
    ["certificate-untrusted", "NODE_EXTRA_CA_CERTS"],
  ])("the vault refuses as %s → the next action names its own fix: %s", (cause, words) => {
    expect(failure("vaultUnreadable", gateway(), problem(cause)).nextAction).toContain(words);
    expect(failure("keyUnstored", gateway(), problem(cause)).nextAction).toMatch(
      /^Assume that the key in the vault is dead\. .+ Then request a rotation/,
    );
  });

  test.each<[CallCode, string]>([
    ["scope-locked", "Remove the read-only lock"],
    ["provider-unregistered", "Register the resource provider"],
    ["subscription-disabled", "Enable the subscription"],
    ["disallowed-by-policy", "the Azure Policy that the message names"],
    ["certificate-untrusted", "NODE_EXTRA_CA_CERTS"],
  ])("Resource Manager refuses as %s → the next action names its own fix: %s", (cause, words) => {
    for (const failed of [
      notRegenerated(runtime(), unchanged(cause)),
      failure("keysUnlistable", runtime(), problem(cause)),
      failure("gatewayUnreadable", runtime(), problem(cause)),
    ])
      expect(failed.nextAction).toContain(words);
  });

  test("the preflight's secret is soft-deleted → the next action recovers the preflight's secret", () => {
    const { nextAction } = failure("vaultTakesNoWrites", gateway(), problem("deleted-but-recoverable"));
    expect(nextAction).toContain("--name gateway-key-rotation-preflight");
    expect(nextAction).not.toContain("another secretName");
  });

  test.each<[string, Gateway, string]>([
    ["one key", gateway(), "Assume that the key in the vault is dead until a rotation succeeds."],
    ["two keys", runtime(), consumersUntouched],
  ])("%s, after an attempt of unknown effect → a failure is unknown and not final", (_, of, first) => {
    const failed = failure("keysUnlistable", of, problem("bad-request"));
    const doubtful = inDoubt(failed);
    expect(doubtful).toMatchObject({ code: failed.code, effect: "unknown", final: false });
    expect(doubtful.message).toBe(
      `${failed.message} An earlier attempt of this rotation may have regenerated the key.`,
    );
    expect(doubtful.nextAction).toBe(
      `${first} resumeRotations continues automatically. ${failed.nextAction}`,
    );
  });
});

/** Every failure that the engine or a dry run can report of this gateway, of each cause. */
function everyFailure(of: Gateway): readonly FailedRotation[] {
  const withoutCall = [
    failure("journalUnreadable", of, "gateways/0.json: it is not JSON."),
    refusedByPolicy(of, { kind: "refuse", reason: "other-deployment", message: "Why." }),
    refusedByPolicy(of, { kind: "refuse", reason: "owned-by-certificate", message: "Why." }),
    failure("secretSoftDeleted", of),
    failure("notChecked", of),
    failure("publishedKeyDead", of),
    failure("keyDead", of),
    failure("keyInDoubt", of),
    failure("beingRotated", of),
    failure("runtimeLinked", of),
    failure("runtimeManaged", of),
    failure("permissionMissing", of, "a/action."),
    failure("unexpected", of, "TypeError: defect at rotate (rotate.ts:1:1)"),
  ];
  const ofCalls = callCodes.flatMap((cause) =>
    [true, false].flatMap((transient) => {
      const why = problem(cause, transient);
      return [
        failure("vaultUnreadable", of, why),
        failure("storageUnusable", of, why),
        failure("keysUnlistable", of, why),
        failure("vaultTakesNoWrites", of, why),
        failure("gatewayUnreadable", of, why),
        failure("permissionsUnreadable", of, why),
        notRegenerated(of, { kind: "unchanged", problem: why }),
        notRegenerated(of, { kind: "unknown", problem: why }),
        failure("keyUnstored", of, why),
      ];
    }),
  );
  return [...withoutCall, ...ofCalls];
}

describe("every failure of every row of the table", () => {
  const all = [...everyFailure(gateway()), ...everyFailure(runtime())];

  test("the failures that can occur → exactly the codes and effects of the failure table", () => {
    const effectOf = ({ code, effect }: FailureMeaning) => `${code} ${effect}`;
    const used = all.map(({ code, effect }) => `${code} ${effect}`);
    const rows: readonly FailureMeaning[] = Object.values(failureTable);
    const patterns = rows.map((row) => new RegExp(`^${effectOf(row).replace("{cause}", "[a-z-]+")}$`));
    expect(patterns.filter((pattern) => !used.some((code) => pattern.test(code)))).toEqual([]);
    expect(used.filter((code) => !patterns.some((pattern) => pattern.test(code)))).toEqual([]);
  });

  test("each failure that may have touched the only key → no answer says that the key works", () => {
    const commit = { version: "v", slot: "key", clientRequestId: "c", sequence: 1, at: 1 } as const;
    const read = { journal: { ...emptyJournal(gateway()), commit }, latest: undefined };
    const touched = everyFailure(gateway()).filter(
      ({ effect, isKeyDead }) => effect !== "unchanged" || isKeyDead === true,
    );
    expect(touched.length).toBeGreaterThan(5);
    for (const failure of touched) {
      const { works, isAtRisk } = keyAfter(failure, read);
      expect({ code: failure.code, works, isAtRisk }).toEqual({
        code: failure.code,
        works: failure.effect === "unknown" ? "unknown" : false,
        isAtRisk: true,
      });
    }
  });

  test("each failure's texts → sentences in which every placeholder is filled", () => {
    for (const { message, nextAction } of all) {
      expect(`${message} ${nextAction}`).not.toMatch(/[{}]|undefined/);
      expect(nextAction).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("each failure's texts → no promise that the published key works", () => {
    const promises = /\bworks?\b|\bsafe\b|\bbroken\b|\bno key was\b|\bnothing was\b|\bleft alone\b/i;
    for (const { message, nextAction } of all) expect(`${message} ${nextAction}`).not.toMatch(promises);
  });
});

describe("what a failure means for the run", () => {
  const twoKeys = runtime();

  test.each<[string, FailedRotation, Partial<FailedRotation>]>([
    [
      "the secret is soft-deleted → consumers cannot read a key, final",
      failure("secretSoftDeleted", twoKeys),
      { isKeyDead: true, final: true },
    ],
    ["the published key is dead", failure("publishedKeyDead", twoKeys), { isKeyDead: true }],
    [
      "a 403 → refused by role: a new assignment may become effective",
      notRegenerated(twoKeys, unchanged("forbidden")),
      { refusedByRole: true, final: true },
    ],
    [
      "a 404 → not refused by role",
      notRegenerated(twoKeys, unchanged("not-found")),
      { refusedByRole: false, final: true },
    ],
    ["a defect → not final", failure("unexpected", twoKeys, "Error"), { final: false }],
    [
      "a linked runtime → its own code",
      failure("runtimeLinked", twoKeys),
      { code: failureTable.runtimeLinked.code },
    ],
    [
      "a managed runtime → its own code",
      failure("runtimeManaged", twoKeys),
      { code: failureTable.runtimeManaged.code },
    ],
    [
      "the run has stored a key before → the message says so, the rest stays",
      afterRotation(notRegenerated(twoKeys, unchanged("forbidden")), ["authKey1"]),
      {
        code: "regenerate-forbidden",
        message: expect.stringMatching(/What happened\. Before that, this run regenerated authKey1/),
      },
    ],
  ])("%s", (_, failed, expected) => {
    expect(failed).toMatchObject(expected);
  });
});
