import type { Section } from "./report.ts";
import { benchStart } from "./start.ts";

const mostPackageBytes = 500_000;

/** From a process's start until it can be called, and until it calls. */
export async function benchStartSection(progress: (line: string) => void): Promise<Section> {
  const { rows, packageBytes, rounds } = await benchStart({
    onProgress: (round, of) => progress(`start: round ${round} of ${of}`),
  });
  const kB = `${(packageBytes / 1000).toFixed(0)} kB`;
  return {
    title: "Start, and the package",
    text: [`Medians of ${rounds} rounds, each of which measures everything once. The package: ${kB} zipped.`],
    rows: rows.map(({ what, ms, ratio }) => ({
      what,
      ms: Math.round(ms),
      "times an empty Node process": ratio.toFixed(2),
    })),
    goals: [
      ...rows.flatMap(({ what, ratio, goal }) =>
        goal === undefined
          ? []
          : [
              {
                goal: `${what}: at most ${goal} times an empty Node process`,
                measured: ratio.toFixed(2),
                reached: ratio <= goal,
              },
            ],
      ),
      { goal: "the package: at most 0.5 MB zipped", measured: kB, reached: packageBytes <= mostPackageBytes },
    ],
  };
}
