import type { DataFactoryManagementClient } from "@azure/arm-datafactory";
import { createSerializer, type OperationOptions, type OperationSpec } from "@azure/core-client";
import * as z from "zod/mini";
import type { TargetDescription } from "../../domain/inspection.ts";
import { type Redacted, redact } from "../../domain/redacted.ts";
import type { AuthKeySlot, KeySlot } from "../../domain/target.ts";

/** The client that sends a request, and the options of that request. */
export interface RequestTerms {
  /** The client of the target's subscription. */
  readonly client: DataFactoryManagementClient;
  readonly options: OperationOptions;
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
    // The SDK's model has it here.
    linkedInfo: z.optional(z.unknown()),
  }),
});

/**
 * Reads the resource of an integration runtime. A linked runtime has `linkedInfo`. For any other, the service may send
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
  { client, options }: RequestTerms,
  httpMethod: "GET" | "POST",
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const spec: OperationSpec = {
    httpMethod,
    path,
    responses: { 200: { bodyMapper: anyJson }, default: {} },
    serializer: createSerializer(),
    ...(body !== undefined && {
      contentType: "application/json",
      requestBody: { parameterPath: "body", mapper: anyJson },
    }),
  };
  return client.sendOperationRequest<unknown>({ options, body }, spec);
}

const Page = z.object({ value: z.array(z.unknown()), nextLink: z.nullish(z.string()) });

/**
 * Reads a list with all its pages.
 *
 * @throws if the next page is on another host: its request would carry our token there
 */
export async function requestList(terms: RequestTerms, path: string): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page = Page.parse(await requestJson(terms, "GET", next));
    items.push(...page.value);
    next = page.nextLink || undefined;
    if (next !== undefined && new URL(next).origin !== new URL(terms.client.$host).origin)
      throw new Error("The next page of the list is on another host.");
  }
  return items;
}

const anyJson = { serializedName: "body", type: { name: "any" } } as const;
