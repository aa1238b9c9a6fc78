import type { Gateway } from "../../src/domain/target.ts";
import { type Journal, parseJournal } from "../../src/journal/journal.ts";
import { parseDocument, type RunDocument } from "../../src/runs/document.ts";
import { foldLog, type RunGateway } from "../../src/runs/log.ts";
import type { StoredBlob } from "./blobs.ts";
import type { World } from "./world.ts";

/** What of a run the promises look at. */
export interface KeptRun extends Pick<RunDocument, "id" | "mode" | "createdAt"> {
  readonly gateways: readonly RunGateway[];
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
const documentIn = once(({ text }) => parseDocument(text));

/** Documents and logs are never changed, only replaced: each pair is folded once. */
const folded = new WeakMap<StoredBlob, Map<string, readonly RunGateway[]>>();

function runIn(blob: StoredBlob, log: string): readonly KeptRun[] {
  const document = documentIn(blob);
  if (document === undefined) return [];
  const known = folded.get(blob) ?? new Map<string, readonly RunGateway[]>();
  folded.set(blob, known);
  const gateways = known.get(log) ?? foldLog(document, log).gateways;
  known.set(log, gateways);
  return [{ ...document, gateways }];
}

/** More than one would be wrong. */
export const journalsOf = ({ blobs }: World, { target }: Gateway): readonly Journal[] =>
  blobs.blobs.flatMap((blob) => {
    if (!blob.name.startsWith("gateways/") || identityOf(blob) !== target.identity) return [];
    const journal = journalIn(blob);
    return journal === undefined ? [] : [journal];
  });

export const runsIn = ({ blobs }: World): readonly KeptRun[] =>
  blobs.blobs.flatMap((blob) => {
    if (!/^runs\/.*\.json$/.test(blob.name)) return [];
    const name = blob.name.replace(/json$/, "log");
    return runIn(blob, blobs.blobs.find((each) => each.name === name)?.text ?? "");
  });

const named = ({ gateways }: KeptRun, { target }: Gateway): readonly RunGateway[] =>
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
