import type { ServerResponse } from "node:http";
import type { Answer, Service, ServiceRequest } from "./exchange.ts";
import type { Fault, FaultRule, RecordedRequest } from "./types.ts";

export interface FaultRules {
  inject(rule: FaultRule): void;
  clear(): void;
  /** Returns the fault of the first rule that matches and has uses left, and takes one of its uses. */
  strike(request: RecordedRequest): Fault | undefined;
}

export function createFaultRules(): FaultRules {
  const active: { readonly rule: FaultRule; left: number }[] = [];
  return {
    inject(rule) {
      active.push({ rule, left: rule.times ?? 1 });
    },
    clear() {
      active.length = 0;
    },
    strike(request) {
      const struck = active.find(
        ({ rule, left }) => left > 0 && rule.service === request.service && (rule.matches?.(request) ?? true),
      );
      if (struck === undefined) return undefined;
      struck.left -= 1;
      return struck.rule.fault;
    },
  };
}

/**
 * Lets the service handle the request, and answers it, as the fault demands.
 *
 * @returns the status of the answer; undefined if the client got none, or only a part
 */
export async function respond(
  fault: Fault | undefined,
  service: Service,
  request: ServiceRequest,
  outgoing: ServerResponse,
): Promise<number | undefined> {
  switch (fault?.kind) {
    case undefined:
      return send(service.handle(request), outgoing);
    case "answer":
      if (fault.effect === "applied") service.handle(request);
      return send(faultyAnswer(fault, service, request), outgoing);
    case "cutOff": {
      const answer = service.handle(request);
      writeHead(answer, outgoing).flushHeaders();
      outgoing.write(Buffer.from(answer.body).subarray(0, fault.bytes), () => outgoing.destroy());
      return undefined;
    }
    case "drop":
      if (fault.effect === "applied") service.handle(request);
      outgoing.destroy();
      return undefined;
    case "hang":
      return undefined;
    case "call": {
      if (fault.when === "before") await fault.run();
      const answer = service.handle(request);
      if (fault.when === "after") await fault.run();
      return send(answer, outgoing);
    }
  }
}

function send(answer: Answer, outgoing: ServerResponse): number | undefined {
  if (outgoing.destroyed) return undefined;
  writeHead(answer, outgoing).end(answer.body);
  return answer.status;
}

function writeHead({ status, headers, body }: Answer, outgoing: ServerResponse): ServerResponse {
  return outgoing.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
}

function faultyAnswer(
  fault: Extract<Fault, { kind: "answer" }>,
  service: Service,
  request: ServiceRequest,
): Answer {
  const own = service.failure(request, fault.status);
  const body = fault.body ?? (fault.status < 400 ? "" : own.body);
  const headers = new Map([...Object.entries(own.headers), ...lowerCased(fault.headers ?? {})]);
  if (fault.contentType !== undefined) headers.set("content-type", fault.contentType);
  return { status: fault.status, headers: Object.fromEntries(headers), body };
}

function lowerCased(headers: Readonly<Record<string, string>>): readonly [string, string][] {
  return Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
}
