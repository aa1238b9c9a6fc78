import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** How much garbage V8 may let lie beside what is in use, in percent. Its own choice is up to 300. */
const mostGarbagePercent = 20;

/** Of V8's young generation, in bytes. More would make it collect less often, with less and less to gain. */
const youngEnough = 16 * 2 ** 20;

export interface HeapLimits {
  /** From now on little garbage is let lie, and the young generation stays as it is. */
  limit(): void;
  /** Limits, and lets the young generation grow to its size, one collection after the other. */
  grow(): void;
}

/**
 * Keeps memory from growing with the number of gateways. Rotating one makes some 700 KB of garbage, in the SDKs
 * mostly, and V8 lets it lie where the machine has memory to spare: with 10,000 gateways a process that held on to
 * 60 MB took 530. The flags are numbers that V8 looks at whenever it has collected, so they can be set while it runs;
 * a V8 that does not know them says so on stderr, and goes on as it was. (As Node arguments, in an app setting, they would
 * make the platform throw away the worker that it keeps ready, and start another one.)
 *
 * Not before it must be: with a flag set, V8 refuses the code that Node has compiled ahead of its own modules, and the
 * first request would wait for 10 ms more.
 */
export function createHeapLimits(): HeapLimits {
  const observer = new PerformanceObserver(() => setGrowth(youngBytes() < youngEnough ? 2 : 1));
  let growth: 1 | 2 | undefined;
  let isGrowing = false;

  function setGrowth(factor: 1 | 2): void {
    if (factor === growth) return;
    growth = factor;
    setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  }

  function limit(): void {
    if (growth !== undefined) return;
    setFlagsFromString(`--heap-growing-percent=${mostGarbagePercent}`);
    setGrowth(1);
  }

  return {
    limit,
    grow() {
      limit();
      if (!isGrowing) observer.observe({ entryTypes: ["gc"] });
      isGrowing = true;
    },
  };
}

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0;
