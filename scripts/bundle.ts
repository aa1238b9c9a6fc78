import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";
import { buildStatusPage } from "./statusPage.ts";

export interface BundleOptions {
  /** The module that registers the functions. Its chunk is named `main.js`. */
  readonly entryPoint: string;
  /** Where the chunks go, all side by side, so that `import.meta.dirname` means the same in each. */
  readonly outDir: string;
  /** Where a source map of each chunk goes, which nothing in Azure reads. Default: none are made. */
  readonly mapsDir?: string | undefined;
}

export interface Chunk {
  /** Of its file. */
  readonly name: string;
  /** The modules whose code it contains, by their paths from the working directory. */
  readonly modules: Readonly<Record<string, { readonly bytesInOutput: number }>>;
}

export const oldestNode = 22;

const shared = {
  platform: "node",
  target: `node${oldestNode}`,
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
  sourcesContent: false,
} as const satisfies esbuild.CommonOptions;

/** The Functions worker supplies the first. Storage loads the second for a format of its lists that nothing here asks for. */
const external = ["@azure/functions-core", "apache-arrow"];

/** CommonJS has no `import.meta`; the last one of these is declared by {@link importMetaUrl}. */
const importMeta = {
  "import.meta.dirname": "__dirname",
  "import.meta.filename": "__filename",
  "import.meta.url": "__importMetaUrl",
};
const importMetaUrl = 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;';

/** For src/http/statusPage.ts. Two strings: esbuild puts an object beside the entry, which every start would read. */
async function statusPage() {
  const { html, contentSecurityPolicy } = await buildStatusPage();
  return {
    STATUS_PAGE_HTML: JSON.stringify(html),
    STATUS_PAGE_POLICY: JSON.stringify(contentSecurityPolicy),
  };
}

/** An older Node would fail later, with a message that names no remedy. */
const refuseOlderNode = `if (parseInt(process.versions.node) < ${oldestNode}) throw new Error("This app needs Node.js ${oldestNode} or later, and the worker runs " + process.versions.node + ". In Azure, set the app's runtime version; for Core Tools, put another node first on the PATH.");`;

/**
 * The SDKs' pipelines check whether each body is a `FormData`. For that class, Node loads all of its `fetch`: a quarter
 * of the time to the first request. No body here is a form.
 */
const noForms = { FormData: "undefined" };

/** Storage's CRC64 checksums, which nothing here asks for, are WebAssembly in a string: 45 kB of the zip. */
const noChecksums: esbuild.Plugin = {
  name: "noChecksums",
  setup({ onLoad }) {
    const contents = 'export default () => { throw new Error("The bundle leaves out CRC64 checksums."); };';
    onLoad({ filter: /@azure[/\\]storage-common[/\\].*[/\\]crc64\.js$/ }, () => ({ contents }));
  },
};

/**
 * Bundles a function app as CommonJS chunks that need no node_modules: each lazy `import()` becomes a `require` of its
 * own chunk at the first use, and code that chunks share is in the bundle once.
 *
 * esbuild splits ESM only, and the worker loads CommonJS in less time. So esbuild splits first, and then turns each
 * chunk into CommonJS.
 *
 * @throws esbuild's `BuildFailure`, whose message names every file and line at fault
 */
export async function bundle({ entryPoint, outDir, mapsDir }: BundleOptions): Promise<readonly Chunk[]> {
  const { outputFiles, metafile } = await esbuild.build({
    ...shared,
    entryPoints: { main: entryPoint },
    // Nothing is written; maps name their sources from here.
    outdir: mapsDir ?? outDir,
    write: false,
    bundle: true,
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    mainFields: ["module", "main"],
    external,
    plugins: [noChecksums],
    define: { ...importMeta, ...noForms, ...(await statusPage()) },
    metafile: true,
    sourcemap: mapsDir === undefined ? false : "inline",
  });
  const modules = new Map(
    Object.entries(metafile.outputs).map(([file, { inputs }]) => [path.basename(file), inputs]),
  );

  await mkdir(outDir, { recursive: true });
  if (mapsDir !== undefined) await mkdir(mapsDir, { recursive: true });
  return Promise.all(
    outputFiles.map(async ({ path: file, text }) => {
      const name = path.basename(file);
      const chunk: Chunk = { name, modules: modules.get(name) ?? {} };
      const { code, map } = await toCommonJs(chunk, text);
      await writeFile(path.join(outDir, name), code);
      if (mapsDir !== undefined) await writeFile(path.join(mapsDir, `${name}.map`), map);
      return chunk;
    }),
  );
}

/**
 * Our own code keeps its names, so that a stack trace in a log can be read as it is. The packages' names would be a
 * tenth of the zip. (esbuild's `keepNames` would keep them all, but it names every function again at each start.)
 */
function toCommonJs(chunk: Chunk, code: string) {
  return esbuild.transform(code, {
    ...shared,
    minifyIdentifiers: !isMostlyOurs(chunk),
    format: "cjs",
    supported: { "dynamic-import": false },
    banner: [
      chunk.name === "main.js" ? refuseOlderNode : "",
      code.includes(importMeta["import.meta.url"]) ? importMetaUrl : "",
    ].join(""),
    sourcemap: "external",
    sourcefile: chunk.name,
  });
}

function isMostlyOurs({ modules }: Chunk): boolean {
  const bytes = Object.entries(modules).map(([file, { bytesInOutput }]) =>
    file.includes("node_modules/") ? -bytesInOutput : bytesInOutput,
  );
  return bytes.reduce((sum, each) => sum + each, 0) > 0;
}
