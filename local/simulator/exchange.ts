import { STATUS_CODES } from "node:http";
import type { SimulatedService } from "./types.ts";

/** A request, as services read it. */
export interface ServiceRequest {
  readonly method: string;
  /** The server's own origin, and the path and query of the request. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One simulated service. It handles requests synchronously, so they take effect one after another. */
export interface Service {
  readonly name: SimulatedService;
  /** The vault's name, if the service is a vault. */
  readonly vault?: string | undefined;
  handle(request: ServiceRequest): Answer;
  /** The service's answer with a status that a fault forces. The request has no effect. */
  failure(request: ServiceRequest, status: number): Answer;
}

/** A refusal with the body that Resource Manager and Key Vault share: `{"error":{"code","message","innererror"?}}`. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly innerCode?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = more.innerCode;
    this.headers = more.headers ?? {};
  }
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(value),
  };
}

export function refusal(error: ServiceError): Answer {
  const { status, code, message, innerCode, headers } = error;
  const inner = innerCode === undefined ? {} : { innererror: { code: innerCode } };
  return json(status, { error: { code, message, ...inner } }, headers);
}

/** Returns the answer of `work`, or the refusal that it throws. */
export function answering(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof ServiceError) return refusal(error);
    throw error;
  }
}

/** The code that a service returns for a status: from its own table, otherwise HTTP's phrase in one word. */
export function codeFor(status: number, own: Readonly<Record<number, string>>): string {
  return own[status] ?? (STATUS_CODES[status] ?? "Unknown").replaceAll(/[^A-Za-z]/g, "");
}

/** The segments of the path, decoded. Leading and trailing slashes are ignored. */
export function pathSegments(url: URL): readonly string[] {
  return url.pathname.split("/").filter(Boolean).map(decoded);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The body's JSON value; undefined if the body is empty or not JSON. */
export function parsedBody(request: ServiceRequest): unknown {
  try {
    return JSON.parse(request.body);
  } catch {
    return undefined;
  }
}
