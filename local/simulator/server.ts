import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import type { ServerCertificate } from "../certificate.ts";
import { listen } from "../listen.ts";
import type { Service, ServiceRequest } from "./exchange.ts";
import { type FaultRules, respond } from "./faults.ts";
import type { RecordedRequest } from "./types.ts";

export interface ServerOptions {
  readonly service: Service;
  /** With it the server uses HTTPS, without it plain HTTP. */
  readonly certificate?: ServerCertificate | undefined;
  /** Used if it is free. */
  readonly preferredPort?: number | undefined;
  readonly faults: FaultRules;
  /** The server adds every request here when it arrives. */
  readonly requests: RecordedRequest[];
}

export interface RunningServer {
  /** `https://127.0.0.1:port`, without a trailing slash. */
  readonly origin: string;
  /** Also drops open connections. */
  stop(): Promise<void>;
}

/** Serves one service on 127.0.0.1, with the faults of the rules. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { service, certificate, faults, requests } = options;
  const server = certificate === undefined ? http.createServer() : https.createServer({ ...certificate });
  // An idle connection that closes while a client reuses it would be a fault that no rule asked for.
  server.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const port = await listenPreferring(server, options.preferredPort);
  const origin = `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`;

  async function serve(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const request = await readRequest(origin, incoming);
    const { method, headers, body } = request;
    const record: RecordedRequest = {
      service: service.name,
      vault: service.vault,
      method,
      url: incoming.url ?? "/",
      headers,
      body,
    };
    requests.push(record);
    const status = await respond(faults.strike(record), service, request, outgoing);
    if (status !== undefined) record.status = status;
  }

  server.on("request", (incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      // The client disconnected while it was sending, or the simulator was stopped, so there is no one to answer.
      if (outgoing.destroyed) return;
      const body = `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`;
      outgoing.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end(body);
    });
  });

  return {
    origin,
    stop() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    },
  };
}

async function listenPreferring(server: http.Server | https.Server, port = 0): Promise<number> {
  try {
    return await listen(server, port);
  } catch (error) {
    const inUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!inUse) throw error;
    return listen(server);
  }
}

async function readRequest(origin: string, incoming: http.IncomingMessage): Promise<ServiceRequest> {
  const raw = await buffer(incoming);
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
  );
  const body = headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
  return {
    method: incoming.method ?? "GET",
    url: new URL(origin + (incoming.url ?? "/")),
    headers,
    body: body.toString("utf8"),
  };
}
