import { createWriteStream } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import {
  type BuildOptions,
  build,
  defaultMapsDir,
  defaultOutDir,
  describeGateways,
  exitCodeOf,
} from "./build.ts";

export interface PackageOptions {
  readonly folder: string;
  readonly zipFile: string;
}

/** Zip's time format has no time zone, so that the same date gives the same bytes everywhere. */
const mtime = new Date(1980, 0, 1);

/**
 * Zips a built folder for deployment. The same files give the same bytes on every machine and at any time.
 *
 * @returns the size of the zip in bytes
 */
export async function packageFolder({ folder, zipFile }: PackageOptions): Promise<number> {
  const zip = new ZipFile();
  for (const name of (await readdir(folder)).sort()) {
    zip.addFile(path.join(folder, name), name, {
      mtime,
      mode: 0o100644,
      forceDosTimestamp: true,
      compressionLevel: 9,
    });
  }
  zip.end();
  await mkdir(path.dirname(zipFile), { recursive: true });
  await pipeline(zip.outputStream, createWriteStream(zipFile));
  return (await stat(zipFile)).size;
}

/**
 * Builds and zips, so that an older build in the folder cannot be deployed by mistake.
 *
 * @returns a report for the terminal: which gateways.json is in the zip, and its size
 */
export async function packageApp(options: BuildOptions & Pick<PackageOptions, "zipFile">): Promise<string> {
  const { outDir, zipFile } = options;
  const built = await build(options);
  const bytes = await packageFolder({ folder: outDir, zipFile });
  return `${describeGateways(built)}\n${path.relative(process.cwd(), zipFile)}: ${(bytes / 1000).toFixed(1)} kB`;
}

if (import.meta.main) {
  const zipFile = path.join(import.meta.dirname, "..", "package", "gateway-key-rotation.zip");
  process.exitCode = await exitCodeOf(() =>
    packageApp({ outDir: defaultOutDir, mapsDir: defaultMapsDir, zipFile }),
  );
}
