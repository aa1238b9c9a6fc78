import { SingleBar } from "cli-progress";

/** A bar on standard error. cli-progress draws it on a terminal only. @param unit such as `secrets read` */
export function createProgress(unit: string) {
  const bar = new SingleBar({
    format: `{bar} {value} of {total} ${unit}`,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    show(done: number, total: number): void {
      if (!bar.isActive) bar.start(total, 0);
      bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
