import { z } from "zod";
import { parseDocument } from "../../src/runs/document.ts";
import { foldLog } from "../../src/runs/log.ts";
import { canary } from "../support/azure.ts";
import { clientRequestIdOf, latestOf, versionsOf } from "./ledger.ts";
import { regenerates } from "./requestName.ts";
import type { Stage } from "./stage.ts";
import type { StoredBlob } from "./storage.ts";

/** How far a gateway has come. */
export interface Progress {
  readonly runs: number;
  /** Requests to regenerate that took effect. */
  readonly keysMade: number;
  /** Versions with such keys. */
  readonly versions: number;
  /** An attempt is journaled, and its rotation is not committed. */
  readonly open: boolean;
}

/** Rotations and keys that may be needed beyond one for each run. */
export interface Bounds {
  readonly versions: number;
  readonly keysMade: number;
}

const Journal = z.object({ intent: z.unknown(), verification: z.unknown() });

const inFolder = (blobs: readonly StoredBlob[], folder: string) =>
  blobs.filter(({ name }) => name.startsWith(`${folder}/`)).map(({ text }) => text);

/** Of each run the gateways, as its document and its log show them. */
const runsIn = (blobs: readonly StoredBlob[]) =>
  blobs.flatMap(({ name, text }) => {
    const document = name.startsWith("runs/") && name.endsWith(".json") ? parseDocument(text) : undefined;
    const log = blobs.find((blob) => blob.name === name.replace(/json$/, "log"))?.text ?? "";
    return document === undefined ? [] : [foldLog(document, log)];
  });

export async function progressOf(stage: Stage): Promise<Progress> {
  const { simulator, subject } = stage;
  const blobs = await stage.readBlobs();
  const journals = inFolder(blobs, "gateways").map((text) => Journal.parse(JSON.parse(text)));
  return {
    runs: runsIn(blobs).length,
    keysMade: simulator.requests.filter((request) => regenerates(request) && request.status === 200).length,
    versions: versionsOf(simulator, subject).filter(({ tags }) => tags["client-request-id"]).length,
    open: journals.some(({ intent }) => intent !== null),
  };
}

/**
 * Holds what is promised against the end of a case, when recovery is through.
 *
 * @returns what does not hold
 */
export async function brokenPromises(stage: Stage, bounds: Bounds): Promise<readonly string[]> {
  stage.ledger.look("the end");
  const [progress, blobs] = [await progressOf(stage), await stage.readBlobs()];
  return [
    ...stage.ledger.violations,
    ...brokenBounds(progress, bounds),
    ...pending(blobs),
    ...deadEnd(stage, progress),
    ...brokenTrail(stage),
    ...leaks(stage, await stage.allBlobs()),
  ];
}

function brokenBounds({ runs, versions, keysMade }: Progress, bounds: Bounds): readonly string[] {
  const broken: string[] = [];
  if (versions > bounds.versions) broken.push(`${versions} versions, of at most ${bounds.versions}`);
  if (keysMade > bounds.keysMade) broken.push(`${keysMade} keys made, of at most ${bounds.keysMade}`);
  if (runs > 0 && versions === 0) broken.push("a run, and no version");
  return broken;
}

/** No run is open, no intent, and no verification is due. */
function pending(blobs: readonly StoredBlob[]): readonly string[] {
  const journals = inFolder(blobs, "gateways").map((text) => Journal.parse(JSON.parse(text)));
  const runs = runsIn(blobs);
  return [
    ...(journals.every(({ intent }) => intent === null) ? [] : ["an intent is left open"]),
    ...(journals.every(({ verification }) => verification === null) ? [] : ["a verification is still due"]),
    ...(runs.every(({ gateways }) => gateways.every(({ state }) => state === "done"))
      ? []
      : ["a run is not done"]),
  ];
}

function deadEnd({ simulator, subject }: Stage, { keysMade }: Progress): readonly string[] {
  const latest = latestOf(simulator, subject);
  const works = latest === undefined ? keysMade === 0 : simulator.accepts(subject.resourceId, latest.value);
  return works ? [] : ["the vault was left with a dead key"];
}

/** Each version names the attempt that made its key; each attempt is in the log. */
function brokenTrail({ simulator, subject, ledger, processes }: Stage): readonly string[] {
  const untrue = versionsOf(simulator, subject).filter(
    ({ value, tags }) => ledger.madeBy(value) !== tags["client-request-id"],
  );
  const logged = processes.map(({ output }) => output()).join();
  const silent = simulator.requests
    .filter(regenerates)
    .filter((request) => !logged.includes(clientRequestIdOf(request)));
  return [
    ...untrue.map(({ version }) => `version ${version} does not name the attempt that made its key`),
    ...silent.map((request) => `the attempt ${clientRequestIdOf(request)} is in no log`),
  ];
}

/** A key is in the vault, and nowhere else. */
function leaks({ simulator, processes }: Stage, blobs: string): readonly string[] {
  const elsewhere = {
    "a log": processes.map(({ output, logs }) => [output(), logs]),
    "a blob": blobs,
    telemetry: simulator.telemetry,
  };
  return Object.entries(elsewhere)
    .filter(([, content]) => JSON.stringify(content).includes(canary))
    .map(([place]) => `${place} holds a key`);
}
