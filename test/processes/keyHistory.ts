import { z } from "zod";
import type { SimulatedVersion, Simulator } from "../../local/simulator/types.ts";
import { regenerates } from "./requestName.ts";
import type { Subject } from "./testedGateways.ts";

/** What became of a gateway's keys, request by request. */
export interface Ledger {
  /**
   * To be called before each request takes effect, and at the end: what has changed is the last one's doing.
   *
   * @param attempt the client request id, where it is a request to regenerate a key
   */
  look(next: string, attempt?: string): void;
  /**
   * A journal was written.
   *
   * @param by the number of the process that wrote it
   * @param at by storage's clock, in milliseconds since 1970
   */
  journaled(text: string, by: number, at: number): void;
  /** The client request id of the attempt that made a key. */
  madeBy(key: string): string | undefined;
  readonly violations: ReadonlySet<string>;
}

export const latestOf = (simulator: Simulator, subject: Subject): SimulatedVersion | undefined =>
  versionsOf(simulator, subject).at(-1);

export const versionsOf = (
  simulator: Simulator,
  { vault, secretName }: Subject,
): readonly SimulatedVersion[] => simulator.secrets(vault).get(secretName)?.versions ?? [];

export const clientRequestIdOf = ({
  headers,
}: {
  readonly headers: Readonly<Record<string, string>>;
}): string => headers["x-ms-client-request-id"] ?? "";

const Claim = z.object({ intent: z.nullable(z.object({ claimedUntil: z.number() })) });

/** Holds at every moment what is promised of every moment. */
export function createLedger(simulator: Simulator, subject: Subject): Ledger {
  const { resourceId, patient } = subject;
  const attempts = new Map<string, string | undefined>(
    Object.values(simulator.keys(resourceId)).map((key) => [key, undefined]),
  );
  const told = new Set<string>();
  const violations = new Set<string>();
  let journal = "";
  let writer: number | undefined;
  let worked = true;

  /** An answered regenerate has taken effect; one that is held up, or was lost with its sender, has not. */
  function attribute(): void {
    const done = simulator.requests.filter((request) => regenerates(request) && request.status === 200);
    const ids = done.map(clientRequestIdOf).filter((id) => !told.has(id));
    const fresh = Object.values(simulator.keys(resourceId)).filter((key) => !attempts.has(key));
    const [id] = ids;
    for (const key of fresh) attempts.set(key, id);
    if (id !== undefined) told.add(id);
    if (ids.length !== fresh.length) violations.add(`${ids.length} requests made ${fresh.length} keys`);
  }

  return {
    violations,
    look(next, attempt) {
      attribute();
      const latest = latestOf(simulator, subject);
      const works = latest === undefined || simulator.accepts(resourceId, latest.value);
      if (patient && works !== worked)
        violations.add(`before "${next}" the published key ${works ? "worked again" : "was dead"}`);
      worked = works;
      if (attempt !== undefined && !journal.includes(attempt))
        violations.add("a key was regenerated for an attempt that is not in the journal (any more)");
    },
    journaled(text, by, at) {
      const claimedUntil = journal === "" ? 0 : (Claim.parse(JSON.parse(journal)).intent?.claimedUntil ?? 0);
      if (writer !== by && claimedUntil > at)
        violations.add("claim-respected: an intent was written over that another process had claimed");
      journal = text;
      writer = by;
    },
    madeBy: (key) => attempts.get(key),
  };
}
