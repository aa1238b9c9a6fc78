import { once } from "node:events";
import { createServer } from "node:https";
import { gunzipSync } from "node:zlib";
import { createServerCertificate } from "../../local/certificate.ts";
import { listen } from "../../local/listen.ts";

export interface IngestedItem {
  readonly name: string;
  readonly iKey: string;
  readonly time: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly data: {
    readonly baseType: string;
    readonly baseData: {
      readonly name: string;
      readonly properties: Readonly<Record<string, string>>;
      readonly measurements: Readonly<Record<string, number>>;
    };
  };
}

export type IngestionAnswer =
  | { readonly kind: "accept" }
  | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
  /** 206: only the first items are accepted. */
  | { readonly kind: "acceptSome"; readonly accepted: number }
  | { readonly kind: "hang" };

export interface IngestionServer {
  readonly connectionString: string;
  readonly certificatePem: string;
  /** What was accepted, in order. */
  readonly items: readonly IngestedItem[];
  readonly requests: readonly {
    readonly url: string;
    readonly authorization: string | undefined;
    readonly count: number;
  }[];
  /** The coming answers in turn; afterwards everything is accepted. */
  answerWith(...answers: readonly IngestionAnswer[]): void;
  /** Every answer from now on. */
  answerAlways(answer: IngestionAnswer): void;
  /** Resolves when the next request has arrived. */
  nextRequest(): Promise<void>;
  /** Forgets all requests, and accepts everything again. */
  reset(): void;
  stop(): Promise<void>;
}

export const instrumentationKey = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

/** As much of Application Insights' ingestion endpoint as the product uses, over HTTPS on 127.0.0.1. */
export async function startIngestionServer(): Promise<IngestionServer> {
  const certificate = await createServerCertificate();
  const items: IngestedItem[] = [];
  const requests: { url: string; authorization: string | undefined; count: number }[] = [];
  let next: IngestionAnswer[] = [];
  let always: IngestionAnswer = { kind: "accept" };
  let arrived = Promise.withResolvers<void>();

  const server = createServer(certificate, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const json = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    const received: IngestedItem[] = JSON.parse(json.toString());
    const { authorization } = request.headers;
    requests.push({ url: request.url ?? "", authorization, count: received.length });
    arrived.resolve();
    arrived = Promise.withResolvers();

    const answer = next.shift() ?? always;
    if (answer.kind === "hang") return;
    if (answer.kind === "status") {
      const wait = answer.retryAfterSeconds;
      const headers = wait === undefined ? {} : { "retry-after": String(wait) };
      return void response.writeHead(answer.status, headers).end();
    }
    const accepted = answer.kind === "accept" ? received : received.slice(0, answer.accepted);
    items.push(...accepted);
    const errors = received
      .slice(accepted.length)
      .map((_, i) => ({ index: accepted.length + i, statusCode: 400, message: "refused" }));
    response
      .writeHead(errors.length === 0 ? 200 : 206, { "content-type": "application/json" })
      .end(JSON.stringify({ itemsReceived: received.length, itemsAccepted: accepted.length, errors }));
  });
  // Idle connections stay open, so that one which keeps a process is noticed.
  server.keepAliveTimeout = 0;
  const port = await listen(server);

  return {
    connectionString: `InstrumentationKey=${instrumentationKey};IngestionEndpoint=https://127.0.0.1:${port}/`,
    certificatePem: certificate.cert,
    items,
    requests,
    answerWith: (...answers) => {
      next = [...answers];
    },
    answerAlways: (answer) => {
      always = answer;
    },
    nextRequest: () => arrived.promise,
    reset() {
      items.length = 0;
      requests.length = 0;
      next = [];
      always = { kind: "accept" };
    },
    async stop() {
      server.closeAllConnections();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
}
