import type { Run } from "../../../src/domain/run.ts";
import type { Gateway, SecretAddress } from "../../../src/domain/target.ts";
import { type Journal, parseJournal } from "../../../src/journal/journal.ts";
import type { StoredBlob } from "../models/blobModel.ts";
import type { World } from "../models/world.ts";

/** What of a run's record the promises look at. */
export interface KeptRun {
  readonly id: string;
  readonly mode: Run["mode"];
  readonly createdAt: number;
  readonly gateways: readonly KeptGateway[];
}

interface KeptGateway extends SecretAddress {
  readonly resourceId: string;
  readonly state: string;
  readonly outcome: { readonly kind: string } | null;
}

/** Blobs are never changed, only replaced: each is read once. */
function once<Value>(read: (blob: StoredBlob) => Value): (blob: StoredBlob) => Value {
  const known = new WeakMap<StoredBlob, { readonly value: Value }>();
  return (blob) => {
    const found = known.get(blob) ?? { value: read(blob) };
    known.set(blob, found);
    return found.value;
  };
}

const identityOf = once(({ text }) => (JSON.parse(text) as Pick<Journal, "identity">).identity);
/** Undefined: it cannot be read. */
export const journalIn = once((blob): Journal | undefined => {
  const parsed = parseJournal(blob.text, identityOf(blob));
  return parsed.kind === "journal" ? parsed.journal : undefined;
});
const runIn = once(({ text }) => JSON.parse(text) as KeptRun);

/** More than one would be wrong. */
export const journalsOf = ({ blobs }: World, { target }: Gateway): readonly Journal[] =>
  blobs.blobs.flatMap((blob) => {
    if (!blob.name.startsWith("gateways/") || identityOf(blob) !== target.identity) return [];
    const journal = journalIn(blob);
    return journal === undefined ? [] : [journal];
  });

export const runsIn = ({ blobs }: World): readonly KeptRun[] =>
  blobs.blobs.flatMap((blob) => (blob.name.startsWith("runs/") ? [runIn(blob)] : []));

const named = ({ gateways }: KeptRun, { target }: Gateway): readonly KeptGateway[] =>
  gateways.filter(({ resourceId }) => resourceId.toLowerCase() === target.identity);

/** The runs that are to replace every key of this gateway. */
export const compromisedRunsOf = (world: World, gateway: Gateway): readonly KeptRun[] =>
  runsIn(world).filter((run) => run.mode === "compromised" && named(run, gateway).length > 0);

/** The gateway with the destination of the youngest run that has rotated it; undefined: none has. */
export function lastRotated(world: World, gateway: Gateway): Gateway | undefined {
  const rotations = runsIn(world).flatMap((run) =>
    named(run, gateway).flatMap(({ outcome, vaultUrl, secretName }) =>
      outcome?.kind === "rotated" ? [{ at: run.createdAt, secret: { vaultUrl, secretName } }] : [],
    ),
  );
  const [last] = rotations.toSorted((a, b) => b.at - a.at);
  return last === undefined ? undefined : { ...gateway, secret: last.secret };
}
