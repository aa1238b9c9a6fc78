import { type PipelinePolicy, retryPolicy } from "@azure/core-rest-pipeline";
import type { Failed } from "../../src/domain/attempt.ts";

export type Listing<T> = { readonly kind: "listed"; readonly items: readonly T[] } | Failed;

/**
 * Services answer 429 also without `Retry-After`, and the SDK retries only with it. The pauses from 1 s to 16 s are
 * those of Key Vault's throttling guidance. For lists only, which change nothing.
 *
 * @see https://learn.microsoft.com/azure/key-vault/general/overview-throttling
 */
export const throttledPolicy: PipelinePolicy = retryPolicy(
  [
    {
      name: "throttled",
      retry: ({ response, retryCount }) =>
        response?.status === 429 && !response.headers.has("retry-after")
          ? { retryAfterInMs: 1000 * 2 ** retryCount }
          : { skipStrategy: true },
    },
  ],
  { maxRetries: 5 },
);
