import type { TokenCredential } from "@azure/core-auth";
import { SecretClient } from "@azure/keyvault-secrets";
import { isLoopback } from "../domain/loopback.ts";
import { userAgent } from "./userAgent.ts";
import { wirePolicy } from "./wire.ts";

/** A vault's client that sends one request a call: after a lost answer, retries would make a second version. */
export function openSecretClient(vaultUrl: string, credential: TokenCredential): SecretClient {
  return new SecretClient(vaultUrl, credential, {
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: userAgent },
    additionalPolicies: [{ policy: wirePolicy, position: "perRetry" }],
    // A vault on a loopback address is under no vault domain, so its challenge's resource cannot be checked.
    disableChallengeResourceVerification: isLoopback(new URL(vaultUrl).hostname),
  });
}
