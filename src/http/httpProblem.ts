import type { ConfigurationProblem } from "../config/configurationProblem.ts";
import type { Effect } from "../domain/attempt.ts";
import { type HttpResponse, jsonResponse } from "./exchange.ts";

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
