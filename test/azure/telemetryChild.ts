import { registerHooks } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { type SampleName, samples } from "../domain/eventSamples.ts";

/** The task of the process that runs this file, as JSON in its first argument. */
export interface ChildTask {
  readonly connectionString?: string;
  readonly events: readonly SampleName[];
  readonly flushTimeLimitMs?: number;
  /** How long to stay after the flush, in milliseconds. */
  readonly lingerMs?: number;
}

/** Its one line of output, written when it has nothing left to do. */
export interface ChildReport {
  readonly openTelemetryLoaded: { readonly beforeEvents: boolean; readonly afterFlush: boolean };
  readonly warnings: readonly string[];
}

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});
const isLoaded = () => loaded.some((url) => /opentelemetry|applicationInsights/.test(url));

const task: ChildTask = JSON.parse(process.argv[2] ?? "");
const warnings: string[] = [];
const { createTelemetry } = await import("../../src/azure/telemetry.ts");
const telemetry = createTelemetry({
  deploymentName: "keys-child",
  connectionString: task.connectionString,
  // Far more than delivering takes on a busy machine.
  flushTimeLimitMs: task.flushTimeLimitMs ?? 60_000,
  logger: { log: () => {}, error: () => {}, warn: (line) => warnings.push(line) },
});

const beforeEvents = isLoaded();
for (const name of task.events) telemetry.emit(samples[name]);
await telemetry.flush();
if (task.lingerMs !== undefined) await delay(task.lingerMs);
const report: ChildReport = {
  openTelemetryLoaded: { beforeEvents, afterFlush: isLoaded() },
  warnings,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
