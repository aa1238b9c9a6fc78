import type { ConfigurationProblem } from "../config/configurationProblem.ts";
import type { Effect } from "../domain/attempt.ts";

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

/** Why a request is not served. */
export interface ProblemFacts {
  readonly status: number;
  /** Stable, in kebab-case; docs refer to it. */
  readonly code: string;
  /** What happened, in a sentence. Never holds a key. */
  readonly detail: string;
  /** What the request did to the keys. Default: `unchanged`. */
  readonly effect?: Effect;
  readonly nextAction: string;
  /** Every mistake in what was sent or configured, all at once. */
  readonly problems?: readonly ConfigurationProblem[];
}

/** A request that is not served. {@link toResponse} turns it into the answer. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly facts: ProblemFacts;

  constructor(facts: ProblemFacts) {
    super(`${facts.code}: ${facts.detail}`);
    this.facts = facts;
  }
}

/**
 * Turns an error into an answer: `application/problem+json` (RFC 9457). If the error is not an {@link HttpProblem}, the
 * answer shows only its name, since its message may contain a key.
 */
export function toResponse(error: unknown): HttpResponse {
  const facts = error instanceof HttpProblem ? error.facts : unexpected(error);
  const type = `urn:gateway-key-rotation:${facts.code}`;
  const title = titles[facts.status] ?? "The request could not be served";
  const body = { type, title, effect: "unchanged", ...facts };
  return jsonResponse(facts.status, body, { "content-type": "application/problem+json" });
}

const titles: Readonly<Record<number, string>> = {
  400: "The request is not valid",
  401: "The caller is not signed in",
  403: "The caller lacks a role",
  404: "Not found",
  409: "The Idempotency-Key belongs to another request",
  413: "The request is too large",
  415: "The request is not JSON",
  503: "The function cannot serve requests now",
};

const unexpected = (error: unknown): ProblemFacts => ({
  status: 500,
  code: "unexpected-error",
  detail: `A defect of this system stopped the request (${error instanceof Error ? error.name : typeof error}).`,
  effect: "unknown",
  nextAction:
    "If the request had an Idempotency-Key, send it again with the same key: it continues the same run. Otherwise search the log for the run. Then report the defect.",
});
