import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerClient, RestError } from "@azure/storage-blob";

/** A lock that one host at a time holds, among all hosts of an app that share a storage account. */
export interface Singleton {
  /** Releases the lock, so that another host does not have to wait until the lease expires. */
  release(): Promise<void>;
}

export interface SingletonOptions {
  readonly container: ContainerClient;
  /** The app that the hosts run. */
  readonly appName: string;
  readonly functionName: string;
  /** Called whenever this host gets the lock or loses it. */
  onChange(held: boolean): void;
  /** Called once for each problem with storage; the host keeps trying. */
  onProblem(message: string): void;
}

/** `SingletonOptions.ListenerLockPeriod` of the real host. */
const leaseSeconds = 60;
const renewEveryMs = 15_000;
/** The real host tries once a minute. */
const tryEveryMs = 1_000;

/**
 * Acquires a lease on a blob, like the real host for a timer, and keeps renewing it. While another host holds the lease, it
 * keeps trying: after that host was killed, for a minute. It never throws: while storage is unavailable, no host runs the timer.
 */
export function holdSingleton(options: SingletonOptions): Singleton {
  const { container, appName, functionName, onChange, onProblem } = options;
  const blob = container.getBlockBlobClient(`locks/${appName}/${functionName}.Listener`);
  const lease = blob.getBlobLeaseClient();
  const stopped = new AbortController();
  let held = false;
  let problem: string | undefined;

  const attempt = async () => {
    const wasHeld = held;
    try {
      await (held ? lease.renewLease() : acquire());
      held = true;
      problem = undefined;
    } catch (error) {
      held = false;
      const before = problem;
      problem = isConflict(error) ? undefined : firstLine(error);
      if (problem !== undefined && problem !== before) onProblem(problem);
    }
    if (held !== wasHeld && !stopped.signal.aborted) onChange(held);
  };

  const acquire = async () => {
    await container.createIfNotExists();
    // Without this condition, the upload would need the lease that another host may hold.
    await blob.upload("", 0, { conditions: { ifNoneMatch: "*" } }).catch(ignoreConflict);
    await lease.acquireLease(leaseSeconds);
  };

  const keeping = (async () => {
    while (!stopped.signal.aborted) {
      await attempt();
      await sleep(held ? renewEveryMs : tryEveryMs, undefined, { signal: stopped.signal }).catch(
        () => undefined,
      );
    }
  })();

  return {
    async release() {
      stopped.abort();
      await keeping;
      if (held) await lease.releaseLease().catch(() => undefined);
    },
  };
}

/** The blob already exists, or another host holds its lease. */
const isConflict = (error: unknown) =>
  error instanceof RestError && [409, 412].includes(error.statusCode ?? 0);

function ignoreConflict(error: unknown): void {
  if (!isConflict(error)) throw error;
}

/** The other lines contain an id and a time, which differ in every request. */
const firstLine = (error: unknown) =>
  String(error instanceof Error ? error.message : error)
    .split("\n", 1)
    .join();
