import type { CallProblem, Effect } from "../domain/attempt.ts";
import { describeWithoutMessage } from "../domain/describeError.ts";
import { preflightSecretName } from "../domain/secretVersions.ts";
import { type Gateway, hasTwoKeys, requiredActions } from "../domain/target.ts";
import type { Attempt } from "./newVersion.ts";
import type { NextStep } from "./nextStep.ts";
import type { FailedRotation } from "./outcome.ts";

/** Each way in which a rotation fails, and what it tells the person who has to act on it. */

const secretOf = ({ secret }: Gateway): string => `${secret.secretName} in ${secret.vaultUrl}`;

const tickTriesAgain = "Nothing is broken: the key in the vault still works. The next tick tries again.";
const mendFirst = "Mend what the message names; the key in the vault still works meanwhile.";

const checkIdentity =
  "Check that the function has a managed identity, and that AZURE_CLIENT_ID names it where it is user-assigned. The key in the vault still works meanwhile.";

const checkResourceId =
  "Check resourceId in gateways.json against the portal: subscription, resource group, factory or gateway does not exist.";

export function vaultUnreadable(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `vault-${problem.code}`, {
    final: !problem.transient,
    message: `The secret ${secretOf(gateway)} could not be read, so its key was left alone. ${problem.message}`,
    nextAction: readActions[problem.code] ?? mendFirst,
  });
}

const readActions: Readonly<Record<string, string>> = {
  "no-token": checkIdentity,
  forbidden:
    "Give this function's identity a role on the vault that may get and set secrets, for example Key Vault Secrets Officer, and look at the vault's firewall.",
};

export function journalUnreadable(
  gateway: Gateway,
  { blob, why }: { readonly blob: string; readonly why: string },
): FailedRotation {
  return failed(gateway, "unchanged", "journal-unreadable", {
    final: true,
    message: `The journal ${blob} cannot be read (${why}), so nothing was touched, the journal least of all.`,
    nextAction:
      "If an older version of this system wrote it, deploy that again. Else look into the blob, keep a copy, and delete it: it is then rebuilt from the vault's tags. Other gateways go on meanwhile.",
  });
}

export function storageUnusable(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `storage-${problem.code}`, {
    message: `The journal could not be read or written, so no key was regenerated without one. ${problem.message}`,
    nextAction:
      problem.code === "forbidden"
        ? "Give this function's identity Storage Blob Data Owner on the function's storage account, and look at its firewall."
        : "Nothing is broken by this. Make the function's storage account (AzureWebJobsStorage) answer again; the next tick goes on.",
  });
}

export function refusedByPolicy(gateway: Gateway, step: NextStep): FailedRotation {
  return failed(gateway, "unchanged", step.reason, {
    final: true,
    message: `The key was left alone. ${step.message}`,
    nextAction: `${refusalMends[step.reason] ?? "Mend what the message names."} The secret is ${secretOf(gateway)}.`,
  });
}

const refusalMends: Readonly<Record<string, string>> = {
  "other-deployment":
    "Two deployments on one secret would rotate each other's keys for ever: remove the gateway from one of them, or give it another secretName.",
  "owned-by-certificate": "Give the gateway another secretName.",
};

export function secretSoftDeleted(gateway: Gateway): FailedRotation {
  return failed(gateway, "unchanged", "secret-soft-deleted", {
    final: true,
    message: `The key was left alone: ${secretOf(gateway)} is deleted and not yet purged, and takes no version until it is recovered.`,
    nextAction: `Recover it (az keyvault secret recover --name ${gateway.secret.secretName} --vault-name …), or give the gateway another secretName.`,
  });
}

export function keysUnlistable(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `list-keys-${problem.code}`, {
    final: !problem.transient,
    message: `Which of the two keys is published in ${secretOf(gateway)} could not be told, so none was regenerated. ${problem.message}`,
    nextAction:
      problem.code === "forbidden"
        ? `Give this function's identity ${requiredActions(gateway.target).join(" and ")} on the gateway.`
        : "Nothing is broken: both keys still work. Mend what the message names; the next tick tries again.",
  });
}

export function vaultTakesNoWrites(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", "vault-takes-no-writes", {
    final: !problem.transient,
    message: `${gateway.secret.vaultUrl} did not take a new version of ${preflightSecretName}, so the key was left alone. ${problem.message}`,
    nextAction: `Nothing is broken here: the key in the vault still works. ${mendWrites(problem)} The next tick tries again.`,
  });
}

const mendWrites = ({ code }: CallProblem): string =>
  code === "forbidden"
    ? "Give this function's identity Microsoft.KeyVault/vaults/secrets/setSecret/action on the vault, and look at its firewall."
    : "Make the vault take writes again.";

/** Of a dry run alone: a rotation leaves to resume what it has no time for. */
export function notLookedAt(gateway: Gateway): FailedRotation {
  return failed(gateway, "unchanged", "not-looked-at", {
    message: "There was no time left to look at this gateway before an answer was due.",
    nextAction: "Ask for it alone, or for fewer gateways at once.",
  });
}

export function targetUnreadable(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `target-${problem.code}`, {
    final: !problem.transient,
    message: `The gateway itself could not be read. ${problem.message}`,
    nextAction: readTargetActions[problem.code] ?? mendFirst,
  });
}

