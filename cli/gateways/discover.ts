import pMap from "p-map";
import type { CallProblem } from "../../src/domain/attempt.ts";
import { gatewayKinds, kindNames } from "../../src/domain/gatewayKinds.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";
import type { Target, TargetKind } from "../../src/domain/target.ts";
import type { GatewayLists, ListedGateway } from "../azure/gatewayLists.ts";
import { visible } from "../words.ts";

export interface DiscoveryScope {
  readonly subscriptions: readonly string[];
  /** Names of resource groups, compared without case; an empty list means all. */
  readonly resourceGroups: readonly string[];
}

export interface Discovery {
  /** The gateways that have keys of their own, by resource id. */
  readonly found: readonly Target[];
  readonly leftOut: readonly { readonly resourceId: string; readonly why: string }[];
  /** What could not be listed. */
  readonly unread: readonly { readonly place: string; readonly problem: CallProblem }[];
  /** Whether the target would be in `found` if it existed and had keys. */
  covers(target: Target): boolean;
}

/** Reads have a bucket of 250, refilled by 25 a second: eight lists at a time stay below it. */
const concurrency = 8;

const whyLeftOut: Readonly<Record<Exclude<ListedGateway["description"], "ready">, string>> = {
  linked: "it uses the runtime of another factory, and has no keys",
  managed: "Azure runs it, and it has no keys",
  unknown: "it is of a type that this system does not know",
};

/**
 * Lists the gateways of all kinds. Never throws: what could not be listed is in `unread`, and stops nothing else.
 *
 * @param onProgress called after each list
 */
export async function discover(
  { subscriptions, resourceGroups }: DiscoveryScope,
  lists: GatewayLists,
  onProgress?: (done: number, total: number) => void,
): Promise<Discovery> {
  const groups = new Set(resourceGroups.map((name) => name.toLowerCase()));
  const isInScope = (id: string): boolean =>
    groups.size === 0 || groups.has((id.split("/")[4] ?? "").toLowerCase());
  const unread: { place: string; key: string; problem: CallProblem }[] = [];
  const places = subscriptions.flatMap((subscription) => kindNames.map((kind) => ({ subscription, kind })));
  let [done, total] = [0, places.length];

  const parents = await pMap(
    places,
    async ({ subscription, kind }): Promise<readonly { kind: TargetKind; id: string }[]> => {
      const listing = await lists.parents(kind, subscription);
      onProgress?.(++done, total);
      if (listing.kind === "listed")
        return listing.items.filter(isInScope).map((id) => ({ kind, id: id.replace(/\/$/, "") }));
      const [namespace = "", parentType = ""] = gatewayKinds[kind].resourceType.split("/");
      const place = `/subscriptions/${subscription}/providers/${namespace}/${parentType}`;
      unread.push({ place, key: keyOf(kind, subscription), problem: listing.problem });
      return [];
    },
    { concurrency },
  );
  total += parents.flat().length;

  const listed = await pMap(
    parents.flat(),
    async ({ kind, id }): Promise<readonly ListedGateway[]> => {
      const listing = await lists.gateways(kind, id);
      onProgress?.(++done, total);
      if (listing.kind === "listed") return listing.items;
      unread.push({ place: id, key: id.toLowerCase(), problem: listing.problem });
      return [];
    },
    { concurrency },
  );

  const found: Target[] = [];
  const leftOut: { resourceId: string; why: string }[] = [];
  for (const { resourceId, description } of listed.flat()) {
    const parsed = parseResourceId(resourceId);
    if (description !== "ready") leftOut.push({ resourceId, why: whyLeftOut[description] });
    else if (parsed.kind === "target") found.push(parsed.target);
    else leftOut.push({ resourceId, why: `${visible(parsed.value)}: ${parsed.rule}` });
  }
  const asked = new Set(subscriptions.map((id) => id.toLowerCase()));
  const notRead = new Set(unread.map(({ key }) => key));
  return {
    found: found.toSorted((a, b) => (a.identity < b.identity ? -1 : 1)),
    leftOut: leftOut.toSorted((a, b) => (a.resourceId < b.resourceId ? -1 : 1)),
    unread: unread.toSorted((a, b) => (a.place < b.place ? -1 : 1)),
    covers: ({ kind, subscriptionId, identity }) =>
      asked.has(subscriptionId.toLowerCase()) &&
      isInScope(identity) &&
      !notRead.has(keyOf(kind, subscriptionId)) &&
      !notRead.has(identity.split("/").slice(0, -2).join("/")),
  };
}

const keyOf = (kind: TargetKind, subscription: string): string => `${kind} ${subscription.toLowerCase()}`;
