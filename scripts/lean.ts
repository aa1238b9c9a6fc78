import type { Plugin } from "esbuild";
import { laterPlugin } from "./later.ts";

/** What packages load lazily or compute only for callers who ask for it; nothing here does. */
const never = {
  // Storage lists blobs as XML unless it is asked for this format.
  external: ["apache-arrow"],
  // Checksums of contents, in 45 kB of the zip.
  file: /^\.\/crc64\.js$/,
  code: 'export default () => { throw new Error("storage-common/crc64.js is not in the bundle"); };',
};

const neverPlugin: Plugin = {
  name: "never",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: never.file }, ({ path }) => ({ path, namespace: "never" }));
    onLoad({ filter: /./, namespace: "never" }, () => ({ contents: never.code }));
  },
};

/** Settings of esbuild that keep from the first request what it does not need. */
export const lean = {
  external: never.external,
  /** The pipelines ask of every body whether it is a form; Node loads all of its `fetch` to say what a form is. */
  define: { FormData: "undefined" },
  plugins: [neverPlugin, laterPlugin],
};
