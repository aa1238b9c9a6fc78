import { z } from "zod";
import { parseDocument } from "../../src/runs/document.ts";
import { foldLog } from "../../src/runs/log.ts";
import { canary } from "../support/azure.ts";
import type { StoredBlob } from "../support/azuriteAccounts.ts";
import { isRegenerate } from "../support/requests.ts";
import type { CaseEnvironment } from "./caseEnvironment.ts";
import { clientRequestIdOf, latestOf, theEnd, versionsOf } from "./keyHistory.ts";

/** How far the rotations of a gateway have come. */
export interface RotationProgress {
  readonly runs: number;
  /** Regenerate requests that took effect. */
  readonly keysMade: number;
  /** Versions that this system wrote. */
  readonly versions: number;
  /** The journal has an open intent. */
  readonly open: boolean;
}

/** The most versions and keys that a case may make. */
export interface KeyBounds {
  readonly versions: number;
  readonly keysMade: number;
}

const Journal = z.object({ intent: z.unknown(), verification: z.unknown() });

const inFolder = (blobs: readonly StoredBlob[], folder: string) =>
  blobs.filter(({ name }) => name.startsWith(`${folder}/`)).map(({ text }) => text);

/** The gateways of each run, as its document and its log show them. */
const runsIn = (blobs: readonly StoredBlob[]) =>
  blobs.flatMap(({ name, text }) => {
    const document = name.startsWith("runs/") && name.endsWith(".json") ? parseDocument(text) : undefined;
    const log = blobs.find((blob) => blob.name === name.replace(/json$/, "log"))?.text ?? "";
    return document === undefined ? [] : [foldLog(document, log)];
  });

export async function progressOf(environment: CaseEnvironment): Promise<RotationProgress> {
  const { simulator, tested } = environment;
  const blobs = await environment.readBlobs();
  const journals = inFolder(blobs, "gateways").map((text) => Journal.parse(JSON.parse(text)));
  return {
    runs: runsIn(blobs).length,
    keysMade: simulator.requests.filter((request) => isRegenerate(request) && request.status === 200).length,
    versions: versionsOf(simulator, tested).filter(({ tags }) => tags["client-request-id"]).length,
    open: journals.some(({ intent }) => intent !== null),
  };
}

/**
 * Checks the promises at the end of a case, after recovery.
 *
 * @returns the violations
 */
export async function brokenPromises(
  environment: CaseEnvironment,
  bounds: KeyBounds,
): Promise<readonly string[]> {
  environment.keyHistory.record(theEnd);
  const [progress, blobs] = [await progressOf(environment), await environment.readBlobs()];
  return [
    ...environment.keyHistory.violations,
    ...brokenBounds(progress, bounds),
    ...pending(blobs),
    ...deadEnd(environment, progress),
    ...brokenTrail(environment),
    ...leaks(environment, await environment.allBlobs()),
  ];
}

function brokenBounds({ runs, versions, keysMade }: RotationProgress, bounds: KeyBounds): readonly string[] {
  const broken: string[] = [];
  if (versions > bounds.versions) broken.push(`${versions} versions, not at most ${bounds.versions}`);
  if (keysMade > bounds.keysMade) broken.push(`${keysMade} keys made, not at most ${bounds.keysMade}`);
  if (runs > 0 && versions === 0) broken.push("a run without a version");
  return broken;
}

/** Checks that no run and no intent is open and that no verification is due. */
function pending(blobs: readonly StoredBlob[]): readonly string[] {
  const journals = inFolder(blobs, "gateways").map((text) => Journal.parse(JSON.parse(text)));
  const runs = runsIn(blobs);
  return [
    ...(journals.every(({ intent }) => intent === null) ? [] : ["an intent is still open"]),
    ...(journals.every(({ verification }) => verification === null) ? [] : ["a verification is still due"]),
    ...(runs.every(({ gateways }) => gateways.every(({ state }) => state === "done"))
      ? []
      : ["a run is not done"]),
  ];
}

function deadEnd({ simulator, tested }: CaseEnvironment, { keysMade }: RotationProgress): readonly string[] {
  const latest = latestOf(simulator, tested);
  const works = latest === undefined ? keysMade === 0 : simulator.accepts(tested.resourceId, latest.value);
  return works ? [] : ["the vault was left with a dead key"];
}

/** Checks that each version names the attempt that made its key, and that each attempt is in the log. */
function brokenTrail({ simulator, tested, keyHistory, processes }: CaseEnvironment): readonly string[] {
  const untrue = versionsOf(simulator, tested).filter(
    ({ value, tags }) => keyHistory.madeBy(value) !== tags["client-request-id"],
  );
  const logged = processes.map(({ output }) => output()).join();
  const silent = simulator.requests
    .filter(isRegenerate)
    .filter((request) => !logged.includes(clientRequestIdOf(request)));
  return [
    ...untrue.map(({ version }) => `version ${version} does not name the attempt that made its key`),
    ...silent.map((request) => `the attempt ${clientRequestIdOf(request)} is in no log`),
  ];
}

/** Checks that no key is outside the vault. */
function leaks({ simulator, processes }: CaseEnvironment, blobs: string): readonly string[] {
  const elsewhere = {
    "a log": processes.map(({ output, logs }) => [output(), logs]),
    "a blob": blobs,
    telemetry: simulator.telemetry,
  };
  return Object.entries(elsewhere)
    .filter(([, content]) => JSON.stringify(content).includes(canary))
    .map(([place]) => `${place} holds a key`);
}
