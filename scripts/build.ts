import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { bundle, type Chunk, oldestNode } from "./bundle.ts";

const root = path.join(import.meta.dirname, "..");
export const defaultOutDir = path.join(root, "dist");
export const defaultMapsDir = path.join(root, "package", "maps");

export interface BuildOptions {
  /** Emptied first. */
  readonly outDir: string;
  /** Where source maps go: nothing in Azure reads them. Emptied first. Default: none are made. */
  readonly mapsDir?: string | undefined;
  /** The folder whose gateways.json is deployed, or its sample where there is none. Default: the project's. */
  readonly gatewaysDir?: string | undefined;
}

export interface BuiltFile {
  readonly name: string;
  readonly bytes: number;
}

export interface BuildResult {
  readonly gatewaysFile: string;
  readonly chunks: readonly Chunk[];
  /** Largest first. */
  readonly files: readonly BuiltFile[];
}

const Package = z.object({ name: z.string(), version: z.string() });

/**
 * Makes the folder that is deployed: chunks, host.json, package.json, gateways.json and its schema. The folder needs no
 * node_modules.
 */
export async function build({ outDir, mapsDir, gatewaysDir = root }: BuildOptions): Promise<BuildResult> {
  const gatewaysFile = findGateways(gatewaysDir);
  await rm(outDir, { recursive: true, force: true });
  if (mapsDir !== undefined) await rm(mapsDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });

  const { name, version } = Package.parse(
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const manifest = { name, version, type: "commonjs", main: "main.js", engines: { node: `>=${oldestNode}` } };

  const [chunks] = await Promise.all([
    bundle({ entryPoint: path.join(root, "functions", "main.ts"), outDir, mapsDir }),
    writeFile(path.join(outDir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`),
    copyFile(gatewaysFile, path.join(outDir, "gateways.json")),
    copyFile(path.join(root, "host.json"), path.join(outDir, "host.json")),
    copyFile(path.join(root, "gateways.schema.json"), path.join(outDir, "gateways.schema.json")),
  ]);

  const names = [
    ...chunks.map(({ name }) => name),
    "package.json",
    "gateways.json",
    "host.json",
    "gateways.schema.json",
  ];
  const files = await Promise.all(
    names.map(async (file) => ({ name: file, bytes: (await stat(path.join(outDir, file))).size })),
  );
  return { gatewaysFile, chunks, files: files.sort((a, b) => b.bytes - a.bytes) };
}

const sampleName = "gateways.sample.json";

function findGateways(folder: string): string {
  const own = path.join(folder, "gateways.json");
  return existsSync(own) ? own : path.join(folder, sampleName);
}

/** Reports which file became gateways.json, and what to do where it is the sample. */
export function describeGateways({ gatewaysFile }: BuildResult): string {
  const file = path.relative(process.cwd(), gatewaysFile);
  if (path.basename(gatewaysFile) !== sampleName) return `gateways.json is ${file}`;
  return `gateways.json is ${file}: the sample, which rotates nothing in Azure. Copy it to gateways.json and name your gateways in it.`;
}

/** Reports the files one by one, and their sum. */
export function describeBuild(result: BuildResult, outDir: string): string {
  const line = (bytes: number, what: string) => `${kilobytes(bytes)}  ${what}`;
  const total = result.files.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    ...result.files.map(({ name, bytes }) => line(bytes, name)),
    line(total, `total in ${path.relative(process.cwd(), outDir)}`),
    describeGateways(result),
  ].join("\n");
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1).padStart(9)} kB`;

/** `node scripts/build.ts [folder]`: with a folder, a build for a trial, without maps */
if (import.meta.main) {
  const [, , folder] = process.argv;
  const options =
    folder === undefined
      ? { outDir: defaultOutDir, mapsDir: defaultMapsDir }
      : { outDir: path.resolve(folder) };
  console.log(describeBuild(await build(options), options.outDir));
}
