import type { IncomingMessage } from "node:http";
import type { LogLevel } from "./coreModule.ts";
import type { Invoker } from "./invoker.ts";
import { authLevels, type Keys } from "./keys.ts";
import { bodyLength, toAnswer, toRpcHttp } from "./rpcHttp.ts";
import type { Answer, Respond } from "./server.ts";
import type { HttpFunction } from "./triggers.ts";

export interface HttpTriggersOptions {
  readonly functions: readonly HttpFunction[];
  readonly keys: Keys;
  readonly invoker: Invoker;
  /** Bytes. */
  readonly bodySizeLimit: number;
  log(level: LogLevel, message: string, functionName: string | undefined): void;
}

interface Call {
  readonly target: HttpFunction;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Serves functions over HTTP like the real host. It logs one line for each request, without the query, which may contain
 * a key. The log lines of the functions are not redacted, so that a leak is visible here.
 *
 * Not implemented: throttling (429), content negotiation.
 *
 * @see https://github.com/Azure/azure-functions-host `FunctionInvocationMiddleware.cs`, `SystemTraceMiddleware.cs`
 */
export function createHttpTriggers(options: HttpTriggersOptions): Respond {
  const { keys, invoker, bodySizeLimit, log } = options;
  const functions = inOrder(options.functions);

  async function answerCall({ target, params }: Call, request: IncomingMessage, url: URL): Promise<Answer> {
    const level = keys.levelOf(request, url, target.name);
    if (authLevels.indexOf(level) < authLevels.indexOf(target.authLevel)) return { status: 401 };
    if (bodyLength(request) > bodySizeLimit) {
      // Not 413: in the real host the server's exception comes from the binding, and counts as the function's failure.
      log("error", `Request body too large: the limit is ${bodySizeLimit} bytes.`, target.name);
      return { status: 500 };
    }
    if (request.headers["transfer-encoding"] !== undefined) {
      log("warning", "A body without Content-Length is not passed to the function.", target.name);
    }
    const http = await toRpcHttp(request, url, params);
    const traceParent = request.headersDistinct["traceparent"]?.[0];
    const completion = await invoker.invoke(target, { http }, { traceParent });
    return completion.kind === "failed" ? { status: 500 } : toAnswer(completion.response);
  }

  return async (request, url) => {
    if (url.pathname === "/" && request.method === "GET") return homePage;
    const call = findCall(functions, request, url);
    const answer = call === undefined ? { status: 404 } : await answerCall(call, request, url);
    log("information", `${request.method} ${url.pathname} → ${answer.status}`, call?.target.name);
    return answer;
  };
}

const homePage: Answer = {
  status: 200,
  headers: new Map([["content-type", "text/html"]]),
  body: "<!doctype html><title>Function app</title><p>The function app is running.",
};

/** If two routes match a path, the function whose name sorts first wins, as in `FunctionMetadataManager.cs`. */
const inOrder = (functions: readonly HttpFunction[]) =>
  functions.toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));

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
