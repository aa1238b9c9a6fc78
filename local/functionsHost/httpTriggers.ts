import type { IncomingMessage } from "node:http";
import type { Invoker } from "./invoker.ts";
import { authLevels, type Keys } from "./keys.ts";
import { log } from "./protocol.ts";
import { toAnswer, toRpcHttp } from "./rpcHttp.ts";
import type { Answer, Respond } from "./server.ts";
import type { HttpFunction } from "./triggers.ts";

export interface HttpTriggersOptions {
  readonly functions: readonly HttpFunction[];
  readonly keys: Keys;
  readonly invoker: Invoker;
}

interface Call {
  readonly target: HttpFunction;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Serves functions over HTTP like the real host. It logs one line for each request, without the query, which may contain
 * a key. The log lines of the functions are not redacted, so that a leak is visible here.
 *
 * Not implemented: throttling (429), content negotiation, the limit on a body's length, two routes for one path.
 *
 * @see https://github.com/Azure/azure-functions-host `FunctionInvocationMiddleware.cs`, `SystemTraceMiddleware.cs`
 */
export function createHttpTriggers(options: HttpTriggersOptions): Respond {
  const { functions, keys, invoker } = options;

  async function answerCall({ target, params }: Call, request: IncomingMessage, url: URL): Promise<Answer> {
    const level = keys.levelOf(request, url, target.name);
    if (authLevels.indexOf(level) < authLevels.indexOf(target.authLevel)) return { status: 401 };
    if (request.headers["transfer-encoding"] !== undefined) {
      log("warning", "A body without Content-Length is not passed to the function.", target.name);
    }
    const http = await toRpcHttp(request, url, params);
    const traceParent = request.headersDistinct["traceparent"]?.[0];
    const completion = await invoker.invoke(target, { http }, { traceParent });
    return completion.kind === "failed" ? { status: 500 } : toAnswer(completion.response);
  }

  return async (request, url) => {
    const call = findCall(functions, request, url);
    const answer = call === undefined ? { status: 404 } : await answerCall(call, request, url);
    log("information", `${request.method} ${url.pathname} → ${answer.status}`, call?.target.name);
    return answer;
  };
}

/** A wrong method is 404, not 405: the method is part of the route in `WebScriptHostHttpRoutesManager.cs`. */
function findCall(
  functions: readonly HttpFunction[],
  { method = "" }: IncomingMessage,
  { pathname }: URL,
): Call | undefined {
  for (const target of functions) {
    const params = target.methods.includes(method) ? target.route.match(pathname) : undefined;
    if (params !== undefined) return { target, params };
  }
  return undefined;
}
