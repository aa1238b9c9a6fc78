/** What became of a batch; `problem` says why not all of it was accepted. */
export interface Delivery {
  readonly accepted: number;
  readonly problem?: string | undefined;
}

export interface DeliveryQueueOptions<Item> {
  /** Delivers one batch. Called for one batch after another; may reject. */
  send(batch: readonly Item[], signal: AbortSignal): Promise<Delivery>;
  /** Items in a batch at most. */
  readonly batchSize: number;
  /** How long one batch may take, and how long a flush may, in milliseconds. */
  readonly timeLimitMs: number;
}

/** What was lost since the last flush that told of it. */
export interface Losses {
  readonly lost: number;
  /** The latest of the problems. */
  readonly problem?: string | undefined;
}

export interface DeliveryQueue<Item> {
  /** Never throws and never waits; delivery begins in the background. */
  push(item: Item): void;
  /** Waits until all that was pushed before is delivered or lost. Never rejects. */
  flush(): Promise<Losses>;
}

/**
 * Delivers items in batches as they come, the oldest first. There is no limit to what may wait, and yet little
 * does: a batch that cannot be delivered in its time is lost, not kept.
 */
export function createDeliveryQueue<Item>(options: DeliveryQueueOptions<Item>): DeliveryQueue<Item> {
  const { send, batchSize, timeLimitMs } = options;
  const waiting: Item[] = [];
  const flushes = new Set<Flush>();
  let pushed = 0;
  /** How many of all items pushed are delivered or lost. */
  let settled = 0;
  /** Items before this one are lost without another try. */
  let abandonedBefore = 0;
  let losses: { lost: number; problem: string | undefined } = { lost: 0, problem: undefined };
  let inFlight: AbortController | undefined;
  let delivering = false;

  async function deliverAll(): Promise<void> {
    delivering = true;
    while (waiting.length > 0) {
      const abandoned = abandonedBefore - settled;
      if (abandoned > 0) settle(waiting.splice(0, abandoned).length, { accepted: 0 });
      else await deliverBatch(waiting.splice(0, Math.min(batchSize, untilNextMark())));
    }
    delivering = false;
  }

  /** No batch reaches beyond the mark of a flush, or its end would take later items with it. */
  function untilNextMark(): number {
    return Math.min(...[...flushes].map(({ mark }) => mark - settled));
  }

  async function deliverBatch(batch: readonly Item[]): Promise<void> {
    inFlight = new AbortController();
    const { signal } = inFlight;
    const timer = setTimeout(abort, timeLimitMs, inFlight, `no answer within ${timeLimitMs} ms`).unref();
    try {
      settle(batch.length, await Promise.race([send(batch, signal), rejectionOn(signal)]));
    } catch (error) {
      settle(batch.length, { accepted: 0, problem: error instanceof Error ? error.message : String(error) });
    } finally {
      clearTimeout(timer);
      inFlight = undefined;
    }
  }

  function settle(count: number, { accepted, problem }: Delivery): void {
    settled += count;
    losses.lost += count - accepted;
    losses.problem = problem ?? losses.problem;
    for (const flush of flushes) {
      if (settled < flush.mark) continue;
      flushes.delete(flush);
      flush.done();
    }
  }

  function takeLosses(): Losses {
    const taken = losses;
    losses = { lost: 0, problem: undefined };
    return taken;
  }

  return {
    push(item) {
      waiting.push(item);
      pushed += 1;
      if (!delivering) void deliverAll();
    },
    async flush() {
      const mark = pushed;
      if (settled >= mark) return takeLosses();
      const { promise, resolve } = Promise.withResolvers<void>();
      const flush = { mark, done: resolve };
      flushes.add(flush);
      const timer = setTimeout(() => {
        abandonedBefore = Math.max(abandonedBefore, mark);
        if (inFlight !== undefined) abort(inFlight, `not delivered within ${timeLimitMs} ms`);
      }, timeLimitMs);
      await promise;
      clearTimeout(timer);
      return takeLosses();
    },
  };
}

interface Flush {
  /** The flush waits until this many items are settled. */
  readonly mark: number;
  readonly done: () => void;
}

class DeliveryTimeOutError extends Error {
  override readonly name = "DeliveryTimeOutError";
}

function abort(controller: AbortController, reason: string): void {
  controller.abort(new DeliveryTimeOutError(reason));
}

/** For senders that do not heed their signal, so that none of them can hold up a flush. */
function rejectionOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
