import { constants, PerformanceObserver } from "node:perf_hooks";
import { createApp } from "../../src/app.ts";

/**
 * One tick of `rotateOnSchedule` in a process of its own, as the parent process has set it up; sends what it took.
 * Source files instead of the bundle: it is differences between such processes that are looked at.
 */
const [directory = "."] = process.argv.slice(2);
const app = createApp({ variables: process.env, directory });

/** The most that was still in use after V8 had collected everything; undefined where it had no need to. */
let liveBytes: number | undefined;
new PerformanceObserver((list) => {
  const kinds = list.getEntries().map((entry) => Reflect.get(Object(Reflect.get(entry, "detail")), "kind"));
  if (kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR))
    liveBytes = Math.max(liveBytes ?? 0, process.memoryUsage().heapUsed);
}).observe({ entryTypes: ["gc"] });

const before = process.cpuUsage();
await app.rotateOnSchedule({
  invocationId: crypto.randomUUID(),
  log() {},
  warn: console.error,
  error: console.error,
});
const { user, system } = process.cpuUsage(before);
process.send?.({ cpuMs: (user + system) / 1000, peakKiB: process.resourceUsage().maxRSS, liveBytes });
process.disconnect();
