import type { Fault, RecordedRequest } from "../../local/simulator/types.ts";
import { preflightSecretName } from "../../src/domain/secretStore.ts";

/** Requests that a test counts, or for which it injects a fault. */
export const isRegenerate = ({ url }: RecordedRequest): boolean => /regenerate(auth)?key\?/i.test(url);

/** A write to a vault. The first request of a client has no token, and none is taken. */
export const isPut = ({ method, headers }: RecordedRequest): boolean =>
  method === "PUT" && headers["authorization"] !== undefined;

/** A write that tries whether the vault takes keys. */
export const isPreflight = ({ url }: RecordedRequest): boolean => url.includes(preflightSecretName);

/** A write of a key. */
export const isStore = (request: RecordedRequest): boolean => isPut(request) && !isPreflight(request);

type Answer = Extract<Fault, { readonly kind: "answer" }>;
type More = Omit<Answer, "kind" | "status" | "effect">;

/** This answer, and the request has no effect. */
export const withoutEffect = (status: number, more: More = {}): Answer => ({
  kind: "answer",
  status,
  effect: "none",
  ...more,
});

/** The service refuses the request with this status, an error's. */
export function refusal(status: number, more: More = {}): Answer {
  if (status < 400) throw new RangeError(`${status} refuses nothing`);
  return withoutEffect(status, more);
}

/** This answer, and the request takes effect. */
export const applied = (status: number, more: More = {}): Answer => ({
  ...withoutEffect(status, more),
  effect: "applied",
});
