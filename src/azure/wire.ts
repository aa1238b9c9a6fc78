import { AsyncLocalStorage } from "node:async_hooks";
import type { PipelinePolicy, PipelineResponse } from "@azure/core-rest-pipeline";

/** The beginning of every request's `User-Agent`: Azure's logs show it. */
export const userAgent = "gateway-key-rotation";

/**
 * What is known of a call from outside the SDK: whether its request left the process, and the answer's status
 * line and headers even where the SDK could not make sense of the body. An SDK's error alone tells neither.
 */
export interface WireRecord {
  /** A request with a token was handed to the network; false while the token was still being waited for. */
  readonly sent: boolean;
  /** Of the last answer. */
  readonly status: number | undefined;
  header(name: string): string | undefined;
  /** The answer's body where the status is 400 or above; others may hold a key and are not kept. */
  readonly errorBody: string | undefined;
  /** The call's time limit has passed. */
  readonly timedOut: boolean;
  readonly durationMs: number;
}

export type WireResult<T> =
  | { readonly kind: "value"; readonly value: T; readonly wire: WireRecord }
  | { readonly kind: "error"; readonly error: unknown; readonly wire: WireRecord };

/** What an answer is remembered by. Not by the response itself, which holds on to its request and both bodies. */
interface Answer {
  readonly status: number;
  readonly headers: PipelineResponse["headers"];
  readonly errorBody: string | undefined;
}

interface OpenCall {
  sent: boolean;
  timedOut: boolean;
  answer: Answer | undefined;
}

/** Belongs last in the pipeline (after phase `Sign`): what it lets through goes out. */
export const wirePolicy: PipelinePolicy = {
  name: "gatewayKeyRotationWire",
  async sendRequest(request, next) {
    const call = openCalls.getStore();
    if (call === undefined) return next(request);
    call.sent = true;
    call.answer = undefined;
    const response = await next(request);
    const { status, headers, bodyAsText } = response;
    // A vault client asks for its challenge with an empty request: that one cannot have done anything.
    if (status === 401 && !request.headers.has("authorization")) call.sent = false;
    else if (!call.timedOut)
      call.answer = { status, headers, errorBody: status >= 400 ? (bodyAsText ?? undefined) : undefined };
    return response;
  },
};

const openCalls = new AsyncLocalStorage<OpenCall>();

/**
 * Makes one call through an SDK client that has {@link wirePolicy} in its pipeline. Never throws. Ends within
 * `timeoutMs` even where the SDK does not heed its abort signal (a credential that hangs); a request that has not
 * been sent by then never is: the HTTP client looks at the signal first.
 */
export async function callOverWire<T>(
  timeoutMs: number,
  send: (abortSignal: AbortSignal) => Promise<T>,
): Promise<WireResult<T>> {
  const call: OpenCall = { sent: false, timedOut: false, answer: undefined };
  const startedAt = performance.now();
  const abort = new AbortController();
  const timeLimit = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    call.timedOut = true;
    const error = new Error(`The call did not end within ${timeoutMs} ms.`);
    abort.abort(error);
    timeLimit.reject(error);
  }, timeoutMs);
  try {
    const value = await Promise.race([openCalls.run(call, () => send(abort.signal)), timeLimit.promise]);
    return { kind: "value", value, wire: recordOf(call, startedAt) };
  } catch (error) {
    return { kind: "error", error, wire: recordOf(call, startedAt) };
  } finally {
    clearTimeout(timer);
    // Connections that are kept open remember the call that they were opened for.
    call.answer = undefined;
  }
}

function recordOf({ sent, timedOut, answer }: OpenCall, startedAt: number): WireRecord {
  return {
    sent,
    timedOut,
    status: answer?.status,
    header: (name) => answer?.headers.get(name),
    errorBody: answer?.errorBody,
    durationMs: Math.round(performance.now() - startedAt),
  };
}
