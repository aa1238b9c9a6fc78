import type { ContainerClient } from "@azure/storage-blob";
import { z } from "zod";

/** What the host records of a timer, in the form that the function gets. */
const ScheduleStatus = z.object({ Last: z.string(), Next: z.string(), LastUpdated: z.string() });
export type ScheduleStatus = z.infer<typeof ScheduleStatus>;

/** The record of one timer, which outlives the host. */
export interface ScheduleStatuses {
  /** Undefined if there is none, or it cannot be read. */
  read(): Promise<ScheduleStatus | undefined>;
  /** Never rejects: at worst, a tick fires twice. */
  write(status: ScheduleStatus): Promise<void>;
}

/** The record is a blob, where the real host keeps it too. */
export function createScheduleStatuses(
  container: ContainerClient,
  appName: string,
  functionName: string,
): ScheduleStatuses {
  const blob = container.getBlockBlobClient(`timers/${appName}/Host.Functions.${functionName}/status`);
  return {
    async read() {
      try {
        return ScheduleStatus.parse(JSON.parse((await blob.downloadToBuffer()).toString("utf8")));
      } catch {
        return undefined;
      }
    },
    async write(status) {
      const text = JSON.stringify(status);
      await blob.upload(text, Buffer.byteLength(text)).catch(() => undefined);
    },
  };
}
