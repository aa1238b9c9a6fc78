import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";

export interface BundleOptions {
  /** The module that registers the functions. Its chunk is named `main.js`. */
  readonly entryPoint: string;
  /** Where the chunks go, all side by side, so that `import.meta.dirname` means the same in each. */
  readonly outDir: string;
}

export const oldestNode = 22;

const shared = {
  platform: "node",
  target: `node${oldestNode}`,
  // Names of classes end up in errors and telemetry, and bundling renames those that meet in one chunk.
  keepNames: true,
  legalComments: "none",
  logLevel: "warning",
  // What lies in Azure names files and lines; the text of the sources stays here.
  sourcesContent: false,
} as const satisfies esbuild.CommonOptions;

/** CommonJS has no `import.meta`; the last one of these is declared by {@link importMetaUrl}. */
const define = {
  "import.meta.dirname": "__dirname",
  "import.meta.filename": "__filename",
  "import.meta.url": "__importMetaUrl",
};
const importMetaUrl = 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;';

/**
 * Bundles a function app as CommonJS chunks, without need of node_modules: each lazy `import()` becomes a
 * `require` of its own chunk at the first use, and what chunks share is in them once.
 *
 * esbuild splits ESM only, and an ESM bundle cannot `require` the module `@azure/functions-core`, which the
 * Functions worker supplies to CommonJS alone. So it splits first and then turns each chunk into CommonJS.
 *
 * @returns the names of the files written, source maps included
 * @throws esbuild's `BuildFailure`, whose message names every file and line at fault
 */
export async function bundle({ entryPoint, outDir }: BundleOptions): Promise<readonly string[]> {
  const { outputFiles: chunks } = await esbuild.build({
    ...shared,
    entryPoints: { main: entryPoint },
    outdir: outDir,
    write: false,
    bundle: true,
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    mainFields: ["module", "main"],
    external: ["@azure/functions-core"],
    define,
    sourcemap: "inline",
  });

  await mkdir(outDir, { recursive: true });
  const written = await Promise.all(chunks.map((chunk) => writeCommonJs(outDir, chunk)));
  return written.flat().sort();
}

async function writeCommonJs(outDir: string, chunk: esbuild.OutputFile): Promise<readonly string[]> {
  const name = path.basename(chunk.path);
  const { code, map } = await esbuild.transform(chunk.text, {
    ...shared,
    format: "cjs",
    supported: { "dynamic-import": false },
    banner: chunk.text.includes(define["import.meta.url"]) ? importMetaUrl : "",
    sourcemap: "external",
    sourcefile: name,
  });
  await Promise.all([
    writeFile(path.join(outDir, name), `${code}//# sourceMappingURL=${name}.map\n`),
    writeFile(path.join(outDir, `${name}.map`), map),
  ]);
  return [name, `${name}.map`];
}
