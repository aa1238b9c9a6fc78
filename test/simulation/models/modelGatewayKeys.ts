import type { CallTrace, GatewayKeys } from "../../../src/domain/attempt.ts";
import { redact } from "../../../src/domain/redacted.ts";
import type { Call } from "./call.ts";
import { type CallFailure, problemOf, refusals } from "./delivery.ts";
import type { PerformCall } from "./performCall.ts";
import * as model from "./serviceOperations.ts";

/** The model of Resource Manager with the interface of the product's wrapper. */
export function createModelGatewayKeys(runner: string, perform: PerformCall): GatewayKeys {
  return {
    async regenerate(target, slot, clientRequestId) {
      const subject = `${nameOf(target.identity)} ${slot}`;
      const call: Call = {
        ...resourceManager,
        runner,
        operation: "regenerate",
        subject,
        payload: clientRequestId,
      };
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
      const call: Call = {
        ...resourceManager,
        runner,
        operation: "listKeys",
        subject,
        payload: target.identity,
      };
      const seen = await perform(call, (world) => model.listKeys(world, target));
      if (seen.kind !== "keys") return { kind: "failed", problem: problemOf(call, seen) };
      const { authKey1 = "", authKey2 = "" } = seen.keys;
      return { kind: "listed", keys: { authKey1: redact(authKey1), authKey2: redact(authKey2) } };
    },
  };
}

const resourceManager = { service: "Resource Manager" } as const;

const nameOf = (identity: string): string => identity.slice(identity.lastIndexOf("/") + 1);

/** A call without an answer has no status. */
function statusOf(seen: { readonly kind: "regenerated" } | CallFailure): number | undefined {
  switch (seen.kind) {
    case "regenerated":
      return 200;
    case "refused":
      return refusals[seen.code].status;
    case "unclear":
      return undefined;
  }
}
