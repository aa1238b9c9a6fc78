import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { createSerializer, type OperationOptions, type OperationSpec } from "@azure/core-client";
import * as z from "zod/mini";
import type { HostStatus, TargetDescription } from "../../domain/inspection.ts";
import { type Redacted, redact } from "../../domain/redacted.ts";
import type { AuthKeySlot, KeySlot, Target } from "../../domain/target.ts";

/**
 * The requests of one kind of gateway. Each sends one HTTP request through the client's pipeline, and throws on every
 * status but 200. A key is `Redacted` as soon as its answer is here.
 */
export interface KindRequests {
  readonly apiVersion: string;
  /** @returns the slot's new key; undefined if the answer has no usable one */
  regenerate(
    client: DataFactoryManagementClient,
    target: Target,
    slot: KeySlot,
    options: OperationOptions,
  ): Promise<Redacted | undefined>;
  /** @returns the gateway's resource, as JSON or as the client's model of it, which of a 304 is empty */
  get(client: DataFactoryManagementClient, target: Target, options: OperationOptions): Promise<unknown>;
  /**
   * Reads the gateway's resource, from {@link get} or from a list: whether it has keys of its own.
   *
   * @throws if it is not a resource of this kind
   */
  describe(resource: unknown): Exclude<TargetDescription["kind"], "failed">;
}

export interface OneKeyKindRequests extends KindRequests {
  /**
   * Reads the gateway's resource, from {@link KindRequests.get}: what the service knows of its host.
   *
   * @throws if it shows no status
   */
  hostOf(resource: unknown): HostStatus;
}

export interface TwoKeyKindRequests extends KindRequests {
  /** @returns the keys that the service accepts now; undefined if the answer does not have both */
  listKeys(
    client: DataFactoryManagementClient,
    target: Target,
    options: OperationOptions,
  ): Promise<Readonly<Record<AuthKeySlot, Redacted>> | undefined>;
}

/**
 * The slot's key in an answer. White space around a key is not part of it: the sample of the REST reference has some.
 *
 * @returns undefined if the answer has none, which the client's models accept
 */
export function usableKey(answer: unknown, slot: KeySlot): Redacted | undefined {
  const value: unknown =
    typeof answer === "object" && answer !== null ? Reflect.get(answer, slot) : undefined;
  const key = typeof value === "string" ? value.trim() : "";
  return key === "" ? undefined : redact(key);
}

/** @returns undefined if the answer does not have both keys */
export function bothKeys(answer: unknown): Readonly<Record<AuthKeySlot, Redacted>> | undefined {
  const [authKey1, authKey2] = [usableKey(answer, "authKey1"), usableKey(answer, "authKey2")];
  return authKey1 === undefined || authKey2 === undefined ? undefined : { authKey1, authKey2 };
}

const Runtime = z.object({
  properties: z.object({
    type: z.enum(["Airflow", "Managed", "SelfHosted"]),
    typeProperties: z.nullish(z.object({ linkedInfo: z.optional(z.unknown()) })),
    // Here the client's model has it.
    linkedInfo: z.optional(z.unknown()),
  }),
});

/**
 * Reads the resource of an integration runtime. A linked one has `linkedInfo`; of others the service may also send
 * `typeProperties: null`.
 *
 * @throws if it names no known type
 */
export function describeRuntime(resource: unknown): Exclude<TargetDescription["kind"], "failed"> {
  const { type, typeProperties, linkedInfo } = Runtime.parse(resource).properties;
  if (type !== "SelfHosted") return "managed";
  return (linkedInfo ?? typeProperties?.linkedInfo) == null ? "ready" : "linked";
}

/**
 * Sends a request that the client has no method for, through its pipeline.
 *
 * @param path the encoded path with its api-version, or a whole URL
 * @returns the body of the 200 as it came
 */
export async function requestJson(
  client: DataFactoryManagementClient,
  httpMethod: "GET" | "POST",
  path: string,
  options: OperationOptions,
  body?: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const spec: OperationSpec = {
    httpMethod,
    path,
    headerParameters: [{ parameterPath: "accept", mapper: acceptJson }],
    responses: { 200: { bodyMapper: anyJson }, default: {} },
    serializer: createSerializer(),
    ...(body !== undefined && {
      contentType: "application/json",
      requestBody: { parameterPath: "body", mapper: anyJson },
    }),
  };
  const answer: unknown = await client.sendOperationRequest({ options, body }, spec);
  return answer;
}

const Page = z.object({ value: z.array(z.unknown()), nextLink: z.nullish(z.string()) });

/**
 * Reads a list with all its pages.
 *
 * @throws if the next page is on another host: its request would carry our token there
 */
export async function requestList(
  client: DataFactoryManagementClient,
  path: string,
  options: OperationOptions,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page = Page.parse(await requestJson(client, "GET", next, options));
    items.push(...page.value);
    next = page.nextLink || undefined;
    if (next !== undefined && new URL(next).origin !== new URL(client.$host).origin)
      throw new Error("The next page of the list is on another host.");
  }
  return items;
}

const anyJson = { serializedName: "body", type: { name: "any" } } as const;

const acceptJson = {
  serializedName: "Accept",
  isConstant: true,
  defaultValue: "application/json",
  type: { name: "String" },
} as const;
