import fs from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod/mini";
import { type ConfigurationProblem, shown } from "./configurationProblem.ts";
import { parseJson } from "./json.ts";

/** `node:fs/promises` has it too, but loads all of Node's `readline` for its other functions. */
const readFile = promisify(fs.readFile);

/** The part of host.json that this application reads, as text: to the host, `-1` and `"-1"` mean the same. */
export interface HostJson {
  readonly functionTimeout?: string;
  /** Why the file cannot be read: what holds is then not known, and a default might be longer. */
  readonly problem?: ConfigurationProblem;
}

const hostJsonSchema = z.object({ functionTimeout: z.optional(z.unknown()) });

/**
 * Reads host.json in `directory`. Never rejects.
 *
 * @returns nothing set where there is no such file
 */
export async function readHostJson(directory: string): Promise<HostJson> {
  const unreadable = (path: string, value: string, remedy: string): HostJson => ({
    problem: { source: "host.json", path, value, rule: "host.json is JSON, perhaps with comments", remedy },
  });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(directory, "host.json"));
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT"
      ? {}
      : unreadable("(the whole document)", `(${code})`, "correct its permissions");
  }
  // The decoder removes a byte order mark, as the host does.
  const json = parseJson(new TextDecoder().decode(bytes), "accept");
  if (json.kind === "fault") {
    const { line, column } = json.place;
    return unreadable(`line ${line}, column ${column}`, "(not JSON)", json.remedy);
  }
  const parsed = hostJsonSchema.safeParse(json.value);
  if (!parsed.success) return unreadable("(the whole document)", shown(json.value), "write { … }");
  const { functionTimeout } = parsed.data;
  return functionTimeout === undefined ? {} : { functionTimeout: String(functionTimeout) };
}

export type GatewaysText =
  | { readonly kind: "text"; readonly text: string; readonly source: string }
  | { readonly kind: "unreadable"; readonly problem: ConfigurationProblem };

/** Reads the text of a file like gateways.json; its name is the source of its problems. Never rejects. */
export async function readGatewaysFile(file: string): Promise<GatewaysText> {
  const source = basename(file);
  const unreadable = (value: string, rule: string, remedy: string): GatewaysText => ({
    kind: "unreadable",
    problem: { source, path: "(the whole document)", value, rule, remedy },
  });
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT"
      ? unreadable(
          `(there is no ${file})`,
          "the gateways are listed in gateways.json beside host.json, or in the app setting GATEWAYS",
          "copy gateways.sample.json to gateways.json and put your own gateways in it",
        )
      : unreadable(
          `(${file}: ${code})`,
          `${source} is a file that the process may read`,
          "correct it, or its permissions",
        );
  }
  try {
    // Byte order marks are kept: the reader of the document reports them.
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { kind: "text", text: decoder.decode(bytes), source };
  } catch {
    return unreadable("(not UTF-8)", "JSON is UTF-8 without a byte order mark", 'save it as "UTF-8"');
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unreadable";
