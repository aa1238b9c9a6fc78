import type { OperationOptions } from "@azure/core-client";
import type {
  CallTrace,
  ClientRequestId,
  GatewayKeys,
  ListKeysOutcome,
  RegenerateOutcome,
} from "../domain/attempt.ts";
import type { PermissionsOutcome, TargetDescription, TargetInspector } from "../domain/inspection.ts";
import { type Redacted, redact } from "../domain/redacted.ts";
import type { AuthKeySlot, IntegrationRuntimeTarget, KeySlot, Target } from "../domain/target.ts";
import type { DataFactory, DataFactoryOptions } from "./dataFactory.ts";
import { classifyFailure } from "./problem.ts";
import { callOverWire, type WireRecord, type WireResult } from "./wire.ts";

export interface ResourceManagerOptions extends DataFactoryOptions {
  /** The longest that one call may take, its token included, in milliseconds. */
  readonly callTimeoutMs: number;
}

const service = "Resource Manager";

/**
 * Azure Resource Manager, as far as keys need it. Every method is one HTTP request, because each attempt to
 * regenerate makes another key. The SDK is loaded by the first call. Never throws.
 */
export function createResourceManager(options: ResourceManagerOptions): GatewayKeys & TargetInspector {
  const clients = new Map<string, Promise<DataFactory>>();

  function clientFor({ subscriptionId }: Target): Promise<DataFactory> {
    const known = clients.get(subscriptionId);
    if (known !== undefined) return known;
    const opening = import("./dataFactory.ts").then(({ openDataFactory }) =>
      openDataFactory(options, subscriptionId),
    );
    clients.set(subscriptionId, opening);
    return opening;
  }

  async function call<T>(
    target: Target,
    clientRequestId: string,
    send: (client: DataFactory, operation: OperationOptions) => Promise<T>,
  ): Promise<WireResult<T>> {
    const client = await clientFor(target);
    const customHeaders = { "x-ms-client-request-id": clientRequestId };
    return callOverWire(options.callTimeoutMs, (abortSignal) =>
      send(client, { abortSignal, requestOptions: { customHeaders } }),
    );
  }

  async function regenerate(
    target: Target,
    slot: KeySlot,
    clientRequestId: ClientRequestId,
  ): Promise<RegenerateOutcome> {
    const result = await call(target, clientRequestId, (client, operation) =>
      client.regenerate(target, slot, operation),
    );
    const trace = traceOf(clientRequestId, result.wire);
    if (result.kind === "error") {
      const { certainty, problem } = classifyFailure(service, result.error, result.wire);
      return { kind: certainty === "refused" ? "unchanged" : "unknown", problem, trace };
    }
    const key = usableKey(result.value);
    if (key !== undefined) return { kind: "applied", key, trace };
    const message = `${service} answered ${result.wire.status ?? "without a status"}, but without a usable key.`;
    return { kind: "unknown", problem: { code: "no-key-in-answer", message, transient: true }, trace };
  }

  async function listKeys(target: IntegrationRuntimeTarget): Promise<ListKeysOutcome> {
    const result = await call(target, crypto.randomUUID(), (client, operation) =>
      client.listKeys(target, operation),
    );
    if (result.kind === "error") return failed(result);
    const keys = bothKeys(result.value);
    if (keys !== undefined) {
      return { kind: "listed", keys, remainingSubscriptionWrites: remainingWrites(result.wire) };
    }
    const message = `${service} answered ${result.wire.status ?? "without a status"}, but without both keys.`;
    return { kind: "failed", problem: { code: "no-key-in-answer", message, transient: true } };
  }

  async function describe(target: Target): Promise<TargetDescription> {
    const result = await call(target, crypto.randomUUID(), (client, operation) =>
      client.describe(target, operation),
    );
    return result.kind === "error" ? failed(result) : { kind: result.value };
  }

  async function permissions(target: Target): Promise<PermissionsOutcome> {
    const result = await call(target, crypto.randomUUID(), (client, operation) =>
      client.permissions(target, operation),
    );
    return result.kind === "error" ? failed(result) : { kind: "read", permissions: result.value };
  }

  return { regenerate, listKeys, describe, permissions };
}

const failed = ({ error, wire }: Extract<WireResult<unknown>, { kind: "error" }>) =>
  ({ kind: "failed", problem: classifyFailure(service, error, wire).problem }) as const;

/** White space around a key is not part of it: the reference's own sample has some. */
function usableKey(value: unknown): Redacted | undefined {
  const key = typeof value === "string" ? value.trim() : "";
  return key === "" ? undefined : redact(key);
}

function bothKeys(value: Readonly<Record<AuthKeySlot, unknown>>): Record<AuthKeySlot, Redacted> | undefined {
  const authKey1 = usableKey(value.authKey1);
  const authKey2 = usableKey(value.authKey2);
  return authKey1 === undefined || authKey2 === undefined ? undefined : { authKey1, authKey2 };
}

function remainingWrites(wire: WireRecord): number | undefined {
  const remaining = wire.header("x-ms-ratelimit-remaining-subscription-writes");
  return remaining !== undefined && /^\d+$/.test(remaining) ? Number(remaining) : undefined;
}

function traceOf(clientRequestId: ClientRequestId, wire: WireRecord): CallTrace {
  return {
    clientRequestId,
    requestId: wire.header("x-ms-request-id"),
    correlationRequestId: wire.header("x-ms-correlation-request-id"),
    routingRequestId: wire.header("x-ms-routing-request-id"),
    remainingSubscriptionWrites: remainingWrites(wire),
    status: wire.status,
    durationMs: wire.durationMs,
  };
}
