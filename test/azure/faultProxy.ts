import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { listen } from "../../local/listen.ts";
import { passTime } from "../support/heldTime.ts";

/** The time limit of the calls through the proxy. */
export const callTimeoutMs = 30_000;

/** What happens to a request instead of its normal way; `forward`: the service gets the request nevertheless. */
export type Fault =
  /** `afterMs`: so much of the held time passes first. */
  | { readonly kind: "pass"; readonly afterMs?: number }
  /** The caller's time limit passes without an answer. */
  | { readonly kind: "hang" }
  | { readonly kind: "drop"; readonly forward: boolean }
  /**
   * The right answer, of whose body only the first bytes come, before the connection is dropped, or before the caller's
   * time limit passes.
   */
  | { readonly kind: "cutOff" | "stall"; readonly bytes: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly forward?: boolean;
      readonly withoutDate?: boolean;
    };

type Answer = Extract<Fault, { readonly kind: "answer" }>;
export const answer = (status: number, more: Omit<Answer, "kind" | "status"> = {}): Fault => ({
  kind: "answer",
  status,
  ...more,
});
/** The connection is dropped before the request takes effect, or after. */
export const dropBefore: Fault = { kind: "drop", forward: false };
export const dropAfter: Fault = { kind: "drop", forward: true };

export interface FaultProxy {
  readonly url: string;
  readonly host: string;
  /** In the order of arrival, including those that were not forwarded. */
  readonly requests: readonly IncomingMessage[];
  /** The same account, through this proxy. */
  connectionString(original: string): string;
  /** One for each of the next requests, in this order. */
  inject(...faults: readonly Fault[]): void;
  /** Forgets requests and faults. */
  reset(): void;
  stop(): void;
}

/** Forwards requests to `target` unchanged, host and signature included, unless a fault is due. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const requests: IncomingMessage[] = [];
  const faults: Fault[] = [];

  const server = createServer(async (incoming, response) => {
    requests.push(incoming);
    const fault: Fault = faults.shift() ?? { kind: "pass" };
    const body = await buffer(incoming);
    switch (fault.kind) {
      case "pass":
        await passTime(fault.afterMs ?? 0);
        return answerWith(await forward(target, incoming, body), response);
      case "hang":
        return passTime(callTimeoutMs);
      case "drop":
        if (fault.forward) await forward(target, incoming, body);
        incoming.socket.destroy();
        return;
      case "cutOff":
      case "stall": {
        const answer = await forward(target, incoming, body);
        response.writeHead(answer.status, answer.headers);
        const head = answer.body.subarray(0, fault.bytes);
        await new Promise<void>((resolve) => response.write(head, () => resolve()));
        if (fault.kind === "cutOff") return void incoming.socket.destroy();
        // A round trip, so that the caller has the first bytes before its time limit passes.
        await forward(target, incoming, body);
        return passTime(callTimeoutMs);
      }
      case "answer":
        if (fault.forward === true) await forward(target, incoming, body);
        response.sendDate = fault.withoutDate !== true;
        response.writeHead(fault.status, fault.headers).end(fault.body);
    }
  });
  const host = `127.0.0.1:${await listen(server)}`;

  return {
    url: `http://${host}`,
    host,
    requests,
    connectionString: (original) => original.replace(new URL(blobEndpoint(original)).host, host),
    inject: (...next) => void faults.push(...next),
    reset: () => {
      requests.length = 0;
      faults.length = 0;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Forwarded {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

async function forward(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<Forwarded> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(new URL(url ?? "", target), { method, headers }, resolve)
    .on("error", reject)
    .end(body);
  const answer = await promise;
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
}

function answerWith({ status, headers, body }: Forwarded, response: ServerResponse): void {
  response.writeHead(status, headers).end(body);
}

export const blobEndpoint = (connectionString: string): string =>
  /BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? "";
