import type { CallCode, Effect } from "../domain/attempt.ts";
import { preflightSecretName } from "../domain/secretStore.ts";

/**
 * What a failure code means, in words for an operator. In all texts `{secret}`, `{secretName}`, `{vault}`, `{parent}`
 * (the title of the resource that the gateway belongs to) and `{permissions}` stand for the gateway's own. Each text must
 * hold wherever its row is used: it states the effect of this failure on the key, and nothing about earlier attempts.
 */
export interface FailureMeaning {
  /** `{cause}` stands for the code of the call's problem; docs/runbook.md calls the word before it the stage. */
  readonly code: string;
  readonly effect: Effect;
  /** Whether the run ends for this gateway, since time alone fixes nothing. */
  readonly final: boolean | "unless the cause is transient";
  /** The service does not have the published key, or consumers cannot read it. */
  readonly isKeyDead?: true;
  /** What happened. The service's answer, or another detail, follows it. */
  readonly message: string;
  /** What the operator does. */
  readonly nextAction: TextByKind;
  /** What the operator does if the cause may pass by itself; undefined: `nextAction`. */
  readonly ifTransient?: TextByKind;
  /** What the operator does about these causes, in place of both. */
  readonly byCause?: Readonly<Partial<Record<CallCode, TextByKind>>>;
}

/** One text for all gateways, or one each for gateways with one key and with two. */
export type TextByKind = string | { readonly oneKey: string; readonly twoKeys: string };

const fixCause = "Fix the cause that the message names.";
const nextTick = "The next tick tries again.";
const continuesByItself =
  "GET /api/gateways shows why. resumeRotations continues the rotation automatically; to begin at once, request one.";
const checkIdentity =
  "Check that the function app has a managed identity. If the identity is user-assigned, check that AZURE_CLIENT_ID names it.";
const checkResourceId =
  "Compare resourceId in gateways.json with the portal: the subscription, resource group, {parent} or gateway does not exist.";
const restoreStorage = "Restore access to the function's storage account (AzureWebJobsStorage).";
const restoreWrites = "Make the vault accept writes again.";
const permitWrites =
  "Give this function's identity Microsoft.KeyVault/vaults/secrets/setSecret/action on the vault, and check the vault's firewall.";
const recoverPreflight = `Recover ${preflightSecretName} (az keyvault secret recover --name ${preflightSecretName} --vault-name …).`;
const permitActions =
  "Give this function's identity a role that permits {permissions} on the gateway (docs/security.md).";

/**
 * A two-key gateway regenerates the key that is not published, so this holds for each of its rotations. It does not
 * promise that the published key works: a rotation can have begun because that key is dead.
 */
const consumersUntouched = "The rotation did not touch the key that consumers read from the vault.";

/** After a key was made and not stored: first what the vault or storage needs, then what ends the exposure. */
const thenRotate = (fix: string): TextByKind => ({
  oneKey: `Assume that the key in the vault is dead. ${fix} Then request a rotation: it makes another key and stores it. Give that key to the gateway's host.`,
  twoKeys: `${consumersUntouched} ${fix} A later tick makes another key and stores it.`,
});

/** What the operator does about a cause that is the same at every stage. */
const fixes = {
  unauthenticated:
    "Check that the function's identity belongs to the tenant of the service that the message names: the service did not accept its token.",
  "certificate-untrusted":
    "If your own proxy or cloud presents this certificate, let the function trust its authority: NODE_EXTRA_CA_CERTS names a file that holds it. Otherwise check the address.",
  "forbidden-by-policy":
    "Exempt the vault from the policy that the message names (Azure Policy, or a condition of the vault's access policy), or change that policy.",
  "forbidden-by-firewall":
    "Let this function through the vault's firewall: permit its subnet or its outgoing addresses, or give it a private endpoint.",
  "forbidden-by-connection":
    "The vault accepts private endpoints only: connect the function's network to one, and make the vault's name resolve to it there.",
  "disallowed-by-policy":
    "Exempt the resource from the Azure Policy that the message names, or change that policy.",
  "deleted-but-recoverable":
    "Recover the secret (az keyvault secret recover --name {secretName} --vault-name …), or give the gateway another secretName.",
  "being-deleted":
    "The vault is deleting the secret. When that has ended, recover the secret (az keyvault secret recover --name {secretName} --vault-name …).",
  "being-recovered": "The vault is recovering the secret, which takes about a minute.",
  "scope-locked":
    "Remove the read-only lock: it is on the gateway, its {parent}, the resource group or the subscription.",
  "provider-unregistered":
    "Register the resource provider that the message names in the subscription (az provider register --namespace …).",
  "subscription-disabled": "Enable the subscription: Azure has disabled it, so it can only be read.",
};

