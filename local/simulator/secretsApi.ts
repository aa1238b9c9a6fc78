import { randomUUID } from "node:crypto";
import { z } from "zod";
import {
  type Answer,
  answering,
  codeFor,
  json,
  parsedBody,
  pathSegments,
  refusal,
  type Service,
  ServiceError,
  type ServiceRequest,
} from "./exchange.ts";
import { checkToken } from "./identity.ts";
import type { Found, Secrets, VersionContent } from "./secrets.ts";

const audience = "https://vault.azure.net";
const tenantId = "9d5f3a52-6f0c-4c3e-9a55-0f6f3c1f7a11";
const challenge = `Bearer authorization="https://login.microsoftonline.com/${tenantId}", resource="${audience}"`;
const pageSize = 25;
const codes = { 400: "BadParameter", 404: "SecretNotFound", 429: "Throttled" };

/** The secrets API of one Key Vault. */
export function createSecretsApi(vault: string, secrets: Secrets): Service {
  function bundle({ secret, version }: Found, origin: string, id = `${secret.name}/${version.version}`) {
    return {
      id: `${origin}/secrets/${id}`,
      contentType: version.contentType,
      attributes: {
        enabled: version.enabled,
        exp: version.expires,
        created: version.created,
        updated: version.created,
      },
      tags: version.tags,
      managed: secret.managed ? true : undefined,
    };
  }

  function withValue(found: Found, origin: string) {
    return { value: found.version.value, ...bundle(found, origin) };
  }

  function get(found: Found, origin: string) {
    if (found.version.enabled) return withValue(found, origin);
    const message = "Operation get is not allowed on a disabled secret.";
    throw new ServiceError(403, "Forbidden", message, { innerCode: "SecretDisabled" });
  }

  function work(request: ServiceRequest): unknown {
    authenticate(request);
    if (!request.url.searchParams.has("api-version")) throw badParameter("api-version must be specified");
    const origin = request.url.origin;
    const [collection = "", name = "", version = "", ...rest] = pathSegments(request.url);
    if (rest.length > 0) throw noSuchOperation(request);
    if (name !== "") checkName(name);
    switch (`${request.method} ${shapeOf(collection, name, version)}`) {
      case "GET secrets":
        return page(secrets.list(), request, (found) => bundle(found, origin, found.secret.name));
      case "PUT secrets/name":
        return withValue(secrets.set(name, parseContent(request)), origin);
      case "GET secrets/name/versions":
        return page(secrets.versions(name), request, (found) => bundle(found, origin));
      case "GET secrets/name":
      case "GET secrets/name/version":
        return get(secrets.find(name, version), origin);
      case "GET deletedsecrets/name":
        return bundle(secrets.findDeleted(name), origin);
      default:
        throw noSuchOperation(request);
    }
  }

  return {
    name: "keyVault",
    vault,
    handle: (request) =>
      withHeaders(
        request,
        answering(() => json(200, work(request))),
      ),
    failure(request, status) {
      const headers: Record<string, string> = status === 401 ? { "www-authenticate": challenge } : {};
      const message = "The request could not be served.";
      return withHeaders(
        request,
        refusal(new ServiceError(status, codeFor(status, codes), message, { headers })),
      );
    },
  };
}

function withHeaders(request: ServiceRequest, answer: Answer): Answer {
  const clientRequestId = request.headers["x-ms-client-request-id"];
  const headers = {
    "x-ms-request-id": randomUUID(),
    "x-ms-keyvault-region": "westeurope",
    "cache-control": "no-cache",
    ...(clientRequestId === undefined ? {} : { "x-ms-client-request-id": clientRequestId }),
  };
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

function authenticate(request: ServiceRequest): void {
  const check = checkToken(request.headers["authorization"], [audience]);
  switch (check.kind) {
    case "valid":
      return;
    case "missing":
      throw unauthorized("AKV10000: Request is missing a Bearer or PoP token.");
    case "invalid":
      throw unauthorized("AKV10032: The token is invalid or has expired.");
    case "wrongAudience":
      throw unauthorized(`AKV10022: Invalid audience. Expected ${audience}, found: ${check.audience}.`);
  }
}

function unauthorized(message: string): ServiceError {
  return new ServiceError(401, "Unauthorized", message, { headers: { "www-authenticate": challenge } });
}

function shapeOf(collection: string, name: string, version: string): string {
  const parts = [collection.toLowerCase()];
  if (name !== "") parts.push("name");
  if (version !== "") parts.push(version.toLowerCase() === "versions" ? "versions" : "version");
  return parts.join("/");
}

function checkName(name: string): void {
  if (!/^[0-9A-Za-z-]{1,127}$/.test(name)) {
    throw badParameter(`The request URI contains an invalid name: ${name}`);
  }
}

function noSuchOperation({ method, url }: ServiceRequest): ServiceError {
  return new ServiceError(404, "NotFound", `The vault has no operation ${method} ${url.pathname}.`);
}

/**
 * One page of a list. Key Vault orders lists by id, so the newest version can be anywhere. `nextLink` identifies the next
 * page by its first item.
 */
function page(
  found: readonly Found[],
  request: ServiceRequest,
  show: (found: Found) => { readonly id: string },
) {
  const query = request.url.searchParams;
  const size = Number(query.get("maxresults") ?? pageSize);
  if (!Number.isInteger(size) || size < 1 || size > pageSize) {
    throw badParameter(`Invalid maxresults value; it must be from 1 to ${pageSize}.`);
  }
  const items = found.map(show).toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const marker = query.get("$skiptoken");
  const start = marker === null ? 0 : items.findIndex(({ id }) => id >= marker);
  const rest = start === -1 ? [] : items.slice(start);
  const following = rest[size];
  if (following === undefined) return { value: rest, nextLink: null };
  const next = new URL(request.url);
  next.searchParams.set("$skiptoken", following.id);
  return { value: rest.slice(0, size), nextLink: next.href };
}

const maximumValueBytes = 25 * 1024;
const tagText = z.string().max(256);

const content = z.object({
  contentType: z.string().max(255).nullish(),
  attributes: z.object({ enabled: z.boolean().nullish(), exp: z.int().nullish() }).nullish(),
  tags: z
    .record(tagText, tagText)
    .refine((tags) => Object.keys(tags).length <= 15, "more than 15 tags")
    .nullish(),
  value: z
    .string()
    .min(1)
    .refine((value) => Buffer.byteLength(value) <= maximumValueBytes, "larger than 25 KB"),
});

/** Parses the body of a `PUT /secrets/{name}`. @throws ServiceError 400 `BadParameter` */
function parseContent(request: ServiceRequest): VersionContent {
  const parsed = content.safeParse(parsedBody(request));
  if (!parsed.success) throw badParameter(z.prettifyError(parsed.error));
  const { value, contentType, attributes, tags } = parsed.data;
  return {
    value,
    contentType: contentType ?? undefined,
    tags: tags ?? {},
    expires: attributes?.exp ?? undefined,
    enabled: attributes?.enabled ?? true,
  };
}

function badParameter(message: string): ServiceError {
  return new ServiceError(400, "BadParameter", message);
}
