import type { Fault, RecordedRequest, Simulator } from "../../local/simulator/types.ts";
import type { BlobProxyOptions } from "./blobProxy.ts";
import { clientRequestIdOf, type Ledger } from "./keyHistory.ts";
import { type NamedRequest, regenerates, requestName } from "./requestName.ts";

/** What happens to a process at one request, and to the request meanwhile: it waits for `act`. */
export interface Strike {
  /** Asked for each request in the order of their arrival, until it says yes. */
  matches(numberedName: string): boolean;
  readonly when: "before" | "after";
  act(): void | Promise<void>;
}

/** Sees all requests of a case, to the simulator and to storage. */
export interface Watch {
  /** Their names in the order of their arrival, numbered among their like: `storage PUT gateways #2`. */
  readonly requests: readonly string[];
  /** One request is struck, once. */
  strike(strike: Strike): void;
  /**
   * What a process asks of storage.
   *
   * @param by its number
   * @param now storage's clock, in milliseconds since 1970
   */
  passBlob(by: number, now: () => number): BlobProxyOptions["pass"];
}

const services = ["resourceManager", "keyVault", "identity", "ingestion"] as const;

export function createWatch(simulator: Simulator, ledger: Ledger): Watch {
  const requests: string[] = [];
  const numbers = new Map<string, number>();
  let struck: Strike | undefined;

  /** @returns whether it is to be struck */
  function arrive(request: NamedRequest, attempt?: string): boolean {
    const kind = requestName(request);
    const number = (numbers.get(kind) ?? 0) + 1;
    numbers.set(kind, number);
    const name = `${kind} #${number}`;
    requests.push(name);
    ledger.look(name, attempt);
    return struck?.matches(name) ?? false;
  }

  function watchSimulator(): void {
    simulator.clearFaults();
    const matches = (request: RecordedRequest) =>
      arrive(request, regenerates(request) ? clientRequestIdOf(request) : undefined);
    const fault: Fault = { kind: "call", when: struck?.when ?? "before", run: () => struck?.act() };
    for (const service of services) {
      simulator.inject({ service, matches, times: Number.POSITIVE_INFINITY, fault });
    }
  }

  watchSimulator();
  return {
    requests,
    strike(strike) {
      let spent = false;
      const matches = (name: string) => {
        if (spent) return false;
        spent = strike.matches(name);
        return spent;
      };
      struck = { ...strike, matches };
      watchSimulator();
    },
    passBlob: (by, now) => async (request, forward) => {
      const strike = arrive({ service: "storage", ...request }) ? struck : undefined;
      if (strike?.when === "before") await strike.act();
      const answer = await forward();
      if (answer.status === 201 && request.url.includes("/gateways/"))
        ledger.journaled(request.body, by, now());
      if (strike?.when === "after") await strike.act();
      return answer;
    },
  };
}
