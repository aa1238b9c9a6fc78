import { performance } from "node:perf_hooks";

/** Of the time, beyond which what is asked of this process mostly waits for what was asked before. */
const busyShare = 0.5;

/** Shorter than that says little, in milliseconds. */
const lookBackMs = 250;

/** @returns whether the event loop was busy of late; so it is taken to be until enough was seen of it */
export function watchEventLoop(): () => boolean {
  let since = performance.eventLoopUtilization();
  let isBusy = true;
  return () => {
    const { active, idle, utilization } = performance.eventLoopUtilization(since);
    if (active + idle < lookBackMs) return isBusy;
    isBusy = utilization > busyShare;
    since = performance.eventLoopUtilization();
    return isBusy;
  };
}
