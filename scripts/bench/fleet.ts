import { parseResourceId } from "../../src/domain/resourceId.ts";
import { type Gateway, hasTwoKeys, type TwoKeyTarget } from "../../src/domain/target.ts";

/** A gateway of a benchmark: a version 2 target, which the SDK's own operations can rotate too. */
export interface FleetGateway extends Gateway {
  readonly target: TwoKeyTarget;
}

/**
 * So many gateways, the first of each subscription first, then the second of each, and so on.
 *
 * @param vaults `each`: every subscription has a vault of its own; `one`: they share one
 */
export function createFleet(
  gateways: number,
  subscriptions: number,
  vaults: "each" | "one" = "each",
): FleetGateway[] {
  return Array.from({ length: gateways }, (_, i) => {
    const subscription = i % subscriptions;
    const id = `00000000-0000-4000-8000-${String(subscription).padStart(12, "0")}`;
    const vault = vaults === "one" ? "bench" : `bench-${subscription}`;
    const parsed = parseResourceId(
      `/subscriptions/${id}/resourceGroups/bench/providers/Microsoft.DataFactory/factories/bench/integrationRuntimes/runtime-${i}`,
    );
    if (parsed.kind !== "target" || !hasTwoKeys(parsed.target))
      throw new TypeError("A benchmark's gateway is no integration runtime");
    return {
      name: `runtime-${i}`,
      target: parsed.target,
      secret: { vaultUrl: `https://${vault}.vault.azure.net`, secretName: `runtime-${i}` },
    };
  });
}
