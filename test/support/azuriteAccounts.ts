import { randomBytes } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import { startAzurite } from "../../local/azurite.ts";

/** An account of Azurite. The product's container has a fixed name, so each case gets its own account. */
export interface Account {
  readonly name: string;
  /** @param origin another way to the account, such as a proxy. Signatures do not cover the origin. */
  connectionString(origin?: string): string;
}

export interface Storage {
  /** `http://127.0.0.1:port` of the blob service. */
  readonly origin: string;
  /** An account that no case has used. */
  newAccount(): Account;
  stop(): Promise<void>;
}

/** The container's name in `src/app.ts`. */
export const containerName = "gateway-key-rotation";

const mostAccounts = 1_000;

/** Starts one Azurite for many cases. */
export async function startStorage(): Promise<Storage> {
  const key = randomBytes(16).toString("base64");
  const names = Array.from({ length: mostAccounts }, (_, i) => `case${i}`);
  const azurite = await withAccounts(
    names.map((name) => `${name}:${key}`),
    startAzurite,
  );
  const [, blobEndpoint = ""] = /BlobEndpoint=([^;]+)/.exec(azurite.connectionString) ?? [];
  const { origin } = new URL(blobEndpoint);
  return {
    origin,
    newAccount() {
      const name = names.shift();
      if (name === undefined) throw new RangeError(`All ${mostAccounts} accounts are used.`);
      return {
        name,
        connectionString: (by = origin) =>
          `DefaultEndpointsProtocol=http;AccountName=${name};AccountKey=${key};BlobEndpoint=${by}/${name};`,
      };
    },
    stop: azurite.stop,
  };
}

/** Azurite reads its accounts from the environment variables at its start. */
async function withAccounts<T>(accounts: readonly string[], start: () => Promise<T>): Promise<T> {
  const name = "AZURITE_ACCOUNTS";
  const before = process.env[name];
  process.env[name] = accounts.join(";");
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

export interface StoredBlob {
  readonly name: string;
  readonly text: string;
}

/** Every blob of the product's container. */
export async function readBlobs(connectionString: string): Promise<readonly StoredBlob[]> {
  const container =
    BlobServiceClient.fromConnectionString(connectionString).getContainerClient(containerName);
  if (!(await container.exists())) return [];
  const blobs: StoredBlob[] = [];
  for await (const { name } of container.listBlobsFlat()) {
    blobs.push({ name, text: (await container.getBlobClient(name).downloadToBuffer()).toString("utf8") });
  }
  return blobs;
}

/** Names, metadata and contents of all blobs of an account, as one text to search for leaked keys. */
export async function allBlobs(connectionString: string): Promise<string> {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const texts: string[] = [];
  for await (const { name } of service.listContainers({ includeMetadata: true })) {
    const container = service.getContainerClient(name);
    for await (const blob of container.listBlobsFlat({ includeMetadata: true })) {
      const content = await container.getBlobClient(blob.name).downloadToBuffer();
      texts.push(name, blob.name, JSON.stringify(blob.metadata ?? {}), content.toString("utf8"));
    }
  }
  return texts.join("\n");
}
