import type { Clock } from "../rotation/services.ts";

/** One of a limited number of places. */
export interface Place {
  /** Lets somebody else have it during a wait; whoever comes back goes before those who have not begun. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  /** Gives it up; once is as good as twice. */
  leave(): void;
}

export interface PlacesOptions {
  readonly count: number;
  /** Whether this process has as much to do as it can. */
  isBusy(): boolean;
  readonly clock: Clock;
}

/** How often it is seen whether the process has time again, in milliseconds. */
const lookEveryMs = 250;

/**
 * So many places for everybody, first come, first served. All but a quarter of them are only given while this process
 * has time to spare: where it has not, more at the same time would be done no sooner, and each would take longer.
 */
export function createPlaces({ count, isBusy, clock }: PlacesOptions): { take(): Promise<Place> } {
  let taken = 0;
  let isLooking = false;
  const arriving: (() => void)[] = [];
  const returning: (() => void)[] = [];
  const isOneFree = (): boolean => taken < count && (taken < count / 4 || !isBusy());

  function give(): void {
    while (returning.length + arriving.length > 0 && isOneFree()) {
      taken += 1;
      (returning.shift() ?? arriving.shift())?.();
    }
    if (returning.length + arriving.length > 0 && taken < count) void lookAgain();
  }

  /** Whoever has a place may be long in leaving it: it waits, and the process has time. */
  async function lookAgain(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    await clock.sleep(lookEveryMs);
    isLooking = false;
    give();
  }

  function take(line: (() => void)[]): Promise<void> {
    return new Promise((resolve) => {
      line.push(resolve);
      give();
    });
  }

  function leave(): void {
    taken -= 1;
    give();
  }

  return {
    async take() {
      await take(arriving);
      let held = true;
      return {
        async aside(wait) {
          if (!held) return wait();
          leave();
          try {
            return await wait();
          } finally {
            await take(returning);
          }
        },
        leave() {
          if (held) leave();
          held = false;
        },
      };
    },
  };
}
