import type { ConfigurationProblem } from "../config/configurationProblem.ts";
import type { Effect } from "../domain/attempt.ts";
import { jsonResponse, type Response } from "./exchange.ts";

export interface ProblemFacts {
  readonly status: number;
  /** Stable, in kebab-case; docs refer to it. */
  readonly code: string;
  /** What happened, in a sentence. Never holds a key. */
  readonly detail: string;
  /** What it means for the keys; for a request that was refused: nothing. */
  readonly effect?: Effect;
  readonly nextAction: string;
  /** Every mistake in what was sent or configured, all at once. */
  readonly problems?: readonly ConfigurationProblem[];
}

/** A request that is not served, and why. Thrown by whoever finds out; {@link toResponse} makes the answer of it. */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly facts: ProblemFacts;

  constructor(facts: ProblemFacts) {
    super(`${facts.code}: ${facts.detail}`);
    this.facts = facts;
  }
}

/** `application/problem+json` (RFC 9457). An error that is none of ours is named by its kind alone. */
export function toResponse(error: unknown): Response {
  const {
    status,
    problems,
    effect = "unchanged",
    ...told
  }: ProblemFacts = error instanceof HttpProblem ? error.facts : unexpected(error);
  const type = `urn:gateway-key-rotation:${told.code}`;
  const title = titles[status] ?? "The request could not be served";
  const body = { type, title, status, ...told, effect, ...(problems === undefined ? {} : { problems }) };
  return jsonResponse(status, body, { "content-type": "application/problem+json" });
}

const titles: Readonly<Record<number, string>> = {
  400: "The request is wrong",
  401: "Nobody knows who you are",
  403: "You may not do this",
  404: "There is no such thing",
  409: "The idempotency key was used for another request",
  413: "The request is too large",
  415: "The request is not JSON",
  503: "Not now",
};

/** Nobody can promise what a foreign message holds. */
const unexpected = (error: unknown): ProblemFacts => ({
  status: 500,
  code: "unexpected-error",
  detail: `The request broke at a place where it never should (${error instanceof Error ? error.name : typeof error}).`,
  effect: "unknown",
  nextAction:
    "Send the same request with the same Idempotency-Key again: it goes on with the same run. Then report the defect.",
});
