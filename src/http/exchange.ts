/** What a route reads of a request; `HttpRequest` of `@azure/functions` has it. */
export interface Request {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
  /** What stands in the route's braces. */
  readonly params: Readonly<Record<string, string>>;
}

/** What a route answers; `HttpResponseInit` of `@azure/functions` takes it. */
export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Nothing of it is kept by a cache, and no browser takes it for a page. */
const always = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

export function jsonResponse(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  return { status, headers: { "content-type": "application/json", ...always, ...headers }, body: text };
}
