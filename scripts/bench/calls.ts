import { driveRun } from "../../src/runs/driveRun.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { createRun } from "../../src/runs/runs.ts";
import { type BenchAzure, type Counts, createBenchAzure, noCounts } from "./azure.ts";
import { createFleet, runTerms } from "./fleet.ts";
import type { Row, Section } from "./report.ts";
import { createKept, createServices } from "./services.ts";
import { createVirtualClock } from "./virtualClock.ts";

const hourMs = 3_600_000;
/** Enough for all at once: it is the calls that are counted. */
const bucket = { capacity: 1e9, refillPerSecond: 1e9 };

/** Calls by service, in virtual time: of a day's run, of the verification after it, and of a tick with nothing to do. */
export async function benchCalls(progress: (line: string) => void): Promise<Section> {
  const few = await day(10, progress);
  const many = await day(10_000, progress);
  const { rotated, idle } = many;
  return {
    title: "Calls",
    text: [
      "For gateways that were rotated before, all of one vault, without faults. `each` is what one gateway costs. An idle tick of `resumeRotations` lists the open runs, and the journals, 5,000 to a page.",
    ],
    rows: [few, many].flatMap(({ gateways, ...of }) => [
      row("rotating", gateways, of.rotated),
      row("verifying, after the quiet period", gateways, of.checked),
      row("an idle tick", gateways, of.idle),
    ]),
    goals: [
      {
        goal: "for each rotation, beside the preflight: 1 write of Resource Manager, 1 version and 1 read of Key Vault, at most 4 calls to storage",
        measured: [rotated.writes, rotated.versions - 1, rotated.vaultReads, rotated.storageCalls]
          .map((calls) => Number((calls / many.gateways).toFixed(2)))
          .join(", "),
        reached: [few, many].every(hasFewCalls),
      },
      {
        goal: "an idle tick costs one list of open runs and one of journals for each 5,000 gateways",
        measured: `${few.idle.storageCalls} and ${idle.storageCalls}`,
        reached:
          few.idle.storageCalls === 2 && idle.storageCalls === 3 && idle.vaultReads + idle.writes === 0,
      },
    ],
  };
}

function hasFewCalls({ gateways, rotated }: Awaited<ReturnType<typeof day>>): boolean {
  const { writes, versions, vaultReads, storageCalls } = rotated;
  return (
    writes === gateways &&
    versions === gateways + 1 &&
    vaultReads === gateways &&
    storageCalls <= 4 * gateways
  );
}

async function day(gateways: number, progress: (line: string) => void) {
  progress(`calls of ${gateways.toLocaleString("en")} gateways`);
  const clock = createVirtualClock();
  const azure = createBenchAzure(clock, { bucket, latencyMs: 10 });
  const services = createServices(azure, createKept(clock));
  const fleet = createFleet(gateways, 1, "one");
  const { callTimeoutMs } = runTerms(clock);
  const storage = () => {
    const { deadline } = runTerms(clock);
    return { blobs: services.blobs, clock, lastStart: deadline, callTimeoutMs };
  };

  async function rotate(): Promise<void> {
    const terms = runTerms(clock);
    const created = await createRun(storage(), terms.run, () => fleet);
    if (created.kind !== "created") throw new Error("The run could not be created");
    const driven = await driveRun(services, storage(), created, terms);
    if (driven.kind !== "driven" || driven.result.rotated !== gateways)
      throw new Error("Not every gateway was rotated");
  }

  async function tick(): Promise<void> {
    const { result, problems } = await resumeRuns(services, storage(), runTerms(clock), fleet);
    if (result.failed.length + result.pending + problems.length > 0)
      throw new Error("The tick did not go well");
  }

  await clock.run(rotate());
  await clock.run(clock.sleep(hourMs));
  await clock.run(tick());
  await clock.run(clock.sleep(23 * hourMs));
  const rotated = await counted(azure, rotate);
  await clock.run(clock.sleep(hourMs));
  const checked = await counted(azure, tick);
  const idle = await counted(azure, tick);
  return { gateways, rotated, checked, idle };
}

async function counted({ counts, clock }: BenchAzure, work: () => Promise<void>): Promise<Counts> {
  Object.assign(counts, noCounts);
  await clock.run(work());
  return { ...counts };
}

function row(what: string, gateways: number, counts: Counts): Row {
  const cell = (calls: number) => `${calls.toLocaleString("en")} (${(calls / gateways).toFixed(2)} each)`;
  return {
    what,
    gateways: gateways.toLocaleString("en"),
    "Resource Manager writes": cell(counts.writes),
    "Key Vault versions": cell(counts.versions),
    "Key Vault reads": cell(counts.vaultReads),
    storage: cell(counts.storageCalls),
  };
}
