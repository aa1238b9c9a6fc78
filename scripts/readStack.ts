import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import path from "node:path";
import { text } from "node:stream/consumers";
import { defaultMapsDir } from "./build.ts";

/** `/home/site/wwwroot/app-K3XQ2MAZ.js:7:1234`, as Node writes it. */
const position = /[^\s(]*?([\w.-]+\.js):(\d+):(\d+)/g;

/**
 * A stack trace from Azure with the lines of the sources in place of the bundle's, as far as `mapsDir` has a map: a
 * chunk's name changes with its content, so that a map of another build is never taken.
 */
export async function readStack(stack: string, mapsDir: string): Promise<string> {
  const maps = new Map<string, SourceMap>();
  for (const [, name = ""] of stack.matchAll(position)) {
    const file = path.join(mapsDir, `${name}.map`);
    if (maps.has(name) || !existsSync(file)) continue;
    maps.set(name, new SourceMap(JSON.parse(await readFile(file, "utf8"))));
  }
  return stack.replaceAll(position, (found, name: string, line: string, column: string) => {
    const origin = maps.get(name)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !("fileName" in origin)) return found;
    const file = path.relative(process.cwd(), path.resolve(mapsDir, origin.fileName));
    return `${file}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** `node scripts/readStack.ts < stack.txt` */
if (import.meta.main) console.log(await readStack(await text(process.stdin), defaultMapsDir));
