import type { CallTrace, GatewayKeys } from "../../../src/domain/attempt.ts";
import { redact } from "../../../src/domain/redacted.ts";
import { type Call, problemOf, refusals, type Unanswered } from "./delivery.ts";
import type { Perform } from "./performCall.ts";
import * as model from "./serviceOperations.ts";

/** Resource Manager as the product's wrapper shows it. */
export function createModelGatewayKeys(runner: string, perform: Perform): GatewayKeys {
  return {
    async regenerate(target, slot, clientRequestId) {
      const subject = `${nameOf(target.identity)} ${slot}`;
      const call: Call = { ...arm, runner, operation: "regenerate", subject, payload: clientRequestId };
      const seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));
      const trace: CallTrace = { clientRequestId, status: statusOf(seen), durationMs: 0 };
      switch (seen.kind) {
        case "regenerated": {
          const requestId = `answer to ${clientRequestId}`;
          const ids = { requestId, correlationRequestId: requestId, routingRequestId: `MODEL:${requestId}` };
          return { kind: "applied", key: redact(seen.key), trace: { ...trace, ...ids } };
        }
        case "refused":
          return { kind: "unchanged", problem: problemOf(call, seen), trace };
        case "unclear":
          return { kind: "unknown", problem: problemOf(call, seen), trace };
      }
    },
    async listKeys(target) {
      const subject = nameOf(target.identity);
      const call: Call = { ...arm, runner, operation: "listKeys", subject, payload: target.identity };
      const seen = await perform(call, (world) => model.listKeys(world, target));
      if (seen.kind !== "keys") return { kind: "failed", problem: problemOf(call, seen) };
      const { authKey1 = "", authKey2 = "" } = seen.keys;
      return { kind: "listed", keys: { authKey1: redact(authKey1), authKey2: redact(authKey2) } };
    },
  };
}

const arm = { service: "Resource Manager" } as const;

const nameOf = (identity: string): string => identity.slice(identity.lastIndexOf("/") + 1);

/** No answer has no status. */
function statusOf(seen: { readonly kind: "regenerated" } | Unanswered): number | undefined {
  switch (seen.kind) {
    case "regenerated":
      return 200;
    case "refused":
      return refusals[seen.code].status;
    case "unclear":
      return undefined;
  }
}
