import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { bundle, oldestNode } from "./bundle.ts";

const root = path.join(import.meta.dirname, "..");
export const defaultOutDir = path.join(root, "dist");

export interface BuildOptions {
  /** Emptied first. */
  readonly outDir: string;
  /** The folder whose gateways.json is deployed, or its sample where there is none. Default: the project's. */
  readonly gatewaysDir?: string | undefined;
}

export interface BuiltFile {
  readonly name: string;
  readonly bytes: number;
}

export interface BuildResult {
  readonly gatewaysFile: string;
  /** Largest first. */
  readonly files: readonly BuiltFile[];
}

const Package = z.object({ name: z.string(), version: z.string() });

/**
 * Makes the folder that is deployed: chunks, host.json, package.json, gateways.json and its schema. It needs no
 * node_modules beside it.
 */
export async function build({ outDir, gatewaysDir = root }: BuildOptions): Promise<BuildResult> {
  const gatewaysFile = findGateways(gatewaysDir);
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });

  const { name, version } = Package.parse(
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const manifest = { name, version, type: "commonjs", main: "main.js", engines: { node: `>=${oldestNode}` } };

  const [chunks] = await Promise.all([
    bundle({ entryPoint: path.join(root, "functions", "main.ts"), outDir }),
    writeFile(path.join(outDir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`),
    copyFile(gatewaysFile, path.join(outDir, "gateways.json")),
    copyFile(path.join(root, "host.json"), path.join(outDir, "host.json")),
    copyFile(path.join(root, "gateways.schema.json"), path.join(outDir, "gateways.schema.json")),
  ]);

  const names = [...chunks, "package.json", "gateways.json", "host.json", "gateways.schema.json"];
  const files = await Promise.all(
    names.map(async (file) => ({ name: file, bytes: (await stat(path.join(outDir, file))).size })),
  );
  return { gatewaysFile, files: files.sort((a, b) => b.bytes - a.bytes) };
}

const sampleName = "gateways.sample.json";

function findGateways(folder: string): string {
  const own = path.join(folder, "gateways.json");
  return existsSync(own) ? own : path.join(folder, sampleName);
}

/** Which file became gateways.json, and what to do where it is the sample. */
export function describeGateways({ gatewaysFile }: BuildResult): string {
  const file = path.relative(process.cwd(), gatewaysFile);
  if (path.basename(gatewaysFile) !== sampleName) return `gateways.json is ${file}`;
  return `gateways.json is ${file}: the sample, which rotates nothing in Azure. Copy it to gateways.json and name your gateways in it.`;
}

/** The code's files one by one, its source maps as a sum. */
export function describeBuild(result: BuildResult, outDir: string): string {
  const { files } = result;
  const maps = files.filter(({ name }) => name.endsWith(".map"));
  const rest = files.filter(({ name }) => !name.endsWith(".map"));
  const line = (bytes: number, what: string) => `${kilobytes(bytes)}  ${what}`;
  return [
    ...rest.map(({ name, bytes }) => line(bytes, name)),
    line(sum(maps), `${maps.length} source maps`),
    line(sum(files), `total in ${path.relative(process.cwd(), outDir)}`),
    describeGateways(result),
  ].join("\n");
}

const sum = (files: readonly BuiltFile[]) => files.reduce((total, { bytes }) => total + bytes, 0);

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1).padStart(9)} kB`;

/** `node scripts/build.ts [folder]` */
if (import.meta.main) {
  const [, , folder = defaultOutDir] = process.argv;
  const outDir = path.resolve(folder);
  console.log(describeBuild(await build({ outDir }), outDir));
}
