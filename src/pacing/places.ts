/** One of a fixed number of places. */
export interface Place {
  /** Gives the place to another caller during a wait. Afterwards this caller comes before callers that have not begun. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  /** Releases the place. A second call does nothing. */
  leave(): void;
}

/**
 * A fixed number of places: first come, first served.
 *
 * @param count how many callers can have a place at the same time
 */
export function createPlaces(count: number): { take(): Promise<Place> } {
  let free = count;
  const returning: (() => void)[] = [];
  const arriving: (() => void)[] = [];

  async function take(line: (() => void)[]): Promise<void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => line.push(resolve));
  }

  /** The place goes to the next in line, or is free. */
  function leave(): void {
    const next = returning.shift() ?? arriving.shift();
    if (next === undefined) free += 1;
    else next();
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
