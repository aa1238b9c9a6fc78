import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { invocationIdHeader } from "./protocol.ts";

export interface AdminServerOptions {
  /** 0: a free one. */
  readonly port: number;
  readonly masterKey: string;
  readonly functions: readonly string[];
  /** Starts an invocation and returns its id. */
  trigger(functionName: string): string;
}

/**
 * Serves the two paths of the real host's admin API that a timer needs, on 127.0.0.1:
 * `POST /admin/functions/{name}` (202 at once) and `GET /admin/host/status`.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
 * @returns the port
 */
export async function startAdminServer(options: AdminServerOptions): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => answer(options, request, response));
  });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function answer(options: AdminServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const { masterKey, functions, trigger } = options;
  const end = (status: number, headers: Record<string, string> = {}) =>
    response.writeHead(status, headers).end();

  if (!isSame(request.headers["x-functions-key"], masterKey)) return void end(401);
  const [path] = (request.url ?? "").split("?", 1);
  const call = `${request.method} ${path}`;
  if (call === "GET /admin/host/status") {
    response.setHeader("content-type", "application/json");
    return void response.end(JSON.stringify({ state: "Running", functions }));
  }
  const name = functions.find(
    (known) => call.toLowerCase() === `post /admin/functions/${known}`.toLowerCase(),
  );
  if (name === undefined) return void end(404);
  end(202, { [invocationIdHeader]: trigger(name) });
}

function isSame(given: string | string[] | undefined, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return typeof given === "string" && timingSafeEqual(digest(given), digest(expected));
}