const readTargetActions: Readonly<Record<string, string>> = {
  "no-token": checkIdentity,
  "not-found": checkResourceId,
  forbidden: "Give this function's identity a role that may read the gateway (docs/security.md).",
};

export function targetHasNoKeys(gateway: Gateway, kind: "linked" | "managed"): FailedRotation {
  return failed(gateway, "unchanged", `target-${kind}`, {
    final: true,
    message:
      kind === "linked"
        ? "This integration runtime is linked: it borrows another factory's, and has no keys of its own."
        : "This integration runtime is not self-hosted: Azure runs it, and it has no keys to register with.",
    nextAction:
      kind === "linked"
        ? "Put the runtime that it is linked to into gateways.json in its place."
        : "Remove it from gateways.json.",
  });
}

export function permissionsUnreadable(gateway: Gateway, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `permissions-${problem.code}`, {
    final: !problem.transient,
    message: `What this function's identity may do with the gateway could not be read. ${problem.message}`,
    nextAction:
      "Give it Microsoft.Authorization/permissions/read on the gateway (docs/security.md), or take it on trust: rotations do not need it.",
  });
}

export function permissionMissing(gateway: Gateway, actions: readonly string[]): FailedRotation {
  return failed(gateway, "unchanged", "permission-missing", {
    final: true,
    message: `This function's identity may not do ${actions.join(" and ")} on the gateway.`,
    nextAction:
      "Assign it the role that docs/security.md describes, on the gateway, its factory or its resource group.",
  });
}

export function notRegenerated(
  gateway: Gateway,
  attempt: Attempt,
  { kind, problem }: { readonly kind: "unchanged" | "unknown"; readonly problem: CallProblem },
): FailedRotation {
  return kind === "unchanged"
    ? regenerateRefused(gateway, attempt, problem)
    : regenerateUnknown(gateway, attempt, problem);
}

function regenerateRefused(gateway: Gateway, attempt: Attempt, problem: CallProblem): FailedRotation {
  return failed(gateway, "unchanged", `regenerate-${problem.code}`, {
    ...attempt,
    final: !problem.transient,
    message: `The key was not regenerated. ${problem.message}`,
    nextAction: refusalActions[problem.code] ?? (problem.transient ? tickTriesAgain : mendFirst),
  });
}

const refusalActions: Readonly<Record<string, string>> = {
  "no-token": checkIdentity,
  "not-found": checkResourceId,
  forbidden:
    "Give this function's identity the permission to regenerate this gateway's key (README, Permissions). The key in the vault still works meanwhile.",
  unauthenticated:
    "Check the function's identity and RESOURCE_MANAGER_URL: the token was not accepted. The key in the vault still works meanwhile.",
};

function regenerateUnknown(gateway: Gateway, attempt: Attempt, problem: CallProblem): FailedRotation {
  return failed(gateway, "unknown", `regenerate-${problem.code}`, {
    ...attempt,
    message: `The key may have been regenerated, and the new one is not in our hands. ${problem.message}`,
    nextAction: !hasTwoKeys(gateway.target)
      ? "Take the key in the vault for dead: rotate again now (trigger the function by hand), then give the gateway's host the new key."
      : "The published key is the other one, which was not touched: its consumers are safe. The next tick regenerates this one again.",
  });
}

export function keyUnstored(gateway: Gateway, attempt: Attempt, problem: CallProblem): FailedRotation {
  return failed(gateway, "applied", `store-${problem.code}`, {
    ...attempt,
    message: `A new key was made, but could not be stored in ${secretOf(gateway)} before the function's time-out. ${problem.message}`,
    nextAction: !hasTwoKeys(gateway.target)
      ? `The key in the vault is dead. ${mendWrites(problem)} Then rotate once more: that makes another key and stores it.`
      : `The published key is the other one, which was not touched: its consumers are safe. ${mendWrites(problem)} The next tick regenerates this one again.`,
  });
}

/** Nothing was done now, but an attempt was under way before of which nobody knows what it did. */
export function inDoubt(failure: FailedRotation): FailedRotation {
  return {
    ...failure,
    effect: "unknown",
    final: false,
    message: `${failure.message} An earlier attempt of this rotation may have regenerated the key.`,
    nextAction: !hasTwoKeys(failure.gateway.target)
      ? `Take the key in the vault for dead until this is done; resumeRotations goes on by itself. ${failure.nextAction}`
      : `The published key is the other one, which was not touched; resumeRotations goes on by itself. ${failure.nextAction}`,
  };
}

/** A defect of ours: what stage it broke at is not known, so nothing is promised about the key. */
export function unexpected(gateway: Gateway, error: unknown): FailedRotation {
  return failed(gateway, "unknown", "unexpected-error", {
    message: `The rotation broke at a place where it never should: ${describeWithoutMessage(error)}`,
    nextAction:
      "Look for this gateway's GatewayKeyRegenerating in the log: if there is one, rotate again now. Then report the defect.",
  });
}

function failed(
  gateway: Gateway,
  effect: Effect,
  code: string,
  facts: Pick<FailedRotation, "message" | "nextAction"> & Partial<Attempt> & { readonly final?: boolean },
): FailedRotation {
  return { kind: "failed", gateway, effect, code, final: false, ...facts };
}
