import { STATUS_CODES } from "node:http";
import type { SimulatedService } from "./types.ts";

/** What a service needs to know of a request. */
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

/** One simulated service: it works at once, so that requests take effect one after another. */
export interface Service {
  readonly name: SimulatedService;
  /** The vault's name, where the service is one of several vaults. */
  readonly vault?: string | undefined;
  handle(request: ServiceRequest): Answer;
  /** What the service says for a status that is forced upon it. The request has no effect. */
  failure(request: ServiceRequest, status: number): Answer;
}

/** A refusal in the body that Resource Manager and Key Vault share: `{"error":{"code","message","innererror"?}}`. */
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

/** The answer of `work`, or the refusal that it threw. */
export function answering(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof ServiceError) return refusal(error);
    throw error;
  }
}

/** The code that a service gives for a status: its own where the table has one, else HTTP's phrase in one word. */
export function codeFor(status: number, own: Readonly<Record<number, string>>): string {
  return own[status] ?? (STATUS_CODES[status] ?? "Unknown").replaceAll(/[^A-Za-z]/g, "");
}

/** The segments of the path, decoded. Slashes at the ends do not count. */
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

/** What the body holds; undefined where it is empty or no JSON. */
export function parsedBody(request: ServiceRequest): unknown {
  try {
    return JSON.parse(request.body);
  } catch {
    return undefined;
  }
}
