/** The part of a request that routes read. `HttpRequest` of `@azure/functions` has it. */
export interface HttpRequest {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
  /** The values of the names in the route's braces, such as `runId`. */
  readonly params: Readonly<Record<string, string>>;
}

/** The part of an invocation that the application needs. `InvocationContext` of `@azure/functions` has it. */
export interface Invocation {
  readonly invocationId: string;
  readonly traceContext?: { readonly traceParent?: string | undefined } | undefined;
  log(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** The answer of a route. `HttpResponseInit` of `@azure/functions` accepts it. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** No cache keeps an answer, and no browser shows one as a page. */
export const everyAnswer = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Makes an answer of JSON.
 *
 * @param headers more headers; one of the same name replaces the default
 */
export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  return { status, headers: { "content-type": "application/json", ...everyAnswer, ...headers }, body: text };
}
