import * as z from "zod/mini";
import type { Failed } from "../domain/attempt.ts";
import type { BlobCondition, BlobMetadata } from "../domain/blobStore.ts";
import { readBlob, type StorageTerms, writeBlob } from "../journal/conditionalWrite.ts";

/** An unreadable time counts as 0, so the run is due. */
const time = z.catch(z.int().check(z.nonnegative()), 0);

const marker = z.object({
  createdAt: time,
  /** Id of the driver that claimed the run last. Two drivers that claim it at once write different texts. */
  driver: z.catch(z.string(), ""),
  /** The end of that driver's claim; 0: it has released the run. This is not a lock: each gateway's own claim is. */
  drivenUntil: time,
  /** How often the run was driven. The pause before the next drive grows with it. */
  drives: time,
  /** When the run is due again. */
  resumeAt: time,
  /** Every gateway was settled, and a driver has reported that. */
  completed: z.catch(z.boolean(), false),
});

/**
 * `open/{id}`: exists while something is left to do for a run. Every write is conditional. Times are milliseconds since
 * 1970 by storage's clock. The metadata repeats some fields, so that one list shows which runs are due.
 */
export type Marker = z.infer<typeof marker>;

export interface HeldMarker {
  readonly id: string;
  readonly marker: Marker;
  readonly etag: string;
  /** Storage's clock less ours, in milliseconds. */
  readonly clockOffsetMs: number;
}

export type MarkerAccess =
  | { readonly kind: "held"; readonly held: HeldMarker }
  /** `lost`: another runner has changed it. */
  | { readonly kind: "none" | "lost" }
  | Failed;

export const markerPrefix = "open/";
export const markerName = (id: string): string => `${markerPrefix}${id}`;

/** How long a claim lasts that its driver does not renew, in milliseconds. */
export const drivingMs = ({ callTimeoutMs }: StorageTerms): number => 4 * callTimeoutMs;

/** Whether a driver holds a run, by the metadata of its marker in a list. */
export const isDriven = (metadata: BlobMetadata, now: number): boolean =>
  Number(metadata["driven_until"]) > now;

/** Whether a run needs a driver now, by the same metadata. It does when its times are unreadable. */
export const isDue = (metadata: BlobMetadata, now: number): boolean =>
  !isDriven(metadata, now) && !(Number(metadata["resume_at"]) > now);

export async function readMarker(storage: StorageTerms, id: string): Promise<MarkerAccess> {
  const found = await readBlob(storage, markerName(id));
  if (found.kind !== "found") return found.kind === "none" ? { kind: "none" } : found;
  const clockOffsetMs = found.now - storage.clock.now();
  return { kind: "held", held: { id, marker: parse(found.text), etag: found.etag, clockOffsetMs } };
}

/** An unreadable marker still marks its run as open. All its times count as 0. */
function parse(text: string): Marker {
  try {
    return marker.parse(Object(JSON.parse(text)));
  } catch {
    return marker.parse({});
  }
}

/**
 * Writes the marker of a run that is about to be created. It overwrites an existing marker, which changes its ETag. So a
 * runner that is about to remove that marker as stale cannot do so any more.
 */
export async function openMarker(
  storage: StorageTerms,
  id: string,
  driver: string,
): Promise<Exclude<MarkerAccess, { kind: "none" | "lost" }>> {
  for (;;) {
    const found = await readBlob(storage, markerName(id));
    if (found.kind === "failed") return found;
    const { now } = found;
    const condition: BlobCondition =
      found.kind === "none" ? { kind: "absent" } : { kind: "unchanged", etag: found.etag };
    const written = await write(storage, id, condition, {
      createdAt: now,
      driver,
      drivenUntil: now + drivingMs(storage),
      drives: 0,
      resumeAt: now,
      completed: false,
    });
    if (written.kind === "held" || written.kind === "failed") return written;
  }
}

/** Claims a run for a driver. Returns `lost` when another driver was faster. */
export const claimMarker = (storage: StorageTerms, held: HeldMarker, driver: string): Promise<MarkerAccess> =>
  changeMarker(storage, held, {
    driver,
    drivenUntil: storage.clock.now() + held.clockOffsetMs + drivingMs(storage),
    drives: held.marker.drives + 1,
  });

/** Changes a marker that its driver holds: extends the claim, or releases it (`drivenUntil: 0`). */
export const changeMarker = (
  storage: StorageTerms,
  { id, marker, etag }: HeldMarker,
  change: Partial<Marker>,
): Promise<MarkerAccess> => write(storage, id, { kind: "unchanged", etag }, { ...marker, ...change });

async function write(
  storage: StorageTerms,
  id: string,
  condition: BlobCondition,
  marker: Marker,
): Promise<Exclude<MarkerAccess, { kind: "none" }>> {
  const written = await writeBlob(storage, markerName(id), JSON.stringify(marker), condition, {
    driven_until: String(marker.drivenUntil),
    drives: String(marker.drives),
    resume_at: String(marker.resumeAt),
  });
  if (written.kind !== "written") return written;
  const clockOffsetMs = written.now - storage.clock.now();
  return { kind: "held", held: { id, marker, etag: written.etag, clockOffsetMs } };
}
