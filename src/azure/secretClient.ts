import type { TokenCredential } from "@azure/core-auth";
import { SecretClient } from "@azure/keyvault-secrets";
import { isLoopback } from "../domain/loopback.ts";
import { userAgent } from "./userAgent.ts";
import { wirePolicy } from "./wire.ts";

/** A client of one vault. It sends one request a call: a retry after a lost answer would make a second version. */
export function openSecretClient(vaultUrl: string, credential: TokenCredential): SecretClient {
  return new SecretClient(vaultUrl, credential, {
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    userAgentOptions: { userAgentPrefix: userAgent },
    additionalPolicies: [{ policy: wirePolicy, position: "perRetry" }],
    // A loopback address belongs to no vault domain, so the SDK cannot check the challenge's resource.
    disableChallengeResourceVerification: isLoopback(new URL(vaultUrl).hostname),
  });
}
