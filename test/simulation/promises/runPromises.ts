import { parseDocument } from "../../../src/runs/document.ts";
import { foldLog, type LogLine } from "../../../src/runs/log.ts";
import type { World } from "../models/world.ts";
import type { Violation } from "./promiseList.ts";

const stages = ["open", "unverified", "done"] as const;

/** The violations by runs that show less progress of a gateway than a line of their log. */
export function* lostProgress({ blobs }: World): Generator<Violation> {
  for (const { name, text } of blobs.blobs) {
    if (!/^runs\/.*\.log$/.test(name)) continue;
    const document = blobs.blobs.find((blob) => blob.name === name.replace(/log$/, "json"));
    const parsed = document === undefined ? undefined : parseDocument(document.text);
    if (parsed === undefined) continue;
    const lines = text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as LogLine]));
    for (const { name: gateway, sequence, state } of foldLog(parsed, text).gateways) {
      const own = lines.filter((line) => line.gateway === gateway);
      const last = Math.max(0, ...own.map((line) => line.sequence));
      const farthest = Math.max(
        0,
        ...own.filter((line) => line.sequence === last).map((line) => stages.indexOf(line.state)),
      );
      if (sequence < last || stages.indexOf(state) < farthest)
        yield { promise: "farthest-line", what: `a run shows less progress of ${gateway} than its log` };
    }
  }
}

/**
 * The violations by documents of runs that have changed.
 *
 * @param known the documents of earlier worlds, by name; receives the new ones
 */
export function* changedDocuments({ blobs }: World, known: Map<string, string>): Generator<Violation> {
  for (const { name, text } of blobs.blobs) {
    if (!/^runs\/.*\.json$/.test(name)) continue;
    if ((known.get(name) ?? text) !== text) yield { promise: "one-document", what: `${name} was changed` };
    known.set(name, text);
  }
}
