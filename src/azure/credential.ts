import type { TokenCredential } from "@azure/core-auth";
import { DefaultAzureCredential } from "@azure/identity";

/**
 * The identity that this process runs as: in Azure its managed identity, on a developer's machine whoever is
 * signed in. The app setting `AZURE_TOKEN_CREDENTIALS` narrows the choice; `@azure/identity` reads it itself.
 *
 * @param managedIdentityClientId of a user-assigned identity; the system-assigned one where left out.
 */
export function createCredential(managedIdentityClientId: string | undefined): TokenCredential {
  return new DefaultAzureCredential(managedIdentityClientId === undefined ? {} : { managedIdentityClientId });
}
