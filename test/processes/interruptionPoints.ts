import { changesSomething } from "./requestName.ts";

/** A request of a run, by its numbered name, and whether it takes effect. */
export interface Moment {
  readonly request: string;
  readonly when: "before" | "after";
}

/** All moments that differ: before a request that changes nothing is after the one that goes before it. */
export const momentsOf = (requests: readonly string[]): readonly Moment[] =>
  requests.flatMap((request) =>
    (["before", "after"] as const)
      .filter((when) => when === "after" || changesSomething(request))
      .map((when) => ({ request, when })),
  );

/** What the first of several runs changes, from its marker on, which is tried once before there is a container. */
export const changesOfFirstRun = (requests: readonly string[]): readonly string[] =>
  requests.slice(0, requests.indexOf("storage PUT open #3")).filter(changesSomething);
