import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

/** A new folder for the tests of the file, removed after them. Called before the file's hooks, which then end first. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "gateway-key-rotation-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
