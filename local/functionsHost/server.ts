import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../listen.ts";

export interface Answer {
  readonly status: number;
  readonly headers?: ReadonlyMap<string, string>;
  readonly body?: string | Uint8Array;
}

/** If it rejects, the client gets 500 and the reason goes to the log only. */
export type Respond = (request: IncomingMessage, url: URL) => Promise<Answer>;

export interface ServerOptions {
  /** Milliseconds after which the client gets an answer although the function is still running. */
  readonly frontEndTimeoutMs: number;
  readonly respond: Respond;
  onProblem(message: string): void;
}

/**
 * Microsoft's page on the HTTP trigger's limits says 502 after 230 seconds. Users have also reported 500, 503 and, on
 * Linux, 504, so a client cannot rely on the number.
 *
 * @see https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#limits
 */
const cutOff: Answer = { status: 502 };

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1, which is host and front end in one. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = createServer((request, response) => {
    serve(options, request, response).catch((error: unknown) => {
      const [path] = request.url?.split("?", 1) ?? [];
      options.onProblem(`${request.method} ${path}: ${error instanceof Error ? error.message : error}`);
      response.writeHead(500).end();
    });
  });
  return {
    port: await listen(server),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function serve(options: ServerOptions, request: IncomingMessage, response: ServerResponse) {
  const { frontEndTimeoutMs, respond } = options;
  const url = URL.parse(`http://${request.headers.host}${request.url}`);
  if (url === null) return send(response, { status: 400 });
  const answered = new AbortController();
  const limit = sleep(frontEndTimeoutMs, cutOff, { signal: answered.signal });
  try {
    send(response, await Promise.race([respond(request, url), limit]));
  } finally {
    answered.abort();
  }
}

function send(response: ServerResponse, { status, headers = new Map(), body }: Answer): void {
  response.statusCode = status;
  response.setHeaders(new Map(headers)).end(body);
}
