import type { RecordedRequest, SimulatedService } from "../../local/simulator/types.ts";

export type Service = SimulatedService | "storage";

/** A request to any service, as far as its name depends on it. */
export interface NamedRequest extends Pick<RecordedRequest, "method" | "url"> {
  readonly service: Service;
}

/** What a request is for, without what differs from one run to the next: `storage PUT gateways`. */
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

/** Whether a request of that name changes what the next runner finds. */
export const changesSomething = (name: string): boolean =>
  /^(storage (PUT|DELETE) (?!container)|keyVault PUT|resourceManager POST regenerate)/.test(name);

export const regenerates = ({ url }: { readonly url: string }): boolean =>
  /\/regenerate(auth)?key\?/i.test(url);
