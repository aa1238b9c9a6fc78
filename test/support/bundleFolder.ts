import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the first test file that needs the bundle builds it, for all files of a run. */
    readonly bundleFolder: string;
  }
}

let folder: string;

/** Vitest calls it before the first test file. */
export async function setup(project: TestProject): Promise<void> {
  folder = await mkdtemp(path.join(tmpdir(), "bundle-"));
  project.provide("bundleFolder", folder);
}

/** Vitest calls it after the last test file. */
export const teardown = () => rm(folder, { recursive: true, force: true });
