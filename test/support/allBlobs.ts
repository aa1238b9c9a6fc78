import { BlobServiceClient } from "@azure/storage-blob";

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
