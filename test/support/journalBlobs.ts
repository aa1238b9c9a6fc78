import { BlobServiceClient } from "@azure/storage-blob";
import { z } from "zod";
import type { Services } from "../../local/services.ts";

const Journal = z.looseObject({
  slots: z.record(z.string(), z.looseObject({ lateUntil: z.number() })),
  commit: z.looseObject({ at: z.number() }).nullable(),
  verification: z.unknown(),
});
export type StoredJournal = z.infer<typeof Journal>;

type Metadata = Readonly<Record<string, string>>;

/** Rewrites the journals, as if what they hold had happened earlier: for tests that do not wait so long. */
export async function rewriteJournals(
  { settings }: Services,
  change: (journal: StoredJournal, metadata: Metadata) => { journal: StoredJournal; metadata: Metadata },
): Promise<void> {
  const account = BlobServiceClient.fromConnectionString(settings["AzureWebJobsStorage"] ?? "");
  const container = account.getContainerClient("gateway-key-rotation");
  for await (const { name, metadata = {} } of container.listBlobsFlat({
    prefix: "gateways/",
    includeMetadata: true,
  })) {
    const blob = container.getBlockBlobClient(name);
    const changed = change(Journal.parse(JSON.parse((await blob.downloadToBuffer()).toString())), metadata);
    const text = JSON.stringify(changed.journal);
    await blob.upload(text, Buffer.byteLength(text), { metadata: { ...changed.metadata } });
  }
}

/** As if every key had been stored long ago: no slot of a two-key gateway waits for a late write. */
export const endLateWrites = (services: Services): Promise<void> =>
  rewriteJournals(services, (journal, metadata) => {
    for (const slot of Object.values(journal.slots)) slot.lateUntil = 1;
    return { journal, metadata };
  });
