import type { CallProblem } from "../domain/attempt.ts";
import type { BlobCondition, BlobMetadata } from "../domain/blobStore.ts";
import type { Gateway } from "../domain/target.ts";
import { readBlob, writeBlob } from "./conditionalWrite.ts";
import { type Journal, journalName, journalText, parseJournal } from "./journal.ts";
import type { RotationServices, RunTerms } from "./services.ts";

/** A journal as it stood when it was read or written, and by which it can be overwritten. */
export interface Held {
  /** Undefined: there is none yet. */
  readonly journal: Journal | undefined;
  readonly condition: BlobCondition;
  /** Storage's clock less ours, in milliseconds: all runners go by storage's. */
  readonly clockOffsetMs: number;
}

export type ReadJournal =
  | { readonly kind: "read"; readonly held: Held }
  | { readonly kind: "unreadable"; readonly blob: string; readonly why: string }
  | { readonly kind: "failed"; readonly problem: CallProblem };

export type WriteJournal =
  | { readonly kind: "written"; readonly held: Held & { readonly journal: Journal } }
  | { readonly kind: "lost" }
  | { readonly kind: "failed"; readonly problem: CallProblem };

/** The journals of one run's gateways: read and written on conditions only. */
export function createLeases({ blobs, clock }: RotationServices, terms: RunTerms) {
  const storage = { blobs, clock, lastStart: terms.deadline, callTimeoutMs: terms.callTimeoutMs };

  async function read(gateway: Gateway): Promise<ReadJournal> {
    const name = journalName(gateway);
    const found = await readBlob(storage, name);
    if (found.kind === "failed") return found;
    const clockOffsetMs = found.now - clock.now();
    if (found.kind === "none") {
      return { kind: "read", held: { journal: undefined, condition: { kind: "absent" }, clockOffsetMs } };
    }
    const parsed = parseJournal(found.text, gateway.target.identity);
    if (parsed.kind === "unreadable") return { kind: "unreadable", blob: name, why: parsed.problem };
    const condition = { kind: "unchanged", etag: found.etag } as const;
    return { kind: "read", held: { journal: parsed.journal, condition, clockOffsetMs } };
  }

  async function write(gateway: Gateway, { condition }: Held, journal: Journal): Promise<WriteJournal> {
    const written = await writeBlob(
      storage,
      journalName(gateway),
      journalText(journal),
      condition,
      summary(gateway, journal),
    );
    if (written.kind !== "written") return written;
    const { etag, now } = written;
    return {
      kind: "written",
      held: { journal, condition: { kind: "unchanged", etag }, clockOffsetMs: now - clock.now() },
    };
  }

  return { read, write };
}

export type Leases = ReturnType<typeof createLeases>;

const dayMs = 86_400_000;

/** What the heartbeat tells of all gateways from one list of blobs, without reading them. */
function summary({ rotateEveryDays, expireAfterDays }: Gateway, { commit, intent }: Journal): BlobMetadata {
  const after = (days: number | undefined) =>
    commit === null || days === undefined ? undefined : String(commit.at + days * dayMs);
  const facts = {
    unfinished: intent === null ? undefined : "1",
    due_at: after(rotateEveryDays),
    expires_at: after(expireAfterDays),
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
