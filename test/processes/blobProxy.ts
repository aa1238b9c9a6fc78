import { once } from "node:events";
import http from "node:http";
import { buffer } from "node:stream/consumers";
import { listen } from "../../local/listen.ts";

export interface BlobRequest {
  readonly method: string;
  /** Path and query exactly as on the wire. */
  readonly url: string;
  readonly body: string;
}

export interface BlobAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface BlobProxyOptions {
  /** `http://127.0.0.1:port` of Azurite. */
  readonly upstream: string;
  /** The proxy serves this container. It never answers requests to other containers. */
  readonly container: string;
  /** Receives each request. `forward` lets it take effect; the proxy sends the answer that `pass` resolves with. */
  pass(request: BlobRequest, forward: () => Promise<BlobAnswer>): Promise<BlobAnswer>;
  /** How far storage's clock, the `Date` of its answers, is advanced, in milliseconds. */
  clockOffsetMs(): number;
}

export interface BlobProxy {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  stop(): Promise<void>;
}

/** A proxy before Azurite, which has no faults on demand and no clock of its own. */
export async function startBlobProxy(options: BlobProxyOptions): Promise<BlobProxy> {
  const { upstream, container, pass, clockOffsetMs } = options;
  const agent = new http.Agent({ keepAlive: true });

  async function forward(incoming: http.IncomingMessage, url: URL, body: Buffer): Promise<BlobAnswer> {
    const { method, headers } = incoming;
    const request = http.request(url, { method, headers, agent }).end(body);
    const [answer] = (await once(request, "response")) as [http.IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  }

  async function serve(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", upstream);
    const body = await buffer(incoming);
    // The functions host reads state of its timers here. Without an answer no timer fires by itself.
    if (url.pathname.split("/")[2] !== container) return;
    const request = {
      method: incoming.method ?? "GET",
      url: url.pathname + url.search,
      body: body.toString(),
    };
    const answer = await pass(request, () => forward(incoming, url, body));
    const date = new Date(Date.parse(answer.headers.date ?? "") + clockOffsetMs()).toUTCString();
    outgoing.writeHead(answer.status, { ...answer.headers, date }).end(answer.body);
  }

  const server = http.createServer((incoming, outgoing) => {
    // A process that was killed during its request has closed the connection.
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = 0;
  const port = await listen(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
