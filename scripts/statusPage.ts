import { createHash } from "node:crypto";
import path from "node:path";
import * as esbuild from "esbuild";

const folder = path.join(import.meta.dirname, "..", "page");

export interface StatusPage {
  /** One file: script and style are in it. */
  readonly html: string;
  /** Lets the browser run this script, apply this style and call the page's own origin, and nothing else. */
  readonly contentSecurityPolicy: string;
}

/** Browsers that have what the page uses: `Set.prototype.union`, `Map.groupBy`, `light-dark()`. */
const target = ["chrome123", "edge123", "firefox127", "safari17.5"];

/** Makes the status page from `page/`. */
export async function buildStatusPage(): Promise<StatusPage> {
  const { outputFiles } = await esbuild.build({
    entryPoints: ["main.ts", "style.css"].map((name) => path.join(folder, name)),
    bundle: true,
    minify: true,
    write: false,
    outdir: folder,
    format: "iife",
    platform: "browser",
    legalComments: "none",
    logLevel: "warning",
    target,
  });
  const built = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? "";
  const [style, script] = [built(".css"), built(".js")];
  // In a script element, this begins what only another script element ends.
  if (script.includes("<!--")) throw new Error("page/ must not contain <!--, which HTML reads in a script.");
  return { html: shell(style, script), contentSecurityPolicy: policy(style, script) };
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const policy = (style: string, script: string): string =>
  [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    // The empty icon: without it, a browser asks the site for one.
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
  ].join("; ");

const shell = (style: string, script: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Gateway keys</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. docs/http.md has the same with curl.</noscript>
<script>${script}</script>
</body>
</html>
`;
