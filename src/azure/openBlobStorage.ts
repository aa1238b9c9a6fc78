import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { BlobStore } from "../domain/blobStore.ts";
import type { BlobStorageOptions } from "./blobStorage.ts";

/** In milliseconds: a request that was begun leaves the process within it. */
const departureMs = 5;

/**
 * Loads storage's SDK and creates the store. Loading holds the whole process up, so where storage wants a token its
 * request goes out first, and the answer comes meanwhile.
 *
 * @throws as `createBlobStorage` does. A token that does not come is told by the calls that need it.
 */
export async function openBlobStorage(options: BlobStorageOptions): Promise<BlobStore> {
  const { credential, storage } = options;
  if ("blobServiceUri" in storage) {
    const token = credential.getToken("https://storage.azure.com/.default", { enableCae: true });
    const settled = token.catch(() => undefined);
    // By the next turn the credential's own SDK is loaded, which held up everything too.
    await nextTurn();
    await Promise.race([settled, sleep(departureMs)]);
  }
  const { createBlobStorage } = await import("./blobStorage.ts");
  return createBlobStorage(options);
}
