import { settings } from "../../src/config/settings.ts";
import type { Clock } from "../../src/domain/clock.ts";
import type { RunTerms } from "../../src/rotation/terms.ts";

const callTimeoutMs = 1000 * Number(settings.callTimeoutSeconds.default);
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
