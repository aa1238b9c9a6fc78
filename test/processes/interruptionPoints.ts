import { changesSomething } from "./requestName.ts";

/** A point at which a process is killed or stopped: before or after a request, which has a numbered name. */
export interface InterruptionPoint {
  readonly request: string;
  readonly when: "before" | "after";
}

/** All points that differ. Before a request that changes nothing is the same point as after the previous request. */
export const interruptionPointsOf = (requests: readonly string[]): readonly InterruptionPoint[] =>
  requests.flatMap((request) =>
    (["before", "after"] as const)
      .filter((when) => when === "after" || changesSomething(request))
      .map((when) => ({ request, when })),
  );

/**
 * The requests of the first run that change something. That run writes its marker twice, since the first write finds no
 * container. So `open #3` is the marker of the second run.
 */
export const changesOfFirstRun = (requests: readonly string[]): readonly string[] =>
  requests.slice(0, requests.indexOf("storage PUT open #3")).filter(changesSomething);
