import type { TokenCredential } from "@azure/core-auth";
import { DefaultAzureCredential } from "@azure/identity";
import { ManagedIdentityApplication } from "@azure/msal-node";

/**
 * Opens a credential that has no token yet. MSAL keeps managed identity tokens in one store of the process, and
 * `@azure/identity` 4.14.1 has no option to avoid that store, so this function empties it.
 *
 * A module of its own, so that the bundle loads `@azure/identity` lazily and without its unused parts.
 */
export function openDefaultCredential(managedIdentityClientId: string | undefined): TokenCredential {
  const store: unknown = Reflect.get(ManagedIdentityApplication, "nodeStorage");
  if (typeof store === "object" && store !== null) Reflect.set(store, "cache", {});
  return new DefaultAzureCredential(managedIdentityClientId === undefined ? {} : { managedIdentityClientId });
}
