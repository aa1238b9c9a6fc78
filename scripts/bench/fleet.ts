import { settings } from "../../src/config/appSettings.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { parseResourceId } from "../../src/domain/resourceId.ts";
import type { Gateway } from "../../src/domain/target.ts";
import type { RunTerms } from "../../src/rotation/context.ts";

/**
 * So many gateways, the first of each subscription first, then the second of each, and so on.
 *
 * @param vaults `each`: every subscription has a vault of its own; `one`: they share one
 */
export function createFleet(
  gateways: number,
  subscriptions: number,
  vaults: "each" | "one" = "each",
): Gateway[] {
  return Array.from({ length: gateways }, (_, i) => {
    const subscription = i % subscriptions;
    const id = `00000000-0000-4000-8000-${String(subscription).padStart(12, "0")}`;
    const vault = vaults === "one" ? "bench" : `bench-${subscription}`;
    const parsed = parseResourceId(
      `/subscriptions/${id}/resourceGroups/bench/providers/Microsoft.DataFactory/factories/bench/integrationRuntimes/runtime-${i}`,
    );
    if (parsed.kind !== "target") throw new TypeError(`${parsed.value}: ${parsed.rule}`);
    return {
      name: `runtime-${i}`,
      target: parsed.target,
      secret: { vaultUrl: `https://${vault}.vault.azure.net`, secretName: `runtime-${i}` },
    };
  });
}

const callTimeoutMs = 1000 * Number(settings.callTimeoutMs.default);
const functionTimeoutMs = 1_800_000;

/** `ROTATION_CONCURRENCY` where it is not set. */
export const defaultConcurrency = Number(settings.rotationConcurrency.default);

/** The terms of a run that begins now, with the product's defaults. */
export const runTerms = (clock: Clock): RunTerms => ({
  run: {
    id: `bench-${crypto.randomUUID()}`,
    trigger: "schedule",
    reason: "scheduled",
    requestedBy: "timer",
    mode: "standard",
    takeOwnership: false,
  },
  createdAt: clock.now(),
  deploymentName: "bench",
  functionTimeoutMs,
  deadline: clock.now() + functionTimeoutMs - 4 * callTimeoutMs,
  callTimeoutMs,
  concurrency: defaultConcurrency,
});
