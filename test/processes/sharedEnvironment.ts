import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "../../scripts/build.ts";
import { type Storage, startStorage } from "../support/azuriteAccounts.ts";

export interface TimeOuts {
  readonly callSeconds: number;
  readonly functionSeconds: number;
}

/** The product accepts no shorter ones. While a process is stopped, another one waits for several calls' time. */
const shortest: TimeOuts = { callSeconds: 1, functionSeconds: 15 };

/** The bundle and the services that all cases share. */
export interface SharedEnvironment {
  /** Of the processes of all cases. */
  readonly timeOuts: TimeOuts;
  /** The folder of the bundle. */
  readonly bundle: string;
  /** A folder for the files of cases. */
  readonly folder: string;
  readonly storage: Storage;
  /** Stops storage and deletes the files. */
  close(): Promise<void>;
}

/**
 * Starts storage. If a step fails, the earlier ones are undone.
 *
 * @param built the folder of the bundle. Default: one that is built here.
 */
export async function openSharedEnvironment(
  timeOuts: TimeOuts = shortest,
  built?: string,
): Promise<SharedEnvironment> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), "processes-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const bundle = built ?? path.join(folder, "bundle");
  if (built === undefined) await build({ outDir: bundle });
  const storage = await startStorage();
  cleanup.defer(storage.stop);
  const opened = cleanup.move();
  return { timeOuts, bundle, folder, storage, close: () => opened.disposeAsync() };
}
