import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";

const Peaks = z.object({ old: z.number(), young: z.number() });

/** Replaces what it holds on to, some 16 MB, twelve times, and tells how large V8's generations became. */
async function peaks(limited: boolean): Promise<z.infer<typeof Peaks>> {
  const module = path.join(import.meta.dirname, "..", "..", "src", "process", "heapLimits.ts");
  const script = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { setImmediate as turn } from "node:timers/promises";
    const { createHeapLimits } = await import(${JSON.stringify(module)});
    if (${limited}) createHeapLimits().grow();
    const held = Array.from({ length: 20_000 }, () => undefined);
    const peak = { old_space: 0, new_space: 0 };
    for (let i = 0; i < 12 * held.length; i += 1) {
      held[i % held.length] = Array.from({ length: 100 }, () => i / 3);
      if (i % 2_000 !== 0) continue;
      await turn();
      for (const { space_name, space_size } of getHeapSpaceStatistics())
        if (space_name in peak) peak[space_name] = Math.max(peak[space_name], space_size);
    }
    console.log(JSON.stringify({ old: peak.old_space, young: peak.new_space }));`;
  // As on a machine with memory to spare, whatever this one has.
  const args = ["--max-old-space-size=4096", "--disable-warning=ExperimentalWarning", "--input-type=module"];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, "-e", script]);
  return Peaks.parse(JSON.parse(stdout));
}

test("garbage that outlived the young generation → little of it lies about, and that generation stays small", async () => {
  const [free, limited] = await Promise.all([peaks(false), peaks(true)]);
  expect(limited.old).toBeLessThan(0.6 * free.old);
  // It grows while it is small, and not for ever.
  expect(limited.young).toBeGreaterThan(4 * 2 ** 20);
  expect(limited.young).toBeLessThanOrEqual(32 * 2 ** 20);
}, 60_000);
