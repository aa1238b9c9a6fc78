/** One of a limited number of places. */
export interface Place {
  /** Lets somebody else have it during a wait; whoever comes back goes before those who have not begun. */
  aside<T>(wait: () => Promise<T>): Promise<T>;
  /** Gives it up; once is as good as twice. */
  leave(): void;
}

/** So many places for everybody, first come, first served. */
export function createPlaces(count: number): { take(): Promise<Place> } {
  let free = count;
  const arriving: (() => void)[] = [];
  const returning: (() => void)[] = [];

  async function take(line: (() => void)[]): Promise<void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => line.push(resolve));
  }

  function give(): void {
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
