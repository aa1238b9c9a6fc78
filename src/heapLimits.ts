import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** How much garbage V8 may let lie beside what is in use, in percent. Its own choice is up to 300. */
const mostGarbagePercent = 20;

/** Of V8's young generation, in bytes. More would make it collect less often, with less and less to gain. */
const youngEnough = 16 * 2 ** 20;

/**
 * Keeps memory from growing with the number of gateways. Rotating one makes some 700 KB of garbage, in the SDKs
 * mostly, and V8 lets it lie where the machine has memory to spare: with 10,000 gateways a process that held on to
 * 60 MB took 530. These flags are numbers that V8 looks at whenever it has collected, so they can be set while it runs;
 * a V8 that does not know them goes on as it was. (As Node arguments, in an app setting, they would make the platform
 * throw away the worker that it keeps ready, and start another one.)
 *
 * @returns lets the young generation grow to its size, one collection after the other. To be called when the
 *   configuration has been read: all of that survives, and would make it grow far beyond at once.
 */
export function limitHeap(): () => void {
  setFlagsFromString(`--heap-growing-percent=${mostGarbagePercent}`);
  growYoungGeneration(1);
  const observer = new PerformanceObserver(() => growYoungGeneration(youngBytes() < youngEnough ? 2 : 1));
  return () => observer.observe({ entryTypes: ["gc"] });
}

const growYoungGeneration = (factor: number): void =>
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
