import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import type { Invoker } from "./invoker.ts";
import { log } from "./protocol.ts";
import type { InvocationResponse, RpcHttpRequest } from "./rpc.ts";
import type { Answer, Respond } from "./server.ts";
import { authLevels, createRoute, type HttpFunction } from "./triggers.ts";

/** The keys of one host. */
interface Keys {
  readonly masterKey: string;
  /** One key for all functions, like the real host's host keys. */
  readonly functionKey: string;
}

export function createKeys(): Keys {
  const createKey = () => randomBytes(24).toString("base64url");
  return { masterKey: createKey(), functionKey: createKey() };
}

export interface HttpTriggersOptions {
  readonly functions: readonly HttpFunction[];
  readonly keys: Keys;
  readonly invoker: Invoker;
}

type Params = Readonly<Record<string, string>>;

/**
 * Serves functions over HTTP like the real host. It logs one line for each request, without the query, which may contain
 * a key. The log lines of the functions are not redacted, so that a leak is visible here.
 *
 * Not implemented: throttling (429), content negotiation, the limit on a body's length, two routes for one path.
 *
 * @see https://github.com/Azure/azure-functions-host `FunctionInvocationMiddleware.cs`, `SystemTraceMiddleware.cs`
 */
export function createHttpTriggers({ functions, keys, invoker }: HttpTriggersOptions): Respond {
  async function call(target: HttpFunction, params: Params, request: IncomingMessage, url: URL) {
    const level = levelOf(keys, request, url);
    if (authLevels.indexOf(level) < authLevels.indexOf(target.authLevel)) return { status: 401 };
    const completion = await invoker.invoke(target, { http: await toRpcHttp(request, url, params) });
    return completion.kind === "failed" ? { status: 500 } : toAnswer(completion.response);
  }

  return async (request, url) => {
    const { method = "" } = request;
    // A wrong method is 404, not 405: the real host's routes have their methods (`WebScriptHostHttpRoutesManager.cs`).
    const [found] = functions
      .filter(({ methods }) => methods.includes(method))
      .flatMap((target) => {
        const params = target.route.match(url.pathname);
        return params === undefined ? [] : [{ target, params }];
      });
    const answer =
      found === undefined ? { status: 404 } : await call(found.target, found.params, request, url);
    log("information", `${method} ${url.pathname} → ${answer.status}`, found?.target.name);
    return answer;
  };
}

/**
 * The path of the real host's admin API that timers need: `POST /admin/functions/{name}`, which answers 202 at once, also
 * where the function cannot run. Functions with an HTTP trigger are called through their routes.
 *
 * @param functionNames of all functions
 * @see https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
 */
export function createAdminApi(
  keys: Keys,
  functionNames: readonly string[],
  trigger: (functionName: string) => void,
): Respond {
  const route = createRoute("admin/functions/{name}");
  return async (request, url) => {
    if (levelOf(keys, request, url) !== "admin") return { status: 401 };
    const { name = "" } = (request.method === "POST" && route.match(url.pathname)) || {};
    if (!functionNames.includes(name)) return { status: 404 };
    trigger(name);
    return { status: 202 };
  };
}

/**
 * What the request's key permits. The header takes precedence over the query, even if the key in it is wrong.
 *
 * @see https://github.com/Azure/azure-functions-host `AuthenticationLevelHandler.cs`
 */
function levelOf({ masterKey, functionKey }: Keys, request: IncomingMessage, { searchParams }: URL) {
  const code = [...searchParams].find(([name]) => name.toLowerCase() === "code")?.[1];
  const given = request.headersDistinct["x-functions-key"]?.[0] ?? code;
  return given === masterKey ? "admin" : given === functionKey ? "function" : "anonymous";
}

/**
 * Converts a request to the form that the worker gets. Repeated values are joined by a comma, in headers and in the
 * query. A body without `Content-Length` does not reach the function, as in the real host, unless the app turns on HTTP
 * streams. The real host's `identities` are omitted: `@azure/functions` does not read them.
 *
 * @see https://github.com/Azure/azure-functions-host `GrpcMessageConversionExtensions.cs`
 * @throws if the client disconnects before the body is complete
 */
async function toRpcHttp(request: IncomingMessage, url: URL, params: Params): Promise<RpcHttpRequest> {
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
    ...(Number(request.headers["content-length"] ?? 0) > 0 && { body: { bytes: await buffer(request) } }),
  };
}

/**
 * Converts a response to the client's answer. If the handler returned nothing, it is 204, ASP.NET's answer for null.
 *
 * @throws for cookies: no function of this project sets one
 * @see https://github.com/Azure/azure-functions-host `RawScriptResult.cs`
 */
function toAnswer({ returnValue }: InvocationResponse): Answer {
  const http = returnValue?.http;
  if (!http) return { status: 204 };
  if (http.cookies.length > 0) throw new Error("The local functions host does not support cookies.");
  const headers = new Map(Object.entries(http.headers));
  return { status: Number(http.statusCode), headers, body: http.body.bytes };
}
