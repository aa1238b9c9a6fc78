import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Keys } from "./keys.ts";
import type { Answer, Respond } from "./server.ts";
import { decodePath } from "./triggers.ts";

export interface AdminApiOptions {
  readonly keys: Keys;
  /** The names of all functions. */
  readonly functions: readonly string[];
  trigger(functionName: string): void;
}

/**
 * The path of the real host's admin API that timers need: `POST /admin/functions/{name}`, which answers 202 at once, also
 * where the function cannot run. Functions with an HTTP trigger are called through their routes.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
 */
export function createAdminApi({ keys, functions, trigger }: AdminApiOptions): Respond {
  async function answerTrigger(request: IncomingMessage, functionName: string): Promise<Answer> {
    if (!/^application\/([^;]+\+)?json\b/i.test(request.headers["content-type"] ?? ""))
      return { status: 415 };
    if (!isJsonObject(await text(request))) return { status: 400 };
    const known = functions.find((name) => name.toLowerCase() === functionName);
    if (known === undefined) return { status: 404 };
    trigger(known);
    return { status: 202 };
  }

  return async (request, url) => {
    if (keys.levelOf(request, url) !== "admin") return { status: 401 };
    const call = `${request.method} ${decodePath(url.pathname)}`.toLowerCase();
    const functionName = /^post \/admin\/functions\/([^/]+)$/.exec(call)?.[1];
    return functionName === undefined ? { status: 404 } : answerTrigger(request, functionName);
  };
}

function isJsonObject(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
