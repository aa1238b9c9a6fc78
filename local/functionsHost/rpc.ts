import type { FunctionMetadata } from "./functionApp.ts";
import type { LogLevel } from "./protocol.ts";

/**
 * The messages between the real host and its Node worker, limited to what `@azure/functions` reads or writes, and to
 * what an app of this project uses.
 *
 * @see https://github.com/Azure/azure-functions-language-worker-protobuf `FunctionRpc.proto`
 */
export type TriggerData = { readonly json: string } | { readonly http: RpcHttpRequest };

type NullableStrings = Readonly<Record<string, { readonly value: string }>>;

/** Uses the nullable fields, because the Node worker requests them (`UseNullableValueDictionaryForHttp`). */
export interface RpcHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly nullableHeaders: NullableStrings;
  readonly nullableQuery: NullableStrings;
  readonly nullableParams: NullableStrings;
  readonly body?: { readonly bytes: Uint8Array };
}

export interface RpcHttpResponse {
  readonly statusCode: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly unknown[];
  readonly body: { readonly bytes: Uint8Array };
}

export interface InvocationResponse {
  /** Without `http` if the handler of an HTTP function returned nothing. */
  readonly returnValue?: { readonly http?: RpcHttpResponse | undefined } | null | undefined;
}

export interface TraceContext {
  /** W3C: version, trace id, span id, flags. */
  readonly traceParent: string;
  readonly traceState: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** From the host to the worker. */
export interface InvocationRequest {
  readonly invocationId: string;
  readonly functionName: string;
  readonly bindingName: string;
  readonly data: TriggerData;
  readonly traceContext: TraceContext;
}

/** From the worker to the host. Without an invocation's id, `failed` means that the app could not be loaded. */
export type WorkerMessage =
  | { readonly kind: "loaded"; readonly functions: readonly FunctionMetadata[] }
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly invocationId?: string;
    }
  | { readonly kind: "succeeded"; readonly invocationId: string; readonly response: InvocationResponse }
  | { readonly kind: "failed"; readonly invocationId?: string; readonly message: string };
