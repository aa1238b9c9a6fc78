import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCleanup } from "../../local/cleanup.ts";
import { build } from "../../scripts/build.ts";
import { type Storage, startStorage } from "./storage.ts";

export interface Times {
  readonly callTimeoutSeconds: number;
  readonly functionTimeoutSeconds: number;
}

/** The shortest that the product takes: a stopped process keeps another one waiting for several calls' time. */
const shortest: Times = { callTimeoutSeconds: 1, functionTimeoutSeconds: 15 };

/** What all cases share. */
export interface Lab {
  readonly times: Times;
  /** The folder of the bundle, as it is deployed. */
  readonly bundle: string;
  /** For files of cases. */
  readonly folder: string;
  readonly storage: Storage;
  /** Stops storage and deletes the files. */
  close(): Promise<void>;
}

/**
 * Builds the bundle and starts storage. If a step fails, everything before it is undone.
 *
 * @param makeBundle puts the bundle into a folder. Default: builds it as it is deployed.
 */
export async function openLab(
  times: Times = shortest,
  makeBundle: (folder: string) => Promise<unknown> = (outDir) => build({ outDir }),
): Promise<Lab> {
  const cleanup = createCleanup();
  try {
    const folder = await mkdtemp(path.join(tmpdir(), "processes-"));
    cleanup.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const bundle = path.join(folder, "bundle");
    await makeBundle(bundle);
    const storage = await startStorage();
    cleanup.add(storage.stop);
    return { times, bundle, folder, storage, close: cleanup.run };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}
