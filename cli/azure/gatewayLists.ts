import * as z from "zod/mini";
import { failedRead } from "../../src/azure/classifyFailure.ts";
import { requestList } from "../../src/azure/gatewayKinds/kindRequests.ts";
import { requestsByKind } from "../../src/azure/gatewayKinds/requestsByKind.ts";
import { type ResourceManagerOptions, resourceManagerCalls } from "../../src/azure/resourceManager.ts";
import { gatewayKinds } from "../../src/domain/gatewayKinds.ts";
import type { TargetDescription } from "../../src/domain/inspection.ts";
import type { TargetKind } from "../../src/domain/target.ts";
import { type Listing, throttledPolicy } from "./listing.ts";

/** Lists that find gateways. The methods never throw. */
export interface GatewayLists {
  /** The resource ids of all that may have gateways of this kind in a subscription, as the service writes them. */
  parents(kind: TargetKind, subscriptionId: string): Promise<Listing<string>>;
  /** The gateways of a parent. */
  gateways(kind: TargetKind, parentId: string): Promise<Listing<ListedGateway>>;
}

export interface ListedGateway {
  readonly resourceId: string;
  /** `unknown`: of a type that this system does not know. */
  readonly description: Exclude<TargetDescription["kind"], "failed"> | "unknown";
}

const Parent = z.object({ id: z.string() });
const Child = z.object({ name: z.string() });

/**
 * Lists gateways of all kinds. Lists change nothing, so the SDK's own retries stay on: two of its three, since a list
 * that fails is read again by hand.
 *
 * @param options `callTimeoutMs`: of one list with all its pages
 */
export function createGatewayLists(options: ResourceManagerOptions): GatewayLists {
  const call = resourceManagerCalls(options, { maxRetries: 2, policy: throttledPolicy });

  async function list<T>(kind: TargetKind, path: string, read: (item: unknown) => T): Promise<Listing<T>> {
    const [, , subscriptionId = ""] = path.split("/");
    const url = `${path}?api-version=${requestsByKind[kind].apiVersion}`;
    const result = await call({ subscriptionId }, async (terms) => (await requestList(terms, url)).map(read));
    if (result.kind === "value") return { kind: "listed", items: result.value };
    const failed = failedRead(result);
    // A subscription that has never used a service has no resources of it.
    return failed.problem.code === "provider-unregistered" ? { kind: "listed", items: [] } : failed;
  }

  return {
    parents(kind, subscriptionId) {
      const [namespace, parentType] = gatewayKinds[kind].resourceType.split("/");
      const path = `/subscriptions/${subscriptionId}/providers/${namespace}/${parentType}`;
      return list(kind, path, (item) => Parent.parse(item).id);
    },

    gateways(kind, parentId) {
      const [, , childType] = gatewayKinds[kind].resourceType.split("/");
      const path = parentId.split("/").map(encodeURIComponent).join("/");
      return list(kind, `${path}/${childType}`, (item) => ({
        // The service writes its ids in other casings than the portal, and version 1 writes none.
        resourceId: `${parentId}/${childType}/${Child.parse(item).name.replace(/^.*\//, "")}`,
        description: described(kind, item),
      }));
    },
  };
}

function described(kind: TargetKind, resource: unknown): ListedGateway["description"] {
  try {
    return requestsByKind[kind].describe(resource);
  } catch {
    return "unknown";
  }
}
