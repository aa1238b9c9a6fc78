import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { createSerializer, type OperationOptions, type OperationSpec } from "@azure/core-client";
import type { TargetDescription } from "../../domain/inspection.ts";
import { type Redacted, redact } from "../../domain/redacted.ts";
import type { AuthKeySlot, KeySlot, Target } from "../../domain/target.ts";

/**
 * The requests of one kind of gateway. Each sends one HTTP request through the client's pipeline, and throws on every
 * status but 200. A key is `Redacted` as soon as its answer is here.
 */
export interface KindRequests {
  /** @returns the slot's new key; undefined if the answer has no usable one */
  regenerate(
    client: DataFactoryManagementClient,
    target: Target,
    slot: KeySlot,
    options: OperationOptions,
  ): Promise<Redacted | undefined>;
  /** Checks that the gateway exists and has keys of its own. */
  describe(
    client: DataFactoryManagementClient,
    target: Target,
    options: OperationOptions,
  ): Promise<Exclude<TargetDescription["kind"], "failed">>;
}

export interface TwoKeyKindRequests extends KindRequests {
  /** @returns the keys that the service accepts now; undefined if the answer does not have both */
  listKeys(
    client: DataFactoryManagementClient,
    target: Target,
    options: OperationOptions,
  ): Promise<Readonly<Record<AuthKeySlot, Redacted>> | undefined>;
}

/** White space around a key is not part of it: the sample of the REST reference has some. */
export function usableKey(value: unknown): Redacted | undefined {
  const key = typeof value === "string" ? value.trim() : "";
  return key === "" ? undefined : redact(key);
}

/**
 * An operation that the client has no method for. The body of its answer stays as it came: a model of the SDK would
 * turn a missing key into `undefined` unnoticed.
 *
 * @param path the encoded path with its api-version, or a whole URL
 */
export function jsonOperation(httpMethod: "GET" | "POST", path: string): OperationSpec {
  return {
    httpMethod,
    path,
    headerParameters: [{ parameterPath: "accept", mapper: acceptJson }],
    responses: { 200: { bodyMapper: { type: { name: "any" } } }, default: {} },
    serializer: createSerializer(),
  };
}

const acceptJson = {
  serializedName: "Accept",
  isConstant: true,
  defaultValue: "application/json",
  type: { name: "String" },
} as const;
