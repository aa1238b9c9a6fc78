import { AsyncLocalStorage } from "node:async_hooks";
import type { PipelinePolicy, PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { Credential } from "./credential.ts";

/** The beginning of every request's `User-Agent`: Azure's logs show it. */
export const userAgent = "gateway-key-rotation";

/** The options that the client of every service needs. */
export interface ClientOptions {
  readonly credential: Credential;
  /** The time limit of one call, including its request for a token, in milliseconds. */
  readonly callTimeoutMs: number;
}

/**
 * What is known of a call outside the SDK: whether its request was sent, and the answer's status and headers, even if
 * the SDK could not parse the body. An SDK's error alone shows neither.
 */
export interface WireRecord {
  /** The service's name for messages. */
  readonly service: string;
  /** A request with a token was sent; false if the call ended while it waited for the token. */
  readonly sent: boolean;
  /** Of the last answer. */
  readonly status: number | undefined;
  header(name: string): string | undefined;
  /** The answer was 401, and the next call gets another token. */
  readonly tokenRenewed: boolean;
  /** The answer's body if the status is 400 or higher. Other bodies may contain a key, so they are not kept. */
  readonly errorBody: string | undefined;
  /** The call's time limit has passed. */
  readonly timedOut: boolean;
  readonly durationMs: number;
}

export type WireResult<T> =
  | { readonly kind: "value"; readonly value: T; readonly wire: WireRecord }
  | FailedCall;

export interface FailedCall {
  readonly kind: "error";
  readonly error: unknown;
  readonly wire: WireRecord;
}

/** The record of a call under way. It keeps parts of an answer: the response itself would keep both bodies in memory. */
type OpenCall = { -readonly [Part in Exclude<keyof WireRecord, "durationMs">]: WireRecord[Part] };

const noAnswer = { status: undefined, header: () => undefined, errorBody: undefined };

/**
 * Must be the last policy of a pipeline (after phase `Sign`): the next step sends the request.
 *
 * @param refused called with a token that the service refused; see `Credential`
 */
export function wirePolicy(refused: Credential["refused"]): PipelinePolicy {
  return {
    name: "gatewayKeyRotationWire",
    async sendRequest(request, next) {
      const call = openCalls.getStore();
      if (call === undefined) return next(request);
      Object.assign(call, noAnswer, { sent: true });
      const response = await next(request);
      const { status, headers, bodyAsText } = response;
      // A vault client gets its challenge with an empty request, which has no effect.
      if (status === 401 && !request.headers.has("authorization")) call.sent = false;
      else if (!call.timedOut) {
        call.status = status;
        call.header = (name) => headers.get(name);
        call.errorBody = status >= 400 ? (bodyAsText ?? undefined) : undefined;
      }
      const token = refusedToken(request, response);
      if (token !== undefined) {
        call.tokenRenewed = refused(token);
        // With this header, the SDK would send the request a second time within the same call.
        headers.delete("www-authenticate");
      }
      return response;
    },
  };
}

/** The token that a service refused; undefined: it refused none. */
export function refusedToken({ headers }: PipelineRequest, { status }: PipelineResponse): string | undefined {
  const [, token] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
  return status === 401 ? token : undefined;
}

const openCalls = new AsyncLocalStorage<OpenCall>();

/** Makes one call. Never throws. */
export type ClientCall<Client> = <T>(
  timeoutMs: number,
  send: (client: Client, abortSignal: AbortSignal) => Promise<T>,
) => Promise<WireResult<T>>;

/**
 * Calls through one client of an SDK, which the first call opens. A client keeps its token, so after the service has
 * refused the token, the next call opens another client. A call ends within `timeoutMs` even if the SDK ignores its abort
 * signal (a credential that never answers). A request that was not sent by then is never sent: the HTTP client checks
 * the signal first. If no time is left, the call sends nothing.
 *
 * @param load loads the SDK: the first call waits for it, the start of the process does not. After a failure, the next
 * call loads it again
 * @param open must put {@link wirePolicy} into the client's pipeline
 */
export function callsThrough<Sdk, Client extends object>(
  service: string,
  load: () => Promise<Sdk>,
  open: (sdk: Sdk) => Client,
): ClientCall<Client> {
  let opened: Client | undefined;

  async function openedClient(): Promise<Client> {
    if (opened !== undefined) return opened;
    const sdk = await load();
    // Of the calls that waited for the SDK, the first opens the client for all.
    opened ??= open(sdk);
    return opened;
  }

  return async (timeoutMs, send) => {
    const call: OpenCall = { service, ...noAnswer, sent: false, timedOut: false, tokenRenewed: false };
    const startedAt = performance.now();
    const record = (): WireRecord => ({ ...call, durationMs: Math.round(performance.now() - startedAt) });
    const abort = new AbortController();
    const timeLimit = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      call.timedOut = true;
      const error = new Error(`The call did not end within ${timeoutMs} ms.`);
      abort.abort(error);
      timeLimit.reject(error);
    }, timeoutMs);
    try {
      // `classifyFailure` quotes the name.
      if (timeoutMs <= 0) throw Object.assign(new Error(), { name: "the invocation's time is up" });
      const sending = openedClient().then((client) => openCalls.run(call, () => send(client, abort.signal)));
      const value = await Promise.race([sending, timeLimit.promise]);
      return { kind: "value", value, wire: record() };
    } catch (error) {
      return { kind: "error", error, wire: record() };
    } finally {
      clearTimeout(timer);
      if (call.tokenRenewed) opened = undefined;
      // A connection that stays open keeps a reference to the call that it was opened for.
      Object.assign(call, noAnswer);
    }
  };
}
