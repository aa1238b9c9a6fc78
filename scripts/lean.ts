import type { Plugin } from "esbuild";

/**
 * What packages evaluate as they are loaded and most runs never use, with the names that are imported of it. It is
 * evaluated when one of them is first used instead.
 */
const later: Readonly<Record<string, readonly string[]>> = {
  // For certificates as credentials.
  jsonwebtoken: ["sign"],
  // For whoever sets HTTPS_PROXY; they bring `debug`, which opens stdout and asks the terminal for colours.
  "https-proxy-agent": ["HttpsProxyAgent"],
  "http-proxy-agent": ["HttpProxyAgent"],
  // For lists and errors of storage.
  "@azure/core-xml": ["parseXML", "stringifyXML"],
};

/** What packages load lazily or compute only for callers who ask for it; nothing here does. */
const never = {
  // Storage lists blobs as XML unless it is asked for this format.
  external: ["apache-arrow"],
  // Checksums of contents, in 45 kB of the zip.
  file: /^\.\/crc64\.js$/,
  code: 'export default () => { throw new Error("storage-common/crc64.js is not in the bundle"); };',
};

const evaluatedLater = (name: string, exported: readonly string[]): string =>
  `module.exports = { ${exported.map((key) => `get ${key}() { return require("${name}").${key}; }`).join(", ")} };`;

const laterNames = new RegExp(`^(${Object.keys(later).join("|")})$`);
const itself = Symbol("the package itself");
const kind = "import-statement";

/** Settings of esbuild that keep from the first request what it does not need. */
export const lean = {
  external: never.external,
  /** The pipelines ask of every body whether it is a form; Node loads all of its `fetch` to say what a form is. */
  define: { FormData: "undefined" },
  plugin: {
    name: "lean",
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: never.file }, ({ path }) => ({ path, namespace: "never" }));
      onLoad({ filter: /./, namespace: "never" }, () => ({ contents: never.code }));

      onResolve({ filter: laterNames }, ({ path, namespace, resolveDir, pluginData }) => {
        if (pluginData === itself) return undefined;
        // Where a package comes as ESM too, a `require` would get the other flavour.
        if (namespace === "later") return resolve(path, { kind, resolveDir, pluginData: itself });
        return { path, namespace: "later", pluginData: resolveDir };
      });
      onLoad({ filter: /./, namespace: "later" }, ({ path, pluginData }) => ({
        contents: evaluatedLater(path, later[path] ?? []),
        resolveDir: pluginData,
      }));
    },
  } satisfies Plugin,
};
