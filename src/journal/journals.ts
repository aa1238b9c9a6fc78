import type { Failed } from "../domain/attempt.ts";
import type { BlobCondition } from "../domain/blobStore.ts";
import { clockResolutionMs } from "../domain/clock.ts";
import type { Gateway } from "../domain/target.ts";
import { readBlob, type StorageTerms, writeBlob } from "./conditionalWrite.ts";
import { emptyJournal, type Journal, journalName, parseJournal } from "./journal.ts";
import { summaryOf } from "./journalSummary.ts";

/** A journal as this runner last read or wrote it, and the condition for the next write. */
export interface HeldJournal {
  /** Without rotations if the gateway has none yet. */
  readonly journal: Journal;
  readonly condition: BlobCondition;
  /**
   * Storage's clock less this process's clock, in milliseconds: all runners use storage's clock. The process may have
   * stalled since the answer, so this is the lowest possible value. With it, another runner's claim never seems to end
   * too early.
   */
  readonly clockOffsetMs: number;
  /** The highest possible value. With it, a runner's own claim never seems to last too long. */
  readonly latestOffsetMs: number;
}

/** `unreadable`: this version of the system does not understand the blob, or it is another gateway's. `problem`: why. */
export type ReadJournal =
  | { readonly kind: "read"; readonly held: HeldJournal }
  | { readonly kind: "unreadable"; readonly problem: string }
  | Failed;

/** `lost`: another runner wrote the journal first. `failed`: the journal may have been written or not. */
export type WriteJournal =
  | { readonly kind: "written"; readonly held: HeldJournal }
  | { readonly kind: "lost" }
  | Failed;

/** Reads and writes journals. A write succeeds only if the journal is unchanged since it was read. */
export function createJournals(storage: StorageTerms) {
  const { clock } = storage;

  const offsetsOf = ({ now, sentAt }: { readonly now: number; readonly sentAt: number }) => ({
    clockOffsetMs: now - clock.now(),
    latestOffsetMs: now + clockResolutionMs - sentAt,
  });

  async function read(gateway: Gateway): Promise<ReadJournal> {
    const name = journalName(gateway);
    const found = await readBlob(storage, name);
    if (found.kind === "failed") return found;
    const offsets = offsetsOf(found);
    if (found.kind === "none") {
      const held = { journal: emptyJournal(gateway), condition: { kind: "absent" }, ...offsets } as const;
      return { kind: "read", held };
    }
    const parsed = parseJournal(found.text, gateway.target.identity);
    if (parsed.kind === "unreadable") return { ...parsed, problem: `${name}: ${parsed.problem}.` };
    const condition = { kind: "unchanged", etag: found.etag } as const;
    return { kind: "read", held: { journal: parsed.journal, condition, ...offsets } };
  }

  async function write(gateway: Gateway, before: HeldJournal, journal: Journal): Promise<WriteJournal> {
    const written = await writeBlob(
      storage,
      journalName(gateway),
      JSON.stringify(journal),
      before.condition,
      summaryOf(gateway, journal),
    );
    if (written.kind !== "written") return written;
    const condition = { kind: "unchanged", etag: written.etag } as const;
    return { kind: "written", held: { journal, condition, ...offsetsOf(written) } };
  }

  return { read, write };
}

export type Journals = ReturnType<typeof createJournals>;
