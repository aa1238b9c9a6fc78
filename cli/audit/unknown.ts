import type { CallProblem } from "../../src/domain/attempt.ts";
import type { Unknown } from "./report.ts";
import { visible } from "./words.ts";

const signIn =
  'Sign in with "az login", Visual Studio Code or Azure PowerShell, or set the environment variables of a service principal. AZURE_TOKEN_CREDENTIALS=dev leaves all but your own sign-in aside.';

/** What to do about a list that failed, by the problem's code. */
const actions: Readonly<Record<string, string>> = {
  "no-token": signIn,
  unauthenticated: `The vault does not take this sign-in: it may belong to another tenant. ${signIn}`,
  forbidden:
    "Ask for the role Key Vault Reader on this vault (data action Microsoft.KeyVault/vaults/secrets/readMetadata/action; with access policies: secret permission List). Where the message speaks of a firewall, run the audit from a network that the vault admits.",
  "not-sent": "See that the vault's URL is right.",
  unreachable:
    "See that the vault's URL is right, and that this machine's network and name service reach it.",
  throttled: "Wait a minute and run the audit again.",
};

export const notRead = (place: string, { code, message }: CallProblem): Unknown => ({
  place,
  code,
  message: visible(message),
  action: actions[code] ?? "Run the audit again; if it stays so, look at the vault's health in the portal.",
});

export const nothingOfOurs = (vaultUrl: string): Unknown => ({
  place: vaultUrl,
  code: "nothing-of-ours",
  message: "No version of any secret in this vault was written by this system.",
  action: "See that it is the right vault, and that this system has rotated at least once.",
});

export const noSuchGateway = (name: string): Unknown => ({
  place: `--gateway ${visible(name)}`,
  code: "no-such-gateway",
  message: "Neither a gateway nor a secret of this system has this name.",
  action: "Run the audit without --gateway to see the names that there are.",
});
