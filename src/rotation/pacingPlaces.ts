/** One of a limited number of places. */
export interface Place {
  /** Lets somebody else have it during a wait; whoever comes back goes before those who have not begun. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  /** Gives it up; once is as good as twice. */
  leave(): void;
}

/**
 * So many places for everybody, first come, first served. The second half of them is only given while this process
 * has time to spare: where it has not, more at the same time would be done no sooner, and each would take longer.
 *
 * @param isBusy whether this process has as much to do as it can
 */
export function createPlaces(count: number, isBusy: () => boolean): { take(): Promise<Place> } {
  let taken = 0;
  const arriving: (() => void)[] = [];
  const returning: (() => void)[] = [];
  const isOneFree = (): boolean => taken < count && (taken < count / 2 || !isBusy());

  async function take(line: (() => void)[]): Promise<void> {
    if (arriving.length + returning.length > 0 || !isOneFree())
      return new Promise((resolve) => line.push(resolve));
    taken += 1;
  }

  function give(): void {
    taken -= 1;
    while (isOneFree()) {
      const next = returning.shift() ?? arriving.shift();
      if (next === undefined) return;
      taken += 1;
      next();
    }
  }

  return {
    async take() {
      await take(arriving);
      let held = true;
      return {
        async aside(wait) {
          if (!held) return wait();
          give();
          try {
            return await wait();
          } finally {
            await take(returning);
          }
        },
        leave() {
          if (held) give();
          held = false;
        },
      };
    },
  };
}
