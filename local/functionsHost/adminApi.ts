import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Keys } from "./keys.ts";
import type { Answer, Respond } from "./server.ts";
import { decodePath } from "./triggers.ts";

export interface AdminApiOptions {
  readonly appName: string;
  readonly keys: Keys;
  /** The names of all functions. */
  readonly functions: readonly string[];
  trigger(functionName: string): void;
}

/**
 * The paths of the real host's admin API that timers need: `POST /admin/functions/{name}` (202 at once, also where the
 * function cannot run), `GET /admin/host/status` and `/admin/host/ping`. Functions with an HTTP trigger are called through
 * their routes.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
 */
export function createAdminApi({ appName, keys, functions, trigger }: AdminApiOptions): Respond {
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
    const call = `${request.method} ${decodePath(url.pathname)}`.toLowerCase();
    if (/^(get|post) \/admin\/host\/ping$/.test(call)) return { status: 200 };
    const level = keys.levelOf(request, url);
    if (level !== "admin") {
      if (keys.knows(request, url)) return { status: 403 };
      return { status: 401, headers: new Map([["www-authenticate", "Bearer"]]) };
    }
    if (call === "get /admin/host/status") {
      const headers = new Map([["content-type", "application/json"]]);
      return { status: 200, headers, body: JSON.stringify({ id: appName, state: "Running" }) };
    }
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
