import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { chromium } from "./support/chromium.ts";

const root = path.join(import.meta.dirname, "..");
const checkedIn = path.join(root, "docs", "pictures");
const names = (await readdir(checkedIn)).sort();

if (chromium === undefined) console.warn("No Chromium in PATH: the test of `npm run pictures` is skipped.");

/** @see https://developers.google.com/speed/webp/docs/riff_container#extended_file_format */
async function sizeOf(file: string) {
  const bytes = await readFile(file);
  expect(bytes.toString("latin1", 0, 4) + bytes.toString("latin1", 8, 16)).toBe("RIFFWEBPVP8X");
  return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1, length: bytes.length };
}

describe("docs/pictures", () => {
  test("README → shows each picture, in light and dark, with a text in its place", async () => {
    const readme = await readFile(path.join(root, "README.md"), "utf8");
    const shown = [...readme.matchAll(/(?:srcset|src)="docs\/pictures\/([^"]+)"/g)].map(([, name]) => name);
    expect(shown.sort()).toEqual(names);
    expect(names).toContain("audit-light.webp");
    const dark = names.filter((name) => name.endsWith("-dark.webp"));
    expect(dark.map((name) => name.replace("-dark.", "-light."))).toEqual(
      names.filter((name) => !dark.includes(name)),
    );
    const texts = [...readme.matchAll(/<img [^>]*alt="([^"]{40,})"/g)];
    expect(texts).toHaveLength(dark.length);
  });

  test.skipIf(chromium === undefined)(
    "npm run pictures → still makes each of them, in its size (skipped without Chromium)",
    async () => {
      const folder = await mkdtemp(path.join(tmpdir(), "pictures-test-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      await promisify(execFile)(process.execPath, [path.join(root, "scripts", "pictures.ts"), folder]);
      expect((await readdir(folder)).sort()).toEqual(names);
      for (const name of names) {
        const made = await sizeOf(path.join(folder, name));
        const wanted = await sizeOf(path.join(checkedIn, name));
        expect(made.width).toBe(wanted.width);
        // Another machine has other fonts.
        expect(Math.abs(made.height / wanted.height - 1)).toBeLessThan(0.15);
        // A blank picture has few bytes; a large one would slow README down.
        expect(made.length).toBeGreaterThan(20_000);
        expect(wanted.length).toBeLessThan(150_000);
      }
    },
  );
});
