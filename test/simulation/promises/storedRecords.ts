import type { Run } from "../../../src/domain/run.ts";
import type { Gateway, SecretAddress } from "../../../src/domain/target.ts";
import { type Journal, parseJournal } from "../../../src/journal/journal.ts";
import type { StoredBlob } from "../models/blobModel.ts";
import type { World } from "../models/world.ts";

/** The part of a run's record that the promises need. */
export interface StoredRun {
  readonly id: string;
  readonly mode: Run["mode"];
  readonly createdAt: number;
  readonly gateways: readonly StoredGateway[];
}

interface StoredGateway extends SecretAddress {
  readonly resourceId: string;
  readonly state: string;
  readonly outcome: { readonly kind: string } | null;
}

/** Reads each blob once. A changed blob is another object. */
function once<Value>(read: (blob: StoredBlob) => Value): (blob: StoredBlob) => Value {
  const known = new WeakMap<StoredBlob, { readonly value: Value }>();
  return (blob) => {
    const found = known.get(blob) ?? { value: read(blob) };
    known.set(blob, found);
    return found.value;
  };
}

const identityOf = once(({ text }) => (JSON.parse(text) as Pick<Journal, "identity">).identity);
/** The journal in a blob; undefined: it is not a readable journal. */
export const journalIn = once((blob): Journal | undefined => {
  const parsed = parseJournal(blob.text, identityOf(blob));
  return parsed.kind === "journal" ? parsed.journal : undefined;
});
const runIn = once(({ text }) => JSON.parse(text) as StoredRun);

/** The journals of a gateway. More than one breaks a promise. */
export const journalsOf = ({ blobs }: World, { target }: Gateway): readonly Journal[] =>
  blobs.blobs.flatMap((blob) => {
    if (!blob.name.startsWith("gateways/") || identityOf(blob) !== target.identity) return [];
    const journal = journalIn(blob);
    return journal === undefined ? [] : [journal];
  });

/** The records of all runs. */
export const runsIn = ({ blobs }: World): readonly StoredRun[] =>
  blobs.blobs.flatMap((blob) => (blob.name.startsWith("runs/") ? [runIn(blob)] : []));

const entriesOf = ({ gateways }: StoredRun, { target }: Gateway): readonly StoredGateway[] =>
  gateways.filter(({ resourceId }) => resourceId.toLowerCase() === target.identity);

/** The compromised runs of a gateway. Each must replace every key. */
export const compromisedRunsOf = (world: World, gateway: Gateway): readonly StoredRun[] =>
  runsIn(world).filter((run) => run.mode === "compromised" && entriesOf(run, gateway).length > 0);

/** The gateway with the destination of the newest run that rotated it; undefined: no run has rotated it. */
export function lastRotated(world: World, gateway: Gateway): Gateway | undefined {
  const rotations = runsIn(world).flatMap((run) =>
    entriesOf(run, gateway).flatMap(({ outcome, vaultUrl, secretName }) =>
      outcome?.kind === "rotated" ? [{ at: run.createdAt, secret: { vaultUrl, secretName } }] : [],
    ),
  );
  const [last] = rotations.toSorted((a, b) => b.at - a.at);
  return last === undefined ? undefined : { ...gateway, secret: last.secret };
}
