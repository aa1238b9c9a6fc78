import { join } from "node:path";
import * as z from "zod/mini";
import { readFile } from "./readFile.ts";

/** What of host.json matters here, as text: the host reads `-1` and `"-1"` alike. */
export interface HostJson {
  readonly functionTimeout?: string;
}

const hostJsonSchema = z.object({ functionTimeout: z.optional(z.unknown()) });

/**
 * Reads host.json in `directory`; without one nothing is set in it. One that cannot be read, such as one with
 * comments, which the host would take, sets a time-out that is none: to assume one would be to guess for how long
 * a key can still be stored. Never rejects.
 */
export async function readHostJson(directory: string): Promise<HostJson> {
  try {
    const bytes = await readFile(join(directory, "host.json"));
    // The decoder takes a byte order mark away, as the host does.
    const { functionTimeout } = hostJsonSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return functionTimeout === undefined ? {} : { functionTimeout: String(functionTimeout) };
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return missing ? {} : { functionTimeout: "(host.json cannot be read as JSON)" };
  }
}
