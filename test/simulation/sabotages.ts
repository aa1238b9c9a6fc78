import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One line of the engine, or of what it is given, as somebody might have written it. */
export interface Sabotage {
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once: a sabotage that does not apply any more is a defect of this list. */
  readonly find: string;
  readonly replace: string;
  /** What it breaks. */
  readonly promise: string;
}

const rotateGateway = "src/rotation/rotateGateway.ts";
const openIntent = "src/rotation/openIntent.ts";
const nextStep = "src/rotation/nextStep.ts";
const modelOfKeys = "test/simulation/gatewayKeys.ts";
const sending = "const seen = await perform(call, (world) => model.regenerate(world, target, slot));";

export const sabotages: readonly Sabotage[] = [
  {
    name: "no intent is written",
    file: openIntent,
    find: "const written = await leases.write(gateway, held, { ...journal, intent: next });",
    replace:
      'const written = next === null ? await leases.write(gateway, held, { ...journal, intent: next }) : { kind: "written", held: { ...held, journal } };',
    promise: "The journal is before the act.",
  },
  {
    name: "only the first attempt is journaled before it is sent",
    file: rotateGateway,
    find: "const stopped = await lease.begin(clientRequestId);",
    replace: "const stopped = attempts === 1 ? await lease.begin(clientRequestId) : undefined;",
    promise: "Every attempt is in the journal before it is sent.",
  },
  {
    name: "the intent is closed before the key is stored",
    file: rotateGateway,
    find: "const stored = await storeKey(secrets, gateway.secret, version, {",
    replace:
      'lease.note("unchanged"); await lease.end(); const stored = await storeKey(secrets, gateway.secret, version, {',
    promise: "A crash after the store regenerates nothing.",
  },
  {
    name: "a lost answer is taken for a refusal",
    file: modelOfKeys,
    find: 'return { kind: "unknown", problem',
    replace: 'return { kind: "unchanged", problem',
    promise: "What may have taken effect is unknown, never unchanged.",
  },
  {
    name: "the SDK tries again by itself",
    file: modelOfKeys,
    find: sending,
    replace: `${sending.replace("const", "let")} if (seen.kind === "unclear") seen = await perform(call, (world) => model.regenerate(world, target, slot));`,
    promise: "One request for each attempt.",
  },
  {
    name: "an intent is taken back while one of its attempts is unknown",
    file: openIntent,
    find: 'const harmless = intent.attempts.every(({ known }) => known === "unchanged");',
    replace: 'const harmless = intent.attempts.some(({ known }) => known === "unchanged");',
    promise: "An intent is taken back only if every attempt in it is certain to have changed nothing.",
  },
  {
    name: "a version is adopted by its rotation, not by its attempt",
    file: nextStep,
    find: 'secret.tags["client-request-id"] !== last',
    replace: 'secret.tags["rotation-id"] !== intent.rotationId',
    promise: "Adopted is what the last attempt made.",
  },
  {
    name: "the published slot is regenerated",
    file: "src/rotation/chooseSlot.ts",
    find: 'commit?.slot === "authKey2" ? "authKey1" : handedOutLast',
    replace: 'commit?.slot === "authKey1" ? "authKey1" : handedOutLast',
    promise: "The published key of a two-key target works at every moment.",
  },
  {
    name: "a key that cannot be compared is taken to be in authKey1",
    file: "src/rotation/chooseSlot.ts",
    find: 'return sameKey(keys.authKey2, published) ? "authKey1" : handedOutLast;',
    replace: "return handedOutLast;",
    promise: "The published key of a two-key target works at every moment.",
  },
  {
    name: "no commit is suspect",
    file: openIntent,
    find: "suspect: mayStillLand || (journal.check?.suspect ?? false)",
    replace: "suspect: false",
    promise: "What may still land makes a commit suspect.",
  },
  {
    name: "a suspicion is not carried forward",
    file: openIntent,
    find: "mayStillLand || (journal.check?.suspect ?? false)",
    replace: "mayStillLand",
    promise: "A suspicion stays until it is checked.",
  },
  {
    name: "only other runners' attempts are suspect, one's own time-outs are not",
    file: openIntent,
    find: 'each.known !== "unchanged" &&',
    replace: 'each.known === "open" &&',
    promise: "What may still land makes a commit suspect.",
  },
  {
    name: "the owed check is never done",
    file: "src/rotation/runGateway.ts",
    find: 'state: "owed",',
    replace: 'state: "done",',
    promise: "A run ends when every gateway is settled and checked.",
  },
  {
    name: "the check is done at once",
    file: openIntent,
    find: "check: { at: at + settledMs, suspect: mayStillLand",
    replace: "check: { at, suspect: mayStillLand",
    promise: "A suspect commit is checked when nothing can land any more.",
  },
  {
    name: "a check does not ask whether the key is alive",
    file: rotateGateway,
    find: "  if (suspect) {",
    replace: "  if (suspect && false) {",
    promise: "A suspect commit is checked when nothing can land any more.",
  },
  {
    name: "the claim of another runner is ignored",
    file: nextStep,
    find: "if (until <= now) return undefined;",
    replace: "if (until >= 0) return undefined;",
    promise: "A side effect needs a claim.",
  },
  {
    name: "a side effect is begun on a claim that has run out",
    file: openIntent,
    find: 'if (intent.claimedUntil - storageNowAtMost() > terms.callTimeoutMs) return "held";',
    replace: 'if (intent.claimedUntil > 0) return "held";',
    promise: "A side effect needs a claim that lasts longer than the call can take.",
  },
  {
    name: "journals are written without a condition",
    file: "test/simulation/blobs.ts",
    find: "if (current?.etag !== expected) return",
    replace: 'if (!name.startsWith("gateways/") && current?.etag !== expected) return',
    promise: "Of two runners that claim at once one is told that it lost.",
  },
  {
    name: "a journal is named after its target's spelling",
    file: "src/rotation/journal.ts",
    find: ".update(target.identity)",
    replace: ".update(target.resourceId)",
    promise: "Two spellings of one id are one target.",
  },
  {
    name: "a compromised run stops after one slot",
    file: nextStep,
    find: '(["authKey1", "authKey2"] as const) : [commit.slot]',
    replace: "[commit.slot] : [commit.slot]",
    promise: "A compromised run replaces every key.",
  },
  {
    name: "a run is satisfied by its own rotation alone",
    file: nextStep,
    find: "(regenerated.runId === runId || regenerated.at > createdAt)",
    replace: "regenerated.runId === runId",
    promise: "Two runs do not chase each other.",
  },
  {
    name: "a compromised run is satisfied by its own rotations alone",
    file: nextStep,
    find: "isReplaced(journal, slot, request)",
    replace:
      'isReplaced(journal, slot, request.mode === "compromised" ? { ...request, createdAt: Infinity } : request)',
    promise: "Two compromised runs do not chase each other.",
  },
  {
    name: "a run goes on into a secret that its gateway has left",
    file: nextStep,
    find: "if (!isElsewhere(journal, gateway) || last <= request.createdAt) return undefined;",
    replace: "if (!moved || last >= 0) return undefined;",
    promise: "After the configuration was edited, what is configured is published.",
  },
  {
    name: "a process goes by its own clock",
    file: "src/rotation/lease.ts",
    find: "clockOffsetMs: now - clock.now(),",
    replace: "clockOffsetMs: 0,",
    promise: "Claims and checks go by storage's clock.",
  },
  {
    name: "an own write is taken for somebody else's after an unclear answer",
    file: "src/rotation/conditionalWrite.ts",
    find: 'if (found.kind === "found" && found.text === wholeText(text))',
    replace: 'if (found.kind === "found" && found.text === "")',
    promise: "A lost answer of storage stops nobody.",
  },
  {
    name: "a two-key target does not wait for another runner's attempt",
    file: nextStep,
    find: 'const mayWait = gateway.target.kind === "integrationRuntime" && request.mode === "standard";',
    replace: "const mayWait = false;",
    promise: "The published key of a two-key target works at every moment.",
  },
  {
    name: "a two-key target does not wait after an unknown outcome of its own",
    file: rotateGateway,
    find: 'problem.transient : gateway.target.kind === "gateway";',
    replace: "problem.transient : true;",
    promise: "The published key of a two-key target works at every moment.",
  },
  {
    name: "a foreign version is taken for the committed one",
    file: nextStep,
    find: "if (secret === undefined || secret.version === journal?.commit?.version) return undefined;",
    replace: "if (secret === undefined || journal?.commit) return undefined;",
    promise: "What somebody else wrote is replaced.",
  },
  {
    name: "a vault that refuses the preflight is trusted all the same",
    file: rotateGateway,
    find: "if (refusal !== undefined) return failures.vaultTakesNoWrites(gateway, refusal);",
    replace: "",
    promise: "Nothing is regenerated that could not be stored.",
  },
];

/** @throws where the text is not found, or found more than once */
export function sabotaged(text: string, { name, file, find, replace }: Sabotage): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`The sabotage "${name}" does not apply: its text is not found once in ${file}: ${find}`);
  return before + replace + after;
}

/** A copy of the engine and its simulation with one line replaced. `remove` takes it away again. */
export function createSabotagedCopy(root: string, sabotage: Sabotage) {
  const folder = mkdtempSync(join(tmpdir(), "gateway-key-rotation-sabotage-"));
  for (const part of ["package.json", "src", "test/simulation", "test/support"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const file = join(folder, sabotage.file);
  writeFileSync(file, sabotaged(readFileSync(file, "utf8"), sabotage));
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
