import type { Fault, RecordedRequest, Simulator } from "../../local/simulator/types.ts";
import { isRegenerate } from "../support/requests.ts";
import type { BlobProxyOptions } from "./blobProxy.ts";
import { clientRequestIdOf, type KeyHistory } from "./keyHistory.ts";
import { type NamedRequest, requestName } from "./requestName.ts";

/** What happens at one request. The request waits for `act`. */
export interface Interception {
  /** Receives the name of each request in the order of arrival, until it returns true. */
  matches(numberedName: string): boolean;
  readonly when: "before" | "after";
  act(): void | Promise<void>;
}

/** Observes all requests of a case, to the simulator and to storage. */
export interface RequestMonitor {
  /** The requests' names in the order of arrival. Equal names are numbered: `storage PUT gateways #2`. */
  readonly requests: readonly string[];
  /** Intercepts the first request that matches. */
  intercept(intercept: Interception): void;
  /**
   * Passes a process's requests on to storage.
   *
   * @param by the number of the process
   * @param now storage's clock, in milliseconds since 1970
   */
  passBlob(by: number, now: () => number): BlobProxyOptions["pass"];
}

const services = ["resourceManager", "keyVault", "identity", "ingestion"] as const;

export function createRequestMonitor(simulator: Simulator, keyHistory: KeyHistory): RequestMonitor {
  const requests: string[] = [];
  const numbers = new Map<string, number>();
  let intercepted: Interception | undefined;

  /** @returns whether the request is intercepted */
  function arrive(request: NamedRequest, attempt?: string): boolean {
    const kind = requestName(request);
    const number = (numbers.get(kind) ?? 0) + 1;
    numbers.set(kind, number);
    const name = `${kind} #${number}`;
    requests.push(name);
    keyHistory.record(name, attempt);
    return intercepted?.matches(name) ?? false;
  }

  function watchSimulator(): void {
    simulator.clearFaults();
    const matches = (request: RecordedRequest) =>
      arrive(request, isRegenerate(request) ? clientRequestIdOf(request) : undefined);
    const fault: Fault = { kind: "call", when: intercepted?.when ?? "before", run: () => intercepted?.act() };
    for (const service of services) {
      simulator.inject({ service, matches, times: Number.POSITIVE_INFINITY, fault });
    }
  }

  watchSimulator();
  return {
    requests,
    intercept(intercept) {
      let spent = false;
      const matches = (name: string) => {
        if (spent) return false;
        spent = intercept.matches(name);
        return spent;
      };
      intercepted = { ...intercept, matches };
      watchSimulator();
    },
    passBlob: (by, now) => async (request, forward) => {
      const intercept = arrive({ service: "storage", ...request }) ? intercepted : undefined;
      if (intercept?.when === "before") await intercept.act();
      const answer = await forward();
      if (answer.status === 201 && request.url.includes("/gateways/"))
        keyHistory.journaled(request.body, by, now());
      if (intercept?.when === "after") await intercept.act();
      return answer;
    },
  };
}
