import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { checkGatewaysFile } from "../cli/gateways/check.ts";
import { ConfigurationError } from "../src/config/configurationProblem.ts";
import { bundle, type Chunk, oldestNode } from "./bundle.ts";

const root = path.join(import.meta.dirname, "..");
export const defaultOutDir = path.join(root, "dist");
export const defaultMapsDir = path.join(root, "package", "maps");

export interface BuildOptions {
  /** Emptied first. */
  readonly outDir: string;
  /** Where source maps go: nothing in Azure reads them. Emptied first. Default: none are made. */
  readonly mapsDir?: string | undefined;
  /** The file that becomes gateways.json. Default: the project's own, or its sample where there is none. */
  readonly gatewaysFile?: string | undefined;
}

export interface BuildResult {
  readonly gatewaysFile: string;
  readonly chunks: readonly Chunk[];
  /** Largest first. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

const Package = z.object({ name: z.string(), version: z.string() });

/**
 * Makes the folder that is deployed: chunks, host.json, package.json, gateways.json and its schema. The folder needs no
 * node_modules.
 *
 * @throws ConfigurationError where gateways.json is wrong; nothing is changed then
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const { outDir, mapsDir, gatewaysFile = ownOrSample(root) } = options;
  const checked = await checkGatewaysFile(gatewaysFile, { sampleAllowed: isSample(gatewaysFile) });
  if (checked.kind === "invalid") throw new ConfigurationError(checked.problems);
  await rm(outDir, { recursive: true, force: true });
  if (mapsDir !== undefined) await rm(mapsDir, { recursive: true, force: true });
  const chunks = await bundle({ entryPoint: path.join(root, "functions", "main.ts"), outDir, mapsDir });
  const { name, version } = Package.parse(
    JSON.parse(await readFile(path.join(root, "package.json"), "utf8")),
  );
  const manifest = { name, version, type: "commonjs", main: "main.js", engines: { node: `>=${oldestNode}` } };

  await Promise.all([
    writeFile(path.join(outDir, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`),
    copyFile(gatewaysFile, path.join(outDir, "gateways.json")),
    copyFile(path.join(root, "host.json"), path.join(outDir, "host.json")),
    copyFile(path.join(root, "gateways.schema.json"), path.join(outDir, "gateways.schema.json")),
  ]);

  const names = await readdir(outDir);
  const files = await Promise.all(
    names.map(async (file) => ({ name: file, bytes: (await stat(path.join(outDir, file))).size })),
  );
  return { gatewaysFile, chunks, files: files.sort((a, b) => b.bytes - a.bytes) };
}

const sampleName = "gateways.sample.json";

const isSample = (file: string): boolean => path.basename(file) === sampleName;

/** The folder's gateways.json, or its sample where there is none. */
export function ownOrSample(folder: string): string {
  const own = path.join(folder, "gateways.json");
  return existsSync(own) ? own : path.join(folder, sampleName);
}

/** Reports which file became gateways.json, and what to do where it is the sample. */
export function describeGateways({ gatewaysFile }: BuildResult): string {
  const file = path.relative(process.cwd(), gatewaysFile);
  if (!isSample(gatewaysFile)) return `gateways.json is ${file}`;
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

/** Prints what `work` returns, or every problem of a wrong configuration. Returns the exit code. */
export async function exitCodeOf(work: () => Promise<string>): Promise<0 | 1> {
  try {
    console.log(await work());
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    console.error(error.message);
    return 1;
  }
}

/** `node scripts/build.ts [folder]`: with a folder, a build for a trial, of the sample and without maps */
if (import.meta.main) {
  const [, , folder] = process.argv;
  const options =
    folder === undefined
      ? { outDir: defaultOutDir, mapsDir: defaultMapsDir }
      : { outDir: path.resolve(folder), gatewaysFile: path.join(root, sampleName) };
  process.exitCode = await exitCodeOf(async () => describeBuild(await build(options), options.outDir));
}