const fixesWith = (wrap: (fix: string) => TextByKind): FailureMeaning["byCause"] =>
  Object.fromEntries(Object.entries(fixes).map(([cause, fix]) => [cause, wrap(fix)]));

/** A dry run touches no key, and nothing tries it again. */
const ofDryRun = { effect: "unchanged", final: true } as const;

/** Every failure code, with what it means. docs/runbook.md has a section for each; its test compares the two. */
export const failureTable = {
  vaultUnreadable: {
    code: "vault-{cause}",
    effect: "unchanged",
    final: "unless the cause is transient",
    message: "The function could not read the secret {secret}, so it regenerates no key.",
    nextAction: fixCause,
    byCause: {
      ...fixes,
      "no-token": checkIdentity,
      forbidden:
        "Give this function's identity a role on the vault that may get and set secrets, for example Key Vault Secrets Officer, and check the vault's firewall.",
    },
  },
  storageUnusable: {
    code: "storage-{cause}",
    effect: "unchanged",
    final: false,
    message:
      "The function could not read or write its storage, so this step regenerated no key. The gateway's journal shows what earlier steps did.",
    nextAction: `${restoreStorage} The next tick continues.`,
    byCause: {
      ...fixes,
      forbidden:
        "Give this function's identity Storage Blob Data Owner on the function's storage account (AzureWebJobsStorage), and check the account's firewall.",
    },
  },
  journalUnreadable: {
    code: "journal-unreadable",
    effect: "unchanged",
    final: true,
    message:
      "The function does not understand the gateway's journal, so this step neither changed it nor regenerated a key. That journal shows what earlier steps did.",
    nextAction:
      "If another version of this system wrote the journal, deploy that version again. Otherwise save a copy of the blob and delete it: the next tick rebuilds the journal from the tags of the latest version. Other gateways are not affected.",
  },
  keysUnlistable: {
    code: "list-keys-{cause}",
    effect: "unchanged",
    final: "unless the cause is transient",
    message:
      "The function could not list the gateway's two keys, so it could not compare them with the key in {secret}.",
    nextAction: `${fixCause} ${nextTick}`,
    byCause: { ...fixesWith((fix) => `${fix} ${nextTick}`), forbidden: permitActions },
  },
  otherDeployment: {
    code: "other-deployment",
    effect: "unchanged",
    final: true,
    message: "The function refuses to rotate this gateway.",
    nextAction:
      "Two deployments on one secret would replace each other's keys endlessly: remove the gateway from one of them, or give it another secretName. The secret is {secret}.",
  },
  ownedByCertificate: {
    code: "owned-by-certificate",
    effect: "unchanged",
    final: true,
    message: "The function refuses to rotate this gateway.",
    nextAction: "Give the gateway another secretName. The secret is {secret}.",
  },
  secretSoftDeleted: {
    code: "secret-soft-deleted",
    effect: "unchanged",
    final: true,
    isKeyDead: true,
    message:
      "The secret {secret} is deleted and not yet purged. The vault accepts no version of it until it is recovered, so the function regenerates no key.",
    nextAction: fixes["deleted-but-recoverable"],
  },
  vaultTakesNoWrites: {
    code: "vault-takes-no-writes",
    effect: "unchanged",
    final: "unless the cause is transient",
    message: `The vault {vault} did not accept a new version of ${preflightSecretName}, so the function regenerates no key.`,
    nextAction: `${restoreWrites} ${nextTick}`,
    byCause: {
      ...fixesWith((fix) => `${fix} ${nextTick}`),
      forbidden: `${permitWrites} ${nextTick}`,
      "deleted-but-recoverable": `${recoverPreflight} ${nextTick}`,
      "being-deleted": `The vault is deleting this secret. ${recoverPreflight} ${nextTick}`,
    },
  },
  regenerateRefused: {
    code: "regenerate-{cause}",
    effect: "unchanged",
    final: "unless the cause is transient",
    message: "The key was not regenerated.",
    nextAction: fixCause,
    ifTransient: `${nextTick} If the failure persists, fix the cause that the message names.`,
    byCause: {
      ...fixes,
      "no-token": checkIdentity,
      "not-found": checkResourceId,
      forbidden: permitActions,
      unauthenticated:
        "Check the function's identity and RESOURCE_MANAGER_URL: Resource Manager did not accept the token.",
    },
  },
  regenerateUnknown: {
    code: "regenerate-{cause}",
    effect: "unknown",
    final: false,
    message: "The key may have been regenerated, and the function does not have the new key.",
    nextAction: {
      oneKey:
        "Assume that the key in the vault is dead. Request a rotation now, then give the new key to the gateway's host.",
      twoKeys: `${consumersUntouched} A later tick regenerates the other key again.`,
    },
  },
  keyUnstored: {
    code: "store-{cause}",
    effect: "applied",
    final: false,
    message:
      "A new key was made, but before the function's time-out the vault did not confirm that it is stored in {secret}.",
    nextAction: thenRotate(restoreWrites),
    byCause: {
      ...fixesWith(thenRotate),
      forbidden: thenRotate(permitWrites),
      "claim-unknown": thenRotate(restoreStorage),
    },
  },
  unexpected: {
    code: "unexpected-error",
    effect: "unknown",
    final: false,
    message: "A defect of this system stopped the rotation:",
    nextAction:
      "Search the log for this gateway's GatewayKeyRegenerating. If there is one, request a rotation now. Then report the defect.",
  },
  publishedKeyDead: {
    code: "published-key-dead",
    effect: "unchanged",
    final: true,
    isKeyDead: true,
    message:
      "The secret {secret} holds neither of the gateway's two keys, so consumers of the secret have a dead key.",
    nextAction:
      "Request a rotation of this gateway, unless an open run continues the gateway. A rotation makes a key and stores it.",
  },
  // The rows from here on occur in dry runs only.
  gatewayUnreadable: {
    code: "gateway-{cause}",
    ...ofDryRun,
    message: "The function could not read the gateway itself.",
    nextAction: fixCause,
    byCause: {
      ...fixes,
      "no-token": checkIdentity,
      "not-found": checkResourceId,
      forbidden: "Give this function's identity a role that may read the gateway (docs/security.md).",
    },
  },
  permissionsUnreadable: {
    code: "permissions-{cause}",
    ...ofDryRun,
    message: "The function could not read its identity's permissions on the gateway.",
    nextAction:
      "Give this function's identity Microsoft.Authorization/permissions/read on the gateway (docs/security.md), or ignore this: a rotation does not need it.",
  },
  permissionMissing: {
    code: "permission-missing",
    ...ofDryRun,
    message: "This function's identity lacks a permission on the gateway:",
    nextAction:
      "Give this function's identity the role that docs/security.md describes, on the gateway, its {parent} or its resource group.",
  },
  runtimeLinked: {
    code: "runtime-linked",
    ...ofDryRun,
    message:
      "This integration runtime is linked: it uses the runtime of another {parent}, and has no keys of its own.",
    nextAction: "In gateways.json, replace this runtime by the one that it is linked to.",
  },
  runtimeManaged: {
    code: "runtime-managed",
    ...ofDryRun,
    message: "This integration runtime is not self-hosted: Azure runs it, and it has no keys.",
    nextAction: "Remove this runtime from gateways.json.",
  },
  keyDead: {
    code: "key-dead",
    ...ofDryRun,
    message:
      "Consumers cannot use {secret}: the service has replaced its key, or its latest version is disabled or gone.",
    nextAction: continuesByItself,
  },
  keyInDoubt: {
    code: "key-in-doubt",
    ...ofDryRun,
    message:
      "The key in {secret} may be dead: an attempt to regenerate it has had no clear answer, or the latest version was written outside this system.",
    nextAction: continuesByItself,
  },
  beingRotated: {
    code: "being-rotated",
    ...ofDryRun,
    message: "A rotation of this gateway is open.",
    nextAction:
      "Wait until GET /api/gateways shows that it has ended. resumeRotations continues it automatically.",
  },
  notChecked: {
    code: "not-checked",
    ...ofDryRun,
    message: "Too little time was left to check this gateway before the answer was due.",
    nextAction: "Request a dry run of this gateway alone, or of fewer gateways at once.",
  },
} as const satisfies Readonly<Record<string, FailureMeaning>>;

/**
 * What is added to an `unchanged` failure while an earlier attempt of the same rotation may have changed the key: the
 * failure is then reported as `unknown`, and the run continues.
 */
export const earlierAttempt = {
  effect: "unknown",
  message: "An earlier attempt of this rotation may have regenerated the key.",
  nextAction: {
    oneKey:
      "Assume that the key in the vault is dead until a rotation succeeds. resumeRotations continues automatically.",
    twoKeys: `${consumersUntouched} resumeRotations continues automatically.`,
  },
} as const satisfies Pick<FailureMeaning, "effect" | "message" | "nextAction">;
