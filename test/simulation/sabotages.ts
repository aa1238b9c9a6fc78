import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PromiseId } from "./promiseList.ts";

/** One line of the engine, or of what it is given, as somebody might have written it. */
export interface Sabotage {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once: a sabotage that does not apply any more is a defect of this list. */
  readonly find: string;
  readonly replace: string;
  /** What it breaks: only a violation of this promise counts as caught. */
  readonly promise: PromiseId;
  /** The configuration or pair that shows it, where the search from the cheapest on would take long. */
  readonly shownBy?: string;
}

const rotate = "src/rotation/rotate.ts";
const recover = "src/rotation/recover.ts";
const intent = "src/rotation/intent.ts";
const nextStep = "src/rotation/nextStep.ts";
const terms = "src/rotation/terms.ts";
const modelOfKeys = "test/simulation/gatewayKeys.ts";
const sending =
  "const seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));";

export const sabotages: readonly Sabotage[] = [
  {
    name: "no intent is written",
    file: intent,
    find: "const written = await journals.write(gateway, held, { ...journal, intent: next });",
    replace:
      'const written = next === null ? await journals.write(gateway, held, { ...journal, intent: next }) : ({ kind: "written", held: { ...held, journal } } as const satisfies Awaited<ReturnType<typeof journals.write>>);',
    promise: "journaled-first",
  },
  {
    name: "only the first attempt is journaled before it is sent",
    file: rotate,
    find: "const stopped = await intent.begin(clientRequestId);",
    replace: "const stopped = attempts === 1 ? await intent.begin(clientRequestId) : undefined;",
    promise: "journaled-first",
  },
  {
    name: "the intent is closed before the key is stored",
    file: rotate,
    find: "const stored = await storeKey(secrets, gateway.secret, version, {",
    replace:
      'intent.note("unchanged"); await intent.end(); const stored = await storeKey(secrets, gateway.secret, version, {',
    promise: "stored-once",
  },
  {
    name: "a lost answer is taken for a refusal",
    file: modelOfKeys,
    find: 'return { kind: "unknown", problem',
    replace: 'return { kind: "unchanged", problem',
    promise: "true-report",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the SDK tries again by itself",
    file: modelOfKeys,
    find: sending,
    replace: `${sending.replace("const", "let")} if (seen.kind === "unclear") seen = await perform(call, (world) => model.regenerate(world, target, slot, clientRequestId));`,
    promise: "one-request",
  },
  {
    name: "an intent is taken back while one of its attempts is unknown",
    file: intent,
    find: 'attempts.every(({ known }) => known === "unchanged");',
    replace: 'attempts.some(({ known }) => known === "unchanged");',
    promise: "works-in-the-end",
    shownBy: "one key, one standard run, rotated 1 times before",
  },
  {
    name: "a version is adopted by its rotation, not by its attempt",
    file: nextStep,
    find: 'secret.tags["client-request-id"] !== lastAttempt(intent).clientRequestId',
    replace: 'secret.tags["rotation-id"] !== intent.rotationId',
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the published slot is regenerated",
    file: "src/rotation/chooseSlot.ts",
    find: 'commit?.slot === "authKey2" ? "authKey1" : handedOutLast',
    replace: 'commit?.slot === "authKey1" ? "authKey1" : handedOutLast',
    promise: "works-always",
  },
  {
    name: "a key that cannot be compared is taken to be in authKey1",
    file: "src/rotation/chooseSlot.ts",
    find: 'return sameKey(keys.authKey2, published) ? "authKey1" : handedOutLast;',
    replace: "return handedOutLast;",
    promise: "works-always",
  },
  {
    name: "no commit is suspect",
    file: intent,
    find: "suspect: mayTakeEffect || (journal.verification?.suspect ?? false)",
    replace: "suspect: false",
    promise: "works-in-the-end",
  },
  {
    name: "a suspicion is not carried forward",
    file: intent,
    find: "mayTakeEffect || (journal.verification?.suspect ?? false)",
    replace: "mayTakeEffect",
    promise: "works-in-the-end",
  },
  {
    name: "only other runners' attempts are suspect, one's own time-outs are not",
    file: intent,
    find: 'each.known !== "unchanged" &&',
    replace: 'each.known === "open" &&',
    promise: "works-in-the-end",
  },
  {
    name: "the owed check is never done",
    file: "src/runs/progress.ts",
    find: 'state: "unverified",',
    replace: 'state: "done",',
    promise: "ends",
  },
  {
    name: "the check is done at once",
    file: intent,
    find: "verification: { at: at + quietMs, suspect: mayTakeEffect",
    replace: "verification: { at, suspect: mayTakeEffect",
    promise: "works-in-the-end",
  },
  {
    name: "a check does not ask whether the key is alive",
    file: recover,
    find: "  if (suspect) {",
    replace: "  if (suspect && journal.commit === null) {",
    promise: "works-in-the-end",
  },
  {
    name: "the claim of another runner is ignored",
    file: nextStep,
    find: "if (until <= now) return undefined;",
    replace: "if (until >= 0) return undefined;",
    promise: "claim-respected",
  },
  {
    name: "a side effect is begun on a claim that has run out",
    file: intent,
    find: 'if (intent.claimedUntil - storageNowAtMost() > terms.callTimeoutMs) return "held";',
    replace: 'if (intent.claimedUntil > 0) return "held";',
    promise: "claim-held",
  },
  {
    name: "journals are written without a condition",
    file: "test/simulation/blobs.ts",
    find: "if (current?.etag !== expected) return",
    replace: 'if (!name.startsWith("gateways/") && current?.etag !== expected) return',
    promise: "journaled-first",
  },
  {
    name: "a journal is named after its target's spelling",
    file: "src/journal/journal.ts",
    find: ".update(target.identity)",
    replace: ".update(target.resourceId)",
    promise: "one-journal",
  },
  {
    name: "a compromised run stops after one slot",
    file: nextStep,
    find: "slotsOf(gateway.target) : [commit.slot]",
    replace: "[commit.slot] : [commit.slot]",
    promise: "every-slot",
  },
  {
    name: "a run is satisfied by its own rotation alone",
    file: nextStep,
    find: "(regenerated.runId === runId || regenerated.at > createdAt)",
    replace: "regenerated.runId === runId",
    promise: "no-chase",
  },
  {
    name: "a compromised run is satisfied by its own rotations alone",
    file: nextStep,
    find: "isReplaced(journal, slot, request)",
    replace:
      'isReplaced(journal, slot, request.mode === "compromised" ? { ...request, createdAt: Infinity } : request)',
    promise: "no-chase",
  },
  {
    name: "a run goes on into a secret that its gateway has left",
    file: nextStep,
    find: "if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;",
    replace: "if (!isElsewhere(journal, gateway) || last >= 0) return undefined;",
    promise: "newest-run",
  },
  {
    name: "a process goes by its own clock",
    file: "src/journal/journals.ts",
    find: "clockOffsetMs: now - clock.now(),",
    replace: "clockOffsetMs: 0,",
    promise: "claim-respected",
  },
  {
    name: "an own write is taken for somebody else's after an unclear answer",
    file: "src/journal/conditionalWrite.ts",
    find: 'if (found.kind === "found" && found.text === text)',
    replace: 'if (found.kind === "found" && found.text === "")',
    promise: "own-write",
  },
  {
    name: "a two-key target does not wait for another runner's attempt",
    file: nextStep,
    find: 'const mayWait = hasTwoKeys(gateway.target) && request.mode === "standard";',
    replace: "const mayWait = false;",
    promise: "works-always",
  },
  {
    name: "a two-key target does not wait after an unknown outcome of its own",
    file: rotate,
    find: "problem.transient : !hasTwoKeys(gateway.target);",
    replace: "problem.transient : true;",
    promise: "works-always",
  },
  {
    name: "a foreign version is taken for the committed one",
    file: nextStep,
    find: "if (secret === undefined || secret.version === journal?.commit?.version) return undefined;",
    replace: "if (secret === undefined || journal?.commit) return undefined;",
    promise: "works-in-the-end",
  },
  {
    name: "a vault that refuses the preflight is trusted all the same",
    file: "src/rotation/preflight.ts",
    find: 'if (written.kind !== "stored") return written.problem;',
    replace: "",
    promise: "vault-writable",
  },
  {
    name: "the quiet period is a second too short",
    file: terms,
    find: "+ terms.callTimeoutMs + clockResolutionMs;",
    replace: "+ terms.callTimeoutMs;",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the quiet period leaves out the call's time limit",
    file: terms,
    find: "terms.functionTimeoutMs + graceMs + terms.callTimeoutMs +",
    replace: "terms.functionTimeoutMs + graceMs +",
    promise: "works-in-the-end",
    shownBy: "one key, a run, and resume at the last moment at which its attempt may take effect",
  },
  {
    name: "the quiet period leaves out the platform's grace",
    file: terms,
    find: "terms.functionTimeoutMs + graceMs + terms.callTimeoutMs +",
    replace: "terms.functionTimeoutMs + terms.callTimeoutMs +",
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
      "two keys, a run, and ticks of resume when its attempt can take effect no more and 4 minutes later",
  },
  {
    name: "one attempt without effect makes the whole intent harmless",
    file: nextStep,
    find: 'const inDoubt = intent.attempts.findLast(({ known }) => known !== "unchanged");',
    replace:
      'const inDoubt = intent.attempts.some(({ known }) => known === "unchanged") ? undefined : intent.attempts.at(-1);',
    promise: "works-always",
    shownBy: "two keys, a run, and a tick of resume 3 minutes after it",
  },
  {
    name: "a takeover regenerates without a preflight",
    file: rotate,
    find: "await regenerate(context, intent, slot, checkVault);",
    replace:
      "await regenerate(open === undefined ? context : { ...context, preflight: { ...preflight, isCurrent: () => true } }, intent, slot, open === undefined ? checkVault : async () => undefined);",
    promise: "vault-writable",
  },
  {
    name: "a preflight of an hour ago is accepted",
    file: "src/rotation/preflight.ts",
    find: "const validForMs = 5 * 60_000;",
    replace: "const validForMs = 60 * 60_000;",
    promise: "vault-writable",
  },
  {
    name: "a refusal after an attempt of unknown effect is reported as unchanged",
    file: rotate,
    find: 'const kind = ended.kind === "open" ? ended.effect : "unchanged";',
    replace: "const { kind } = outcome;",
    promise: "true-report",
    shownBy: "one key, one standard run, rotated 1 times before",
  },
  {
    name: "a version is tagged with its rotation, not with its attempt",
    file: "src/rotation/newVersion.ts",
    find: '"client-request-id": trace.clientRequestId,',
    replace: '"client-request-id": facts.rotationId,',
    promise: "named-attempt",
  },
  {
    name: "no run is ever satisfied",
    file: nextStep,
    find: "if (!slots.every((slot) => isReplaced(journal, slot, request))) return undefined;",
    replace: "if (slots.length > 0) return undefined;",
    promise: "once-without-faults",
  },
  {
    name: "after a lost answer two keys are thrown away",
    file: rotate,
    find: 'if (outcome.kind === "applied") return { ...outcome, sentAt };',
    replace:
      'if (outcome.kind === "applied") { if (attempts === 1 || attempts > 3) return { ...outcome, sentAt }; continue; }',
    promise: "faults-bounded",
  },
  {
    name: "a gateway that was given another secret counts as rotated into it",
    file: nextStep,
    find: "if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;",
    replace: "if (!isElsewhere(journal, gateway) || last <= 0) return undefined;",
    promise: "follows-configuration",
  },
  {
    name: "an outcome is appended before the act that it reports",
    file: "src/runs/driveRun.ts",
    find: "  const result = await rotateAll<number>(",
    replace:
      '  for (const i of todo) log.add({ gateway: gatewayAt(i).name, driver: held.marker.driver, when: now, state: "done", at: now, sequence: 0, outcome: null });\n  const result = await rotateAll<number>(',
    promise: "ends",
  },
  {
    name: "the marker is removed before the last append",
    file: "src/runs/driveRun.ts",
    find: "  const problem = await log.flush();",
    replace: "  await storage.blobs.remove(markerName(document.id));\n  const problem = await log.flush();",
    promise: "ends",
  },
  {
    name: "the fold trusts the order of the lines",
    file: "src/runs/log.ts",
    find: "if (known === undefined || isFarther(line, known))",
    replace: "if (known === undefined || line.when >= 0)",
    promise: "farthest-line",
  },
  {
    name: "the document of a run is written over",
    file: "test/simulation/blobs.ts",
    find: "if (current?.etag !== expected) return",
    replace: 'if (!name.startsWith("runs/") && current?.etag !== expected) return',
    promise: "one-document",
  },
  {
    name: "a takeover that fails before its own attempt is reported as unchanged",
    file: "src/rotation/rotateGateway.ts",
    find: 'return inDoubt && failure.effect === "unchanged" ? failures.inDoubt(known) : { ...known, final: false };',
    replace: "return { ...known, final: inDoubt && false };",
    promise: "true-report",
    shownBy: "one key, a run, and one into another secret 3 minutes later, which may be refused",
  },
  {
    name: "a runner that was overtaken reports that its key is unchanged",
    file: "src/rotation/rotate.ts",
    find: "return overtaken(failure.gateway);",
    replace: "return failure;",
    promise: "true-report",
    shownBy:
      "one key, a run that is refused for six minutes, a tick of resume meanwhile, and a vault that then refuses",
  },
  {
    name: "a rebuilt journal is not suspect",
    file: recover,
    find: "verification: { at: now + quietPeriodMs(terms), suspect: true },",
    replace: "verification: { at: now + quietPeriodMs(terms), suspect: false },",
    promise: "works-in-the-end",
  },
];

/** @throws where the text is not found, or found more than once */
export function sabotaged(text: string, { name, file, find, replace }: Sabotage): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`The sabotage "${name}" does not apply: its text is not found once in ${file}: ${find}`);
  return before + replace + after;
}

/** All that type-checks together, and that a bundle is built from. */
const copied = [
  ...["functions", "src", "cli", "local", "scripts", "test"],
  ...["package.json", "tsconfig.json", "vitest.config.ts", "host.json"],
  ...["gateways.sample.json", "gateways.schema.json", "local.settings.sample.json"],
] as const;

/** A copy of the engine and its simulation with one line replaced. `remove` takes it away again. */
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
