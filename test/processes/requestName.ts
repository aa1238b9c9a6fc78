import type { RecordedRequest, SimulatedService } from "../../local/simulator/types.ts";

export type Service = SimulatedService | "storage";

/** The parts of a request from which its name is made. */
export interface NamedRequest extends Pick<RecordedRequest, "method" | "url"> {
  readonly service: Service;
}

/** A name without the parts that differ from run to run, such as `storage PUT gateways`. */
export function requestName({ service, method, url }: NamedRequest): string {
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const path = pathname.split("/").filter(Boolean);
  const of = (what: string | undefined) => `${service} ${method} ${what}`;
  switch (service) {
    case "storage": {
      const [, , folder] = path;
      return searchParams.get("comp") === "list"
        ? `${service} list ${searchParams.get("prefix")}`
        : of(folder ?? "container");
    }
    case "keyVault":
      return of(path.join("/"));
    case "resourceManager":
      return of(path.at(-1)?.toLowerCase());
    case "identity":
      return of(searchParams.get("resource") ?? undefined);
    case "ingestion":
      return of(path.at(-1));
  }
}

/** Whether requests with this name change what the next runner reads. */
export const changesSomething = (name: string): boolean =>
  /^(storage (PUT|DELETE) (?!container)|keyVault PUT|resourceManager POST regenerate)/.test(name);

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
