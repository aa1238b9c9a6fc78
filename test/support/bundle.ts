import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { inject } from "vitest";
import { build } from "../../scripts/build.ts";

/** The folder that is deployed, built once for all test files of a run. No test writes into it. */
export async function deployedBundle(): Promise<string> {
  const folder = inject("bundleFolder");
  const bundle = path.join(folder, "bundle");
  if (existsSync(bundle)) return bundle;
  // No file of it may know where it was built, and no other test file may see a part of it.
  const built = await mkdtemp(path.join(folder, "built-"));
  await build({ outDir: built });
  await rename(built, bundle).catch((error: unknown) => {
    // Another test file was faster.
    if (!existsSync(bundle)) throw error;
    return rm(built, { recursive: true });
  });
  return bundle;
}
