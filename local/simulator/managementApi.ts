import { randomUUID } from "node:crypto";
import {
  type Answer,
  answering,
  codeFor,
  json,
  pathSegments,
  refusal,
  type Service,
  ServiceError,
  type ServiceRequest,
} from "./exchange.ts";
import { createGatewayLists } from "./gatewayLists.ts";
import type { SimulatedGateways } from "./gateways.ts";
import { checkToken } from "./identity.ts";
import { checkApiVersion, createOperations, type Operation } from "./operations.ts";
import { createTokenBucket, type TokenBucket } from "./tokenBucket.ts";
import type { SimulatorOptions } from "./types.ts";

const defaultLimit = { capacity: 200, refillPerSecond: 10 };
const publicAudience = "https://management.azure.com";
const codes = {
  401: "InvalidAuthenticationToken",
  403: "AuthorizationFailed",
  404: "ResourceNotFound",
  429: "SubscriptionRequestsThrottled",
};
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Options = Pick<SimulatorOptions, "bucket" | "forbidden" | "pageSize">;

/** Azure Resource Manager: tokens, limits, ids and errors, around the operations on gateways. */
export function createManagementApi(gateways: SimulatedGateways, options: Options): Service {
  const { bucket: limit, forbidden = [], pageSize = 100 } = options;
  const operations = createOperations(gateways);
  const lists = createGatewayLists(gateways, operations, pageSize);
  const buckets = new Map<string, TokenBucket>();

  function bucketOf(request: ServiceRequest): TokenBucket {
    const subscription = pathSegments(request.url)[1]?.toLowerCase() ?? "";
    const bucket = buckets.get(subscription) ?? createTokenBucket(limit ?? defaultLimit);
    buckets.set(subscription, bucket);
    return bucket;
  }

  function work(request: ServiceRequest): Answer {
    authenticate(request);
    authorize(request, forbidden);
    const subscription = pathSegments(request.url)[1] ?? "";
    if (!gateways.existBelow(`/subscriptions/${subscription}`)) {
      const message = `The subscription '${subscription}' could not be found.`;
      throw new ServiceError(404, "SubscriptionNotFound", message);
    }
    const page = lists.page(request);
    if (page !== undefined) return json(200, page);
    const place = locate(request);
    if (request.method !== "GET") takeWrite(bucketOf(request));
    const operation = chosenOperation(operations, place, request);
    if (!gateways.existBelow(place.resourceGroup)) {
      const name = lastSegment(place.resourceGroup);
      throw new ServiceError(404, "ResourceGroupNotFound", `Resource group '${name}' could not be found.`);
    }
    const gateway = gateways.find(place.resource);
    if (gateway === undefined) {
      const message = `The Resource '${place.type}/${lastSegment(place.resource)}' was not found.`;
      throw new ServiceError(404, "ResourceNotFound", message);
    }
    return json(200, operation.run(gateway, request));
  }

  function withHeaders(request: ServiceRequest, answer: Answer): Answer {
    const correlationId = randomUUID();
    const time = `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
    const headers = {
      "x-ms-request-id": randomUUID(),
      "x-ms-correlation-request-id": correlationId,
      "x-ms-routing-request-id": `WESTEUROPE:${time}:${correlationId}`,
      "x-ms-ratelimit-remaining-subscription-writes": String(bucketOf(request).remaining()),
    };
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }

  return {
    name: "resourceManager",
    handle: (request) =>
      withHeaders(
        request,
        answering(() => work(request)),
      ),
    failure(request, status) {
      const error = new ServiceError(status, codeFor(status, codes), "The request could not be served.");
      return withHeaders(request, refusal(error));
    },
  };
}

function authenticate(request: ServiceRequest): void {
  const check = checkToken(request.headers["authorization"], [publicAudience, request.url.origin]);
  switch (check.kind) {
    case "valid":
      return;
    case "missing":
      throw unauthorized("AuthenticationFailed", "The 'Authorization' header is missing.");
    case "invalid":
      throw unauthorized("InvalidAuthenticationToken", "The access token is invalid.");
    case "wrongAudience":
      throw unauthorized(
        "InvalidAuthenticationTokenAudience",
        `The access token is for the audience '${check.audience}'; it should be '${publicAudience}'.`,
      );
  }
}

function authorize(request: ServiceRequest, forbidden: readonly string[]): void {
  const subscription = pathSegments(request.url)[1]?.toLowerCase() ?? "";
  if (!forbidden.some((id) => id.toLowerCase() === subscription)) return;
  const message = `The client does not have authorization to perform this action over scope '/subscriptions/${subscription}'.`;
  throw new ServiceError(403, "AuthorizationFailed", message);
}

function unauthorized(code: string, message: string): ServiceError {
  const challenge = `Bearer authorization_uri="https://login.microsoftonline.com/common", error="invalid_token", error_description="${message}"`;
  return new ServiceError(401, code, message, { headers: { "www-authenticate": challenge } });
}

function takeWrite(bucket: TokenBucket): void {
  const taken = bucket.take();
  if (taken.kind === "taken") return;
  throw new ServiceError(
    429,
    "SubscriptionRequestsThrottled",
    `Number of write requests for the subscription exceeded the limit. Please try again after '${taken.retryAfterSeconds}' seconds.`,
    { headers: { "retry-after": String(taken.retryAfterSeconds) } },
  );
}

/** The resource that a request addresses. Ids and the operation's path are in lower case. */
interface Place {
  readonly resourceGroup: string;
  readonly resource: string;
  readonly namespace: string;
  /** Namespace, parent type and child type, as written. */
  readonly type: string;
  readonly operationPath: string;
}

function locate(request: ServiceRequest): Place {
  const segments = pathSegments(request.url);
  const [subscriptions, , groups, , providers, namespace, parentType, , childType, name, ...rest] = segments;
  const fixed = [subscriptions, groups, providers].join("/").toLowerCase();
  if (fixed !== "subscriptions/resourcegroups/providers" || namespace === undefined || name === undefined)
    throw new ServiceError(404, "InvalidResourceType", "The path names no resource of a gateway's type.");
  const idUpTo = (count: number) => `/${segments.slice(0, count).join("/")}`.toLowerCase();
  const type = [namespace, parentType, childType].join("/");
  return {
    resourceGroup: idUpTo(4),
    resource: idUpTo(10),
    namespace,
    type,
    operationPath: [type, ...rest].join("/").toLowerCase(),
  };
}

function chosenOperation(operations: readonly Operation[], place: Place, request: ServiceRequest): Operation {
  const here = operations.filter(({ path }) => path === place.operationPath);
  const operation = here.find(({ method }) => method === request.method);
  if (here.length === 0) {
    const message = `The resource type '${place.type}' could not be found in the namespace '${place.namespace}'.`;
    throw new ServiceError(404, "InvalidResourceType", message);
  }
  if (operation === undefined) {
    const message = `The HTTP method '${request.method}' is not supported here.`;
    throw new ServiceError(405, "MethodNotAllowed", message);
  }
  checkApiVersion(operation, request.url.searchParams.get("api-version"));
  if (operation.needsClientRequestId && !guid.test(request.headers["x-ms-client-request-id"] ?? "")) {
    const message = "The header x-ms-client-request-id is required and must be a GUID.";
    throw new ServiceError(400, "MissingRequiredHeader", message);
  }
  return operation;
}

function lastSegment(resourceId: string): string {
  return resourceId.slice(resourceId.lastIndexOf("/") + 1);
}
