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

/** What the server sends. */
export type Reaction =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The server sends the head and the first `bytes` of the body, then drops the connection. */
  | { readonly kind: "cutOff"; readonly answer: Answer; readonly bytes: number }
  | { readonly kind: "drop" }
  | { readonly kind: "silence" };

/** Lets the service handle the request as the fault demands. */
export async function react(
  fault: Fault | undefined,
  service: Service,
  request: ServiceRequest,
): Promise<Reaction> {
  switch (fault?.kind) {
    case undefined:
      return answer(service.handle(request));
    case "answer":
      if (fault.effect === "applied") service.handle(request);
      return answer(faultyAnswer(fault, service, request));
    case "cutOff":
      return { kind: "cutOff", answer: service.handle(request), bytes: fault.bytes };
    case "drop":
      if (fault.effect === "applied") service.handle(request);
      return { kind: "drop" };
    case "hang":
      return { kind: "silence" };
    case "call": {
      if (fault.when === "before") await fault.run();
      const done = service.handle(request);
      if (fault.when === "after") await fault.run();
      return answer(done);
    }
  }
}

function answer(done: Answer): Reaction {
  return { kind: "answer", answer: done };
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
