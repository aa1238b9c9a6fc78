import { pathSegments, type ServiceRequest } from "./exchange.ts";
import type { SimulatedGateways } from "./gateways.ts";
import { checkApiVersion, type Operation } from "./operations.ts";

/** One entry of a list, as its service writes it. */
interface Listed {
  readonly resourceId: string;
  readonly body: unknown;
}

const parentLists = /^\/subscriptions\/[^/]+\/providers\/([^/]+)\/([^/]+)$/i;
const gatewayLists =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/([^/]+)\/([^/]+)\/[^/]+\/([^/]+)$/i;

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
  const isBelow = (id: string, parent: string) => id.toLowerCase().startsWith(`${parent.toLowerCase()}/`);
  const typeOf = (id: string) => {
    const [, , , , , , namespace, parentType, , childType] = id.toLowerCase().split("/");
    return [namespace, parentType, childType].join("/");
  };

  /** Each parent of a type once, in the first spelling. The real body has more fields; the product reads none of them. */
  function parentsIn(subscription: string, type: string): readonly Listed[] {
    const ids = gateways
      .all()
      .filter(
        ({ resourceId }) => isBelow(resourceId, subscription) && typeOf(resourceId).startsWith(`${type}/`),
      )
      .map(({ resourceId }) => resourceId.split("/").slice(0, -2).join("/"));
    const unique = new Map(ids.toReversed().map((id) => [id.toLowerCase(), id]));
    return [...unique.values()].toReversed().map((resourceId) => ({
      resourceId,
      body: { id: resourceId, name: resourceId.replace(/^.*\//, ""), location: "westeurope", properties: {} },
    }));
  }

  function gatewaysOf(parent: string, type: string, request: ServiceRequest): readonly Listed[] {
    const read = operations.find(({ method, path }) => method === "GET" && path === type);
    return gateways
      .all()
      .filter(({ resourceId }) => isBelow(resourceId, parent) && typeOf(resourceId) === type)
      .map((gateway) => ({ resourceId: gateway.resourceId, body: read?.run(gateway, request) }));
  }

  return {
    page(request) {
      const path = `/${pathSegments(request.url).join("/")}`;
      const [, namespace, parentType] = parentLists.exec(path) ?? [];
      const [, ofNamespace, ofParentType, childType] = gatewayLists.exec(path) ?? [];
      const type = [namespace ?? ofNamespace, parentType ?? ofParentType, childType]
        .filter((part) => part !== undefined)
        .join("/")
        .toLowerCase();
      const known = operations.find(
        ({ method, path: own }) => method === "GET" && `${own}/`.startsWith(`${type}/`),
      );
      if (type === "" || request.method !== "GET" || known === undefined) return undefined;
      checkApiVersion(known, request.url.searchParams.get("api-version"));
      const items =
        namespace === undefined
          ? gatewaysOf(path.replace(/\/[^/]+$/, ""), type, request)
          : parentsIn(path.split("/").slice(0, 3).join("/"), type);
      const from = Number(request.url.searchParams.get("$skiptoken") ?? 0);
      const next = new URL(request.url);
      next.searchParams.set("$skiptoken", String(from + pageSize));
      return {
        value: items.slice(from, from + pageSize).map(({ body }) => body),
        ...(from + pageSize < items.length && { nextLink: next.href }),
      };
    },
  };
}
