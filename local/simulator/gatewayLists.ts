import { pathSegments, type ServiceRequest } from "./exchange.ts";
import type { SimulatedGateway, SimulatedGateways } from "./gateways.ts";
import { checkApiVersion, type Operation } from "./operations.ts";

/** Their groups: what the entries are below, the type of factory or workspace, and the type of the gateways. */
const parentLists = /^(\/subscriptions\/[^/]+)\/providers\/([^/]+\/[^/]+)$/i;
const gatewayLists =
  /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/([^/]+\/[^/]+)\/[^/]+)\/([^/]+)$/i;

export interface GatewayLists {
  /** Returns one page of the list that a request addresses; undefined if it addresses no list. */
  page(request: ServiceRequest): unknown;
}

/**
 * The lists of factories and workspaces in a subscription, and of the gateways in each.
 *
 * @param pageSize how many entries a page has at most
 */
export function createGatewayLists(
  gateways: SimulatedGateways,
  operations: readonly Operation[],
  pageSize: number,
): GatewayLists {
  return {
    page(request) {
      const path = `/${pathSegments(request.url).join("/")}`;
      const [, place = "", parentType = "", childType] =
        gatewayLists.exec(path) ?? parentLists.exec(path) ?? [];
      const type = (childType === undefined ? parentType : `${parentType}/${childType}`).toLowerCase();
      // Of the gateways' type, whose api-versions its parents have too.
      const read = operations.find(
        ({ method, path }) => method === "GET" && `${path}/`.startsWith(`${type}/`),
      );
      if (request.method !== "GET" || read === undefined) return undefined;
      const { searchParams } = request.url;
      checkApiVersion(read, searchParams.get("api-version"));

      const found = gateways.all().filter(({ resourceId: id }) => {
        const isThere = id.toLowerCase().startsWith(`${place.toLowerCase()}/`);
        return isThere && `${typeOf(id)}/`.startsWith(`${type}/`);
      });
      const items =
        childType === undefined ? parentsOf(found) : found.map((gateway) => read.run(gateway, request));
      const from = Number(searchParams.get("$skiptoken") ?? 0);
      const next = new URL(request.url);
      next.searchParams.set("$skiptoken", String(from + pageSize));
      return {
        value: items.slice(from, from + pageSize),
        ...(from + pageSize < items.length && { nextLink: next.href }),
      };
    },
  };
}

/** Namespace, parent type and child type. */
function typeOf(resourceId: string): string {
  const [, , , , , , namespace, parentType, , childType] = resourceId.toLowerCase().split("/");
  return [namespace, parentType, childType].join("/");
}

/** Each factory or workspace once, in the first spelling. The real body has more fields; the product reads none of them. */
function parentsOf(gateways: readonly SimulatedGateway[]): readonly unknown[] {
  const ids = new Map<string, string>();
  for (const { resourceId } of gateways) {
    const id = resourceId.split("/").slice(0, -2).join("/");
    if (!ids.has(id.toLowerCase())) ids.set(id.toLowerCase(), id);
  }
  return [...ids.values()].map((id) => ({
    id,
    name: id.slice(id.lastIndexOf("/") + 1),
    location: "westeurope",
    properties: {},
  }));
}
