import {
  createSerializer,
  type OperationOptions,
  type OperationSpec,
  type ServiceClient,
} from "@azure/core-client";
import * as z from "zod/mini";
import type { TargetDescription } from "../../domain/inspection.ts";
import { type Redacted, redact } from "../../domain/redacted.ts";
import type { AuthKeySlot, KeySlot, Target } from "../../domain/target.ts";

/** What all requests to Resource Manager go through: credential, user agent, logging. */
export interface ResourceManagerPipeline {
  /** `https://management.azure.com` */
  readonly url: string;
  readonly client: ServiceClient;
}

/**
 * The requests of one kind of gateway. Each sends one HTTP request through the client's pipeline, and throws on every
 * status but 200. A key is `Redacted` as soon as its answer is here.
 */
export interface KindRequests {
  readonly apiVersion: string;
  /** @returns the slot's new key; undefined if the answer has no usable one */
  regenerate(
    client: ResourceManagerPipeline,
    target: Target,
    slot: KeySlot,
    options: OperationOptions,
  ): Promise<Redacted | undefined>;
  /**
   * Reads the gateway's resource, from its own GET or from a list: whether it has keys of its own.
   *
   * @throws if it is not a resource of this kind
   */
  describe(resource: unknown): Exclude<TargetDescription["kind"], "failed">;
}

export interface TwoKeyKindRequests extends KindRequests {
  /** @returns the keys that the service accepts now; undefined if the answer does not have both */
  listKeys(
    client: ResourceManagerPipeline,
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
 * The requests of self-hosted integration runtimes, which Data Factory and Synapse have under different providers. Their
 * keys have the format `IR@guid@…`.
 *
 * @see azure-rest-api-specs, `IntegrationRuntimes_RegenerateAuthKey.json`: the answer has the regenerated key only,
 * and the other key stays valid
 */
export function runtimeRequests(apiVersion: string): TwoKeyKindRequests {
  const pathOf = ({ resourceId }: Target, operation: string) =>
    `${resourceId}/${operation}?api-version=${apiVersion}`;
  return {
    apiVersion,
    async regenerate(client, target, slot, options) {
      if (slot === "key") throw new TypeError("An integration runtime's keys are authKey1 and authKey2");
      const path = pathOf(target, "regenerateAuthKey");
      return usableKey(property(await requestJson(client, "POST", path, options, { keyName: slot }), slot));
    },
    /** Resource Manager counts it as a write. */
    async listKeys(client, target, options) {
      const answer = await requestJson(client, "POST", pathOf(target, "listAuthKeys"), options);
      const [authKey1, authKey2] = [property(answer, "authKey1"), property(answer, "authKey2")].map(
        usableKey,
      );
      return authKey1 === undefined || authKey2 === undefined ? undefined : { authKey1, authKey2 };
    },
    describe: describeRuntime,
  };
}

export const property = (answer: unknown, name: string): unknown =>
  typeof answer === "object" && answer !== null ? Reflect.get(answer, name) : undefined;

const Runtime = z.object({
  properties: z.object({
    type: z.enum(["Airflow", "Managed", "SelfHosted"]),
    typeProperties: z.nullish(z.object({ linkedInfo: z.optional(z.unknown()) })),
  }),
});

/**
 * Reads the resource of an integration runtime. A linked one has `linkedInfo`; of others the service may also send
 * `typeProperties: null`.
 *
 * @throws if it names no known type
 */
function describeRuntime(resource: unknown): Exclude<TargetDescription["kind"], "failed"> {
  const { type, typeProperties } = Runtime.parse(resource).properties;
  if (type !== "SelfHosted") return "managed";
  return typeProperties?.linkedInfo == null ? "ready" : "linked";
}

/**
 * Sends a request through the pipeline.
 *
 * @param path the encoded path with its api-version, or a whole URL
 * @returns the body of the 200 as it came
 */
export async function requestJson(
  { client }: ResourceManagerPipeline,
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
    ...(body !== undefined && { requestBody: { parameterPath: "body", mapper: anyJson } }),
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
  pipeline: ResourceManagerPipeline,
  path: string,
  options: OperationOptions,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page = Page.parse(await requestJson(pipeline, "GET", next, options));
    items.push(...page.value);
    next = page.nextLink || undefined;
    if (next !== undefined && new URL(next).origin !== new URL(pipeline.url).origin)
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
