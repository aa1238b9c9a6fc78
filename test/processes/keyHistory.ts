import { z } from "zod";
import type { SimulatedVersion, Simulator } from "../../local/simulator/types.ts";
import { isRegenerate } from "../support/requests.ts";
import type { TestedGateway } from "./testedGateways.ts";

/** The keys of one gateway, request by request, and the violations of promises that hold at every moment. */
export interface KeyHistory {
  /**
   * Records what the previous request changed. Call it before each request takes effect, and with `theEnd` at the end.
   *
   * @param attempt the client request id, if the next request regenerates a key
   */
  record(next: string, attempt?: string): void;
  /**
   * Records a write of the journal.
   *
   * @param by the number of the process that wrote
   * @param at storage's clock, in milliseconds since 1970
   */
  journaled(text: string, by: number, at: number): void;
  /** The client request id of the attempt that made a key. */
  madeBy(key: string): string | undefined;
  readonly violations: ReadonlySet<string>;
}

export const latestOf = (simulator: Simulator, tested: TestedGateway): SimulatedVersion | undefined =>
  versionsOf(simulator, tested).at(-1);

export const versionsOf = (
  simulator: Simulator,
  { vault, secretName }: TestedGateway,
): readonly SimulatedVersion[] => simulator.secrets(vault).get(secretName)?.versions ?? [];

export const clientRequestIdOf = ({
  headers,
}: {
  readonly headers: Readonly<Record<string, string>>;
}): string => headers["x-ms-client-request-id"] ?? "";

const Claim = z.object({ intent: z.nullable(z.object({ claimedUntil: z.number() })) });

/** The last record of a history. */
export const theEnd = "the end";

/** @returns an empty history, which begins with the present keys */
export function createKeyHistory(simulator: Simulator, tested: TestedGateway): KeyHistory {
  const { resourceId, waits } = tested;
  const attempts = new Map<string, string | undefined>(
    Object.values(simulator.keys(resourceId)).map((key) => [key, undefined]),
  );
  const assigned = new Set<string>();
  const violations = new Set<string>();
  let journal = "";
  let writer: number | undefined;
  let worked = true;

  /** Assigns new keys to their attempts. Only a regenerate with an answer has taken effect. */
  function assignKeys(isEnd: boolean): void {
    const done = simulator.requests.filter((request) => isRegenerate(request) && request.status === 200);
    const ids = done.map(clientRequestIdOf).filter((id) => !assigned.has(id));
    const fresh = Object.values(simulator.keys(resourceId)).filter((key) => !attempts.has(key));
    // Another process's request can come between a new key and its answer.
    if (ids.length < fresh.length && !isEnd) return;
    const [id] = ids;
    for (const key of fresh) attempts.set(key, id);
    if (id !== undefined) assigned.add(id);
    if (ids.length !== fresh.length) violations.add(`${ids.length} requests made ${fresh.length} keys`);
  }

  return {
    violations,
    record(next, attempt) {
      assignKeys(next === theEnd);
      const latest = latestOf(simulator, tested);
      const works = latest === undefined || simulator.accepts(resourceId, latest.value);
      if (waits && works !== worked)
        violations.add(`before "${next}" the published key ${works ? "worked again" : "was dead"}`);
      worked = works;
      if (attempt !== undefined && !journal.includes(attempt))
        violations.add("a key was regenerated for an attempt that is not in the journal");
    },
    journaled(text, by, at) {
      const claimedUntil = journal === "" ? 0 : (Claim.parse(JSON.parse(journal)).intent?.claimedUntil ?? 0);
      if (writer !== by && claimedUntil > at)
        violations.add("claim-respected: a process wrote over an intent that another process had claimed");
      journal = text;
      writer = by;
    },
    madeBy: (key) => attempts.get(key),
  };
}
