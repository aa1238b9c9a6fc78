import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import type { InvocationResponse, RpcHttpRequest } from "./rpc.ts";
import type { Answer } from "./server.ts";

type Params = Readonly<Record<string, string>>;

/**
 * Converts a request to the form that the worker gets. Repeated values are joined by a comma, in headers and in the
 * query. The real host's `identities` are omitted: `@azure/functions` does not read them.
 *
 * @see https://github.com/Azure/azure-functions-host `GrpcMessageConversionExtensions.cs`
 * @throws if the client disconnects before the body is complete
 */
export async function toRpcHttp(request: IncomingMessage, url: URL, params: Params): Promise<RpcHttpRequest> {
  const headers = Object.entries(request.headersDistinct);
  const query = Map.groupBy(url.searchParams, ([name]) => name.toLowerCase());
  const toNullable = (entries: Iterable<readonly [string, string]>) =>
    Object.fromEntries(Array.from(entries, ([name, value]) => [name, { value }]));
  return {
    method: request.method ?? "",
    url: url.href,
    nullableHeaders: toNullable(headers.map(([name, values = []]) => [name, values.join()])),
    nullableQuery: toNullable(
      Array.from(query, ([name, same]) => [same[0]?.[0] ?? name, same.map(([, value]) => value).join()]),
    ),
    nullableParams: toNullable(Object.entries(params)),
    ...(bodyLength(request) > 0 && { body: { bytes: await buffer(request) } }),
  };
}

/**
 * The length of the body that reaches the function, in bytes. A chunked body does not reach it: the real host passes on
 * no body without `Content-Length`, unless the app turns on HTTP streams.
 */
export const bodyLength = ({ headers }: IncomingMessage) => Number(headers["content-length"] ?? 0);

/**
 * Converts a response to the client's answer. If the handler returned nothing, it is 204, ASP.NET's answer for null.
 *
 * @throws for cookies: no function of this project sets one
 * @see https://github.com/Azure/azure-functions-host `RawScriptResult.cs`
 */
export function toAnswer({ returnValue }: InvocationResponse): Answer {
  const http = returnValue?.http;
  if (!http) return { status: 204 };
  if (http.cookies.length > 0) throw new Error("The local functions host does not support cookies.");
  const headers = new Map(Object.entries(http.headers));
  return { status: Number(http.statusCode), headers, body: http.body.bytes };
}
