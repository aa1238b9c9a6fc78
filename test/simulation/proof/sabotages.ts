import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PromiseId } from "../promises/promiseList.ts";

/** One wrong line in the engine or in a model beside it, as a developer could have written it. */
export interface Sabotage {
  readonly name: string;
  readonly file: string;
  /** Must be in the file exactly once. A sabotage that no longer applies is a defect of this list. */
  readonly find: string;
  readonly replace: string;
  /** The promise that it breaks. Only a violation of this promise counts as caught. */
  readonly promise: PromiseId;
  /** The configuration or pair that shows it. Set where the search from the cheapest one takes long. */
  readonly shownBy?: string;
}

const rotate = "src/rotation/rotate.ts";
const recover = "src/rotation/recover.ts";
const intent = "src/rotation/intent.ts";
const nextStep = "src/rotation/nextStep.ts";
const context = "src/rotation/context.ts";
const modelServices = "test/simulation/models/modelServices.ts";
const sending =
  "const seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));";

export const sabotages: readonly Sabotage[] = [
  {
    name: "the engine writes no intent",
    file: intent,
    find: "const written = await journals.write(gateway, held, next);",
    replace:
      'const written = next.intent === null ? await journals.write(gateway, held, next) : ({ kind: "written", held: { ...held, journal: next } } as const satisfies WriteJournal);',
    promise: "journaled-first",
  },
  {
    name: "the engine journals only the first attempt of a rotation",
    file: rotate,
    find: "const notBegun = await intent.begin(clientRequestId);",
    replace: "const notBegun = attempts === 1 ? await intent.begin(clientRequestId) : undefined;",
    promise: "journaled-first",
  },
  {
    name: "the engine closes the intent before it stores the key",
    file: rotate,
    find: "const stored = await storeKey(context, intent, version);",
    replace:
      'intent.note("unchanged"); await intent.end(); const stored = await storeKey(context, intent, version);',
    promise: "stored-once",
  },
  {
    name: "the engine treats a lost answer as a refusal",
    file: modelServices,
    find: 'return { kind: "unknown", problem',
    replace: 'return { kind: "unchanged", problem',
    promise: "true-report",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the SDK repeats a regenerate by itself",
    file: modelServices,
    find: sending,
    replace: `${sending.replace("const", "let")} if (seen.kind === "unclear") seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));`,
    promise: "one-request",
  },
  {
    name: "the engine withdraws an intent with an attempt of unknown effect",
    file: intent,
    find: 'attempts.every(({ known }) => known === "unchanged");',
    replace: 'attempts.some(({ known }) => known === "unchanged");',
    promise: "works-in-the-end",
    shownBy: "one key, one run that Resource Manager refuses for good after its first attempt",
  },
  {
    name: "the engine adopts a version by its rotation id, not by its client request id",
    file: nextStep,
    find: 'secret.tags["client-request-id"] !== lastAttempt(intent).clientRequestId',
    replace: 'secret.tags["rotation-id"] !== intent.rotationId',
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the engine regenerates the published slot",
    file: "src/rotation/chooseSlot.ts",
    find: 'commit?.slot === "authKey2" ? "authKey1" : "authKey2"',
    replace: 'commit?.slot === "authKey1" ? "authKey1" : "authKey2"',
    promise: "works-always",
  },
  {
    name: "the engine does not compare a key written by hand with the service's keys",
    file: "src/rotation/chooseSlot.ts",
    find: "if (slot === undefined) return otherwise;",
    replace: "if (slot !== null) return otherwise;",
    promise: "works-always",
    shownBy: "two keys, one monthly run after its other key was written by hand",
  },
  {
    name: "the engine marks no commit as suspect",
    file: intent,
    find: "suspect: mayTakeEffect(intent, quietMs) || carried?.suspect === true,",
    replace: "suspect: false,",
    promise: "works-in-the-end",
  },
  {
    name: "the engine does not carry a suspicion over to the next commit",
    file: intent,
    find: " || carried?.suspect === true,",
    replace: ",",
    promise: "works-in-the-end",
  },
  {
    name: "the engine does not suspect its own attempt of unknown effect",
    file: intent,
    find: 'each.known !== "unchanged" &&',
    replace: 'each.known === "open" &&',
    promise: "works-in-the-end",
  },
  {
    name: "the engine never does the verification that is due",
    file: nextStep,
    find: "if (due === null || now < due.at) return undefined;",
    replace: "if (due === null || now < due.at || due.at > 0) return undefined;",
    promise: "ends",
  },
  {
    name: "the engine verifies a commit before the quiet period ends",
    file: intent,
    find: "verification: {\n      at: at + quietMs,",
    replace: "verification: {\n      at,",
    promise: "works-in-the-end",
  },
  {
    name: "the verification does not ask whether the key works",
    file: recover,
    find: "if (journal.verification?.suspect !== true) return changeJournal",
    replace: "if (journal.commit !== null) return changeJournal",
    promise: "works-in-the-end",
  },
  {
    name: "the engine ignores another runner's claim",
    file: nextStep,
    find: "if (until <= now) return undefined;",
    replace: "if (until >= 0) return undefined;",
    promise: "claim-respected",
  },
  {
    name: "the engine starts a side effect on an expired claim",
    file: intent,
    find: 'if (leftMs() > leastMs) return { kind: "held" };',
    replace: 'if (intent.claimedUntil > 0) return { kind: "held" };',
    promise: "claim-held",
  },
  {
    name: "the engine writes journals without a condition",
    file: "test/simulation/models/blobModel.ts",
    find: "if (current?.etag !== expected) return",
    replace: 'if (!name.startsWith("gateways/") && current?.etag !== expected) return',
    promise: "journaled-first",
  },
  {
    name: "the engine names a journal by the spelling of the resource id",
    file: "src/journal/journal.ts",
    find: ".update(target.identity)",
    replace: ".update(target.resourceId)",
    promise: "one-journal",
  },
  {
    name: "a compromised run replaces only one slot",
    file: nextStep,
    find: "slotsOf(gateway.target) : [journal.commit.slot]",
    replace: "[journal.commit.slot] : [journal.commit.slot]",
    promise: "every-slot",
  },
  {
    name: "the engine continues no rotation outside its window",
    file: nextStep,
    find: "  adopt,\n  takeOver,\n",
    replace:
      '  adopt,\n  (at) => outsideWindow({ ...at, request: { ...at.request, trigger: "schedule" } }),\n  takeOver,\n',
    promise: "ends",
    shownBy: "one key, one run shortly before its window closes",
  },
  {
    name: "a run is satisfied only by its own rotation",
    file: nextStep,
    find: "(regenerated.runId === id || regenerated.at > createdAt)",
    replace: "regenerated.runId === id",
    promise: "no-chase",
  },
  {
    name: "a compromised run is satisfied only by its own rotations",
    file: nextStep,
    find: "isReplaced(journal, slot, request)",
    replace:
      'isReplaced(journal, slot, request.mode === "compromised" ? { ...request, createdAt: Infinity } : request)',
    promise: "no-chase",
  },
  {
    name: "an older run writes the gateway's former secret",
    file: nextStep,
    find: "if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;",
    replace: "if (!isElsewhere(journal, gateway) || last >= 0) return undefined;",
    promise: "newest-run",
  },
  {
    name: "a process uses its own clock instead of storage's",
    file: "src/journal/journals.ts",
    find: "clockOffsetMs: now - clock.now(),",
    replace: "clockOffsetMs: 0,",
    promise: "claim-respected",
  },
  {
    name: "a runner treats its own write as another runner's after an unclear answer",
    file: "src/journal/conditionalWrite.ts",
    find: 'if (found.kind === "found" && found.text === text)',
    replace: 'if (found.kind === "found" && found.text === "")',
    promise: "own-write",
  },
  {
    name: "a two-key gateway does not wait for another runner's attempt",
    file: nextStep,
    find: 'const mayWait = hasTwoKeys(gateway.target) && request.mode === "standard";',
    replace: "const mayWait = false;",
    promise: "works-always",
  },
  {
    name: "a two-key gateway does not wait after its own attempt of unknown effect",
    file: rotate,
    find: "const mayBeDead = !hasTwoKeys(gateway.target) && !intent.isHarmless();",
    replace: "const mayBeDead = !intent.isHarmless();",
    promise: "works-always",
  },
  {
    name: "the engine treats a version written outside this system as the committed one",
    file: nextStep,
    find: "if (secret === undefined || secret.version === journal.commit?.version) return undefined;",
    replace: "if (secret === undefined || journal.commit !== null) return undefined;",
    promise: "works-in-the-end",
  },
  {
    name: "the engine regenerates although the vault refused the preflight",
    file: "src/rotation/preflight.ts",
    find: 'if (written.kind !== "stored") return written.problem;',
    replace: "",
    promise: "vault-writable",
  },
  {
    name: "the quiet period is one second too short",
    file: context,
    find: "+ terms.callTimeoutMs + clockResolutionMs;",
    replace: "+ terms.callTimeoutMs;",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the quiet period omits the call's time limit",
    file: context,
    find: "terms.functionTimeoutMs + graceMs + terms.callTimeoutMs +",
    replace: "terms.functionTimeoutMs + graceMs +",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the quiet period omits the platform's grace",
    file: context,
    find: "terms.functionTimeoutMs + graceMs + terms.callTimeoutMs +",
    replace: "terms.functionTimeoutMs + terms.callTimeoutMs +",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the quiet period is half as long",
    file: context,
    find: "terms.functionTimeoutMs + graceMs + terms.callTimeoutMs +",
    replace: "(terms.functionTimeoutMs + graceMs + terms.callTimeoutMs) / 2 +",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "a two-key gateway waits from its first attempt, not from its last",
    file: nextStep,
    find: "const quietAt = (inDoubt?.at ?? 0) + quietPeriodMs;",
    replace: "const quietAt = (intent.attempts.at(0)?.at ?? 0) + quietPeriodMs;",
    promise: "works-always",
    shownBy:
      "two keys, a run, a tick of resume when its attempt can no longer take effect, and another 4 minutes later",
  },
  {
    name: "the engine replaces a key that a late write can still publish",
    file: nextStep,
    find: 'const mayWait = hasTwoKeys(gateway.target) && mode === "standard" &&',
    replace: 'const mayWait = hasTwoKeys(gateway.target) && mode === "compromised" &&',
    promise: "works-always",
    shownBy: "two keys, a run at minute 0, a tick of resume at minute 3, requested runs at minutes 6 and 9",
  },
  {
    name: "the engine treats an intent as harmless if one attempt changed nothing",
    file: nextStep,
    find: 'const inDoubt = intent.attempts.findLast(({ known }) => known !== "unchanged");',
    replace:
      'const inDoubt = intent.attempts.some(({ known }) => known === "unchanged") ? undefined : intent.attempts.at(-1);',
    promise: "works-always",
    shownBy: "two keys, a run, and a tick of resume 3 minutes later",
  },
  {
    name: "a takeover regenerates without a preflight",
    file: rotate,
    find: "await regenerate(context, intent, slot, latest, listed);",
    replace:
      "await regenerate(open === null ? context : { ...context, preflight: { ...preflight, isCurrent: () => true, check: async () => undefined } }, intent, slot, latest, listed);",
    promise: "vault-writable",
  },
  {
    name: "the engine accepts a preflight that is a few seconds over five minutes old",
    file: "src/rotation/preflight.ts",
    find: "const validForMs = 5 * 60_000;",
    replace: "const validForMs = 5 * 60_000 + 5_000;",
    promise: "vault-writable",
  },
  {
    name: "the engine reports unchanged after an earlier attempt of unknown effect",
    file: rotate,
    find: 'const kind = ended.kind === "open" ? ended.effect : "unchanged";',
    replace: "const { kind } = outcome;",
    promise: "true-report",
    shownBy: "one key, one standard run, rotated once before",
  },
  {
    name: "the engine does not doubt the only key while an intent is open",
    file: "src/journal/journalSummary.ts",
    find: "(inDoubt && !hasTwoKeys(target))",
    replace: "(inDoubt && hasTwoKeys(target))",
    promise: "key-state",
  },
  {
    name: "the engine does not doubt the key of a suspect commit",
    file: "src/journal/journalSummary.ts",
    find: "verification?.suspect === true || ",
    replace: "",
    promise: "key-state",
  },
  {
    name: "the engine does not doubt a key while an older key can be written over it",
    file: intent,
    find: "?.lateUntil ?? 0) > now",
    replace: "?.lateUntil ?? 0) < 0",
    promise: "key-state",
    shownBy: "one key, a run at minute 0, a tick of resume at minute 3, another run at minute 6",
  },
  {
    name: "the engine calls the only key fine after an attempt of unknown effect",
    file: "src/rotation/keyState.ts",
    find: '(outcome.kind === "failed" ? outcome.effect !== "unchanged" : outcome.reason === "overtaken")',
    replace: '(outcome.kind !== "failed" && outcome.reason === "overtaken")',
    promise: "key-state",
  },
  {
    name: "the engine tags a version with its rotation id, not with its client request id",
    file: "src/rotation/newVersion.ts",
    find: '"client-request-id": trace.clientRequestId,',
    replace: '"client-request-id": facts.rotationId,',
    promise: "named-attempt",
  },
  {
    name: "the engine treats no run as satisfied",
    file: nextStep,
    find: "if (!slots.every((slot) => isReplaced(journal, slot, request))) return undefined;",
    replace: "if (slots.length > 0) return undefined;",
    promise: "once-without-faults",
  },
  {
    name: "the engine discards two regenerated keys after a lost answer",
    file: rotate,
    find: 'if (outcome.kind === "applied") return { ...outcome, sentAt };',
    replace:
      'if (outcome.kind === "applied") { if (attempts === 1 || attempts > 3) return { ...outcome, sentAt }; continue; }',
    promise: "faults-bounded",
  },
  {
    name: "the engine skips a gateway that was given another secret",
    file: nextStep,
    find: "if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;",
    replace: "if (!isElsewhere(journal, gateway) || last <= 0) return undefined;",
    promise: "follows-configuration",
  },
  {
    name: "a driver appends an outcome before the act that it reports",
    file: "src/runs/driveRun.ts",
    find: "  const result = await rotateAll(",
    replace:
      '  for (const { name } of todo) log.add({ run: document.createdAt, gateway: name, driver: marker.driver, when: now, state: "done", at: now, sequence: 0, outcome: null, keyWorks: true, isAtRisk: false, versions: [] });\n  const result = await rotateAll(',
    promise: "ends",
  },
  {
    name: "a driver removes the marker before its last append",
    file: "src/runs/driveRun.ts",
    find: "  const problem = await log.flush();",
    replace: "  await storage.blobs.remove(markerName(document.id));\n  const problem = await log.flush();",
    promise: "ends",
  },
  {
    name: "resume continues only the intents of open runs",
    file: "src/runs/resume.ts",
    find: "openFor ?? (verifyAt <= now",
    replace: '(open.has(openFor ?? "") ? openFor : undefined) ?? (verifyAt <= now',
    promise: "ends",
    shownBy: "one key, a run, and its document is deleted meanwhile",
  },
  {
    name: "resume does only the verifications of open runs",
    file: "src/runs/resume.ts",
    find: "(verifyAt <= now ? verifyFor : undefined)",
    replace: '(verifyAt <= now && open.has(verifyFor ?? "") ? verifyFor : undefined)',
    promise: "ends",
    shownBy: "one key, a run, and its document is deleted meanwhile",
  },
  {
    name: "the fold of a log trusts the order of the lines",
    file: "src/runs/log.ts",
    find: "if (known === undefined || isFarther(line, known))",
    replace: "if (known === undefined || line.when >= 0)",
    promise: "farthest-line",
  },
  {
    name: "a second request writes over the run's document",
    file: "test/simulation/models/blobModel.ts",
    find: "if (current?.etag !== expected) return",
    replace: 'if (!name.startsWith("runs/") && current?.etag !== expected) return',
    promise: "one-document",
  },
  {
    name: "the engine reports unchanged after a takeover that failed before its own attempt",
    file: "src/rotation/rotateGateway.ts",
    find: 'return isInDoubt && known.effect === "unchanged" ? inDoubt(known) : { ...known, final: false };',
    replace: "return { ...known, final: isInDoubt && false };",
    promise: "true-report",
    shownBy: "one key, a run, and a run into another secret 3 minutes later, with refused calls",
  },
  {
    name: "an overtaken runner reports that its key is unchanged",
    file: "src/rotation/rotate.ts",
    find: "return overtaken(failure.gateway);",
    replace: "return failure;",
    promise: "true-report",
    shownBy:
      "one key, a run that is refused for five minutes, a tick of resume meanwhile, and a vault that then refuses",
  },
  {
    name: "the engine does not mark a rebuilt journal as suspect",
    file: recover,
    find: "verification: { at: now + quietPeriodMs(terms), suspect: true },",
    replace: "verification: { at: now + quietPeriodMs(terms), suspect: false },",
    promise: "works-in-the-end",
  },
  {
    name: "the engine takes a secret that is being deleted for purged",
    file: "src/rotation/preflight.ts",
    find: "if (clock.now() >= purgedAt)",
    replace: "if (purgedAt >= 0)",
    promise: "vault-writable",
    shownBy: "one key, one run while the vault deletes the secret",
  },
];

/** The text with the sabotage. @throws if `find` is not in it exactly once */
export function sabotaged(text: string, { name, file, find, replace }: Sabotage): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`The sabotage "${name}" does not apply: its text is not found once in ${file}: ${find}`);
  return before + replace + after;
}

/** Everything that the compiler and the build need. */
const copied = [
  ...["functions", "src", "page", "cli", "local", "scripts", "test"],
  ...["package.json", "tsconfig.json", "vitest.config.ts", "host.json"],
  ...["gateways.sample.json", "gateways.schema.json", "local.settings.sample.json"],
] as const;

/** Copies the project with one line replaced. `remove` deletes the copy. */
export function createSabotagedCopy(root: string, sabotage: Sabotage) {
  const folder = mkdtempSync(join(tmpdir(), "gateway-key-rotation-sabotage-"));
  for (const part of copied) cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const file = join(folder, sabotage.file);
  writeFileSync(file, sabotaged(readFileSync(file, "utf8"), sabotage));
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
