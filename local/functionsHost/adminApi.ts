import type { Keys } from "./keys.ts";
import { invocationIdHeader } from "./protocol.ts";
import type { Respond } from "./server.ts";
import type { Timer } from "./timer.ts";

export interface AdminApiOptions {
  readonly keys: Keys;
  /** The names of all functions. */
  readonly functions: readonly string[];
  readonly timers: ReadonlyMap<string, Pick<Timer, "trigger">>;
}

/**
 * The two paths of the real host's admin API that timers need: `POST /admin/functions/{name}` (202 at once) and
 * `GET /admin/host/status`. Functions with an HTTP trigger are called through their routes.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
 */
export function createAdminApi({ keys, functions, timers }: AdminApiOptions): Respond {
  return async (request, url) => {
    if (!keys.admits("admin", request, url)) return { status: 401 };
    const call = `${request.method} ${url.pathname}`.toLowerCase();
    if (call === "get /admin/host/status") {
      const headers = new Map([["content-type", "application/json"]]);
      return { status: 200, headers, body: JSON.stringify({ state: "Running", functions }) };
    }
    for (const [name, timer] of timers) {
      if (call !== `post /admin/functions/${name}`.toLowerCase()) continue;
      return { status: 202, headers: new Map([[invocationIdHeader, timer.trigger()]]) };
    }
    return { status: 404 };
  };
}
