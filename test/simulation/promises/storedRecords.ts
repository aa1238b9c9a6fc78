import type { Gateway } from "../../../src/domain/target.ts";
import { type Journal, parseJournal } from "../../../src/journal/journal.ts";
import { parseDocument, type RunDocument } from "../../../src/runs/document.ts";
import { foldLog, type RunGateway } from "../../../src/runs/log.ts";
import { markerPrefix } from "../../../src/runs/marker.ts";
import type { StoredBlob } from "../models/blobModel.ts";
import type { World } from "../models/world.ts";

/** The part of a run that the promises need. */
export interface StoredRun extends Pick<RunDocument, "id" | "mode" | "createdAt"> {
  readonly gateways: readonly RunGateway[];
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
const documentIn = once(({ text }) => parseDocument(text));

/** Whether a blob shows that `resumeRotations` has something left to do: an open run, an intent, or a verification. */
export const isLeftToResume = ({ name, text }: Pick<StoredBlob, "name" | "text">): boolean =>
  name.startsWith(markerPrefix) ||
  (name.startsWith("gateways/") && !(text.includes('"intent":null') && text.includes('"verification":null')));

/** Folds each pair of document and log once. */
const folded = new WeakMap<StoredBlob, Map<string, readonly RunGateway[]>>();

function runIn(blob: StoredBlob, log: string): readonly StoredRun[] {
  const document = documentIn(blob);
  if (document === undefined) return [];
  const known = folded.get(blob) ?? new Map<string, readonly RunGateway[]>();
  folded.set(blob, known);
  const gateways = known.get(log) ?? foldLog(document, log).gateways;
  known.set(log, gateways);
  return [{ ...document, gateways }];
}

/** The journals of a gateway. More than one breaks a promise. */
export const journalsOf = ({ blobs }: World, { target }: Gateway): readonly Journal[] =>
  blobs.blobs.flatMap((blob) => {
    if (!blob.name.startsWith("gateways/") || identityOf(blob) !== target.identity) return [];
    const journal = journalIn(blob);
    return journal === undefined ? [] : [journal];
  });

/** All runs, as their documents and logs show them. */
export const runsIn = ({ blobs }: World): readonly StoredRun[] =>
  blobs.blobs.flatMap((blob) => {
    if (!/^runs\/.*\.json$/.test(blob.name)) return [];
    const name = blob.name.replace(/json$/, "log");
    return runIn(blob, blobs.blobs.find((each) => each.name === name)?.text ?? "");
  });

const entriesOf = ({ gateways }: StoredRun, { target }: Gateway): readonly RunGateway[] =>
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
