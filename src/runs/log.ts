import * as z from "zod/mini";
import type { CallProblem } from "../domain/attempt.ts";
import { retryTransient } from "../domain/clock.ts";
import type { StorageTerms } from "../journal/conditionalWrite.ts";
import type { RunDocument } from "./document.ts";
import { notBegun, type Progress, progress, unite } from "./progress.ts";

/** One line of a run's log: the progress of one gateway, as one driver saw it. */
const logLine = z.strictObject({
  /** `createdAt` of the run's document. After an operator deleted a document, its lines do not count for a new one. */
  run: z.int(),
  /** The gateway's name in the run's document. */
  gateway: z.string(),
  driver: z.string(),
  /** When it was written, in milliseconds since 1970 by storage's clock. */
  when: z.int().check(z.nonnegative()),
  ...progress.shape,
});

export type LogLine = z.infer<typeof logLine>;

/** `runs/{id}.log`: an append blob, so that two drivers of one run never overwrite each other's lines. */
export const logName = (id: string): string => `runs/${id}.log`;

/** A gateway of a run, as its document and its log show it. */
export type RunGateway = RunDocument["gateways"][number] & Progress;

export interface FoldedLog {
  /** In the order of the document. */
  readonly gateways: readonly RunGateway[];
  /** How many lines are not valid: a crash cut the line off, or a later version of this system wrote it. */
  readonly unreadable: number;
}

/**
 * Combines the lines of a run's log. Their order and repetitions make no difference: for each gateway, the line that
 * `isFarther` ranks highest counts, and every version that any line names.
 */
export function foldLog({ gateways, createdAt }: RunDocument, text: string): FoldedLog {
  const farthest = new Map<string, LogLine>();
  const versions = new Map<string, Progress["versions"]>();
  let unreadable = 0;
  for (const written of text.split("\n")) {
    if (written === "") continue;
    const line = parseLine(written);
    if (line === undefined) {
      unreadable += 1;
      continue;
    }
    if (line.run !== createdAt) continue;
    const known = farthest.get(line.gateway);
    if (known === undefined || isFarther(line, known)) farthest.set(line.gateway, line);
    versions.set(line.gateway, unite(versions.get(line.gateway) ?? [], line.versions));
  }
  return {
    gateways: gateways.map((target) => {
      const line = farthest.get(target.name);
      if (line === undefined) return { ...target, ...notBegun(createdAt) };
      return { ...target, ...progressOf(line), versions: versions.get(target.name) ?? [] };
    }),
    unreadable,
  };
}

const stages = ["open", "unverified", "done"] as const satisfies readonly Progress["state"][];

/** Higher sequence, then farther state, then `rotated` rather than another outcome, then the later time. */
function isFarther(a: LogLine, b: LogLine): boolean {
  const order = [
    a.sequence - b.sequence,
    stages.indexOf(a.state) - stages.indexOf(b.state),
    Number(a.outcome?.kind === "rotated") - Number(b.outcome?.kind === "rotated"),
    a.when - b.when,
  ].find((difference) => difference !== 0);
  return order === undefined ? JSON.stringify(a) > JSON.stringify(b) : order > 0;
}

/** The progress that a line holds. */
const progressOf = ({ run, gateway, driver, when, ...written }: LogLine): Progress => written;

function parseLine(text: string): LogLine | undefined {
  try {
    return logLine.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * The longest wait and the most lines of a batch. A line is below 5 KB (the service's part of a message is cut at 400
 * characters), so a batch is far below the 4 MiB that one append accepts.
 */
const batchMs = 1000;
const batchLines = 200;

/**
 * Writes a run's log in batches, at most a second or 200 lines late. It repeats an append whose answer was lost, since
 * `foldLog` accepts repeated lines. Lines that storage did not accept stay for the next batch.
 *
 * @param inOrder runs the run's writes one at a time
 */
export function createLogWriter(
  storage: StorageTerms,
  id: string,
  inOrder: <T>(write: () => Promise<T>) => Promise<T>,
) {
  const { blobs, clock, lastStart } = storage;
  const waiting: string[] = [];
  let appendedAt = Number.NEGATIVE_INFINITY;
  let isTimed = false;
  let isQueued = false;

  /** Queues one append at most: during an outage, several would delay every other write of the run. */
  function queueAppend(): void {
    if (isQueued) return;
    isQueued = true;
    void inOrder(append);
  }

  async function append(): Promise<CallProblem | undefined> {
    isQueued = false;
    while (waiting.length > 0) {
      const block = waiting.splice(0, batchLines);
      appendedAt = clock.now();
      const appended = await retryTransient(() => blobs.append(logName(id), textOf(block)), {
        clock,
        lastStart,
      });
      if (appended.kind === "appended") continue;
      waiting.unshift(...block);
      return appended.problem;
    }
    return undefined;
  }

  return {
    add(line: LogLine): void {
      waiting.push(JSON.stringify(line));
      const waitMs = appendedAt + batchMs - clock.now();
      if (waitMs <= 0 || waiting.length >= batchLines) queueAppend();
      else if (!isTimed) {
        isTimed = true;
        void clock.sleep(waitMs).then(() => {
          isTimed = false;
          queueAppend();
        });
      }
    },
    /** Appends the lines that wait. @returns the problem that stopped it, or undefined */
    flush: (): Promise<CallProblem | undefined> => inOrder(append),
  };
}

/** A line break at both ends separates these lines from one that a crashed writer cut off. */
const textOf = (lines: readonly string[]): string => `\n${lines.join("\n")}\n`;
