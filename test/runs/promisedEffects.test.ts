import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { requestedRunResponse } from "../../src/http/responses.ts";
import type { RotationServices } from "../../src/rotation/context.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { RunFailedError, type RunResult } from "../../src/runs/rotateAll.ts";
import { storageFailed } from "../../src/runs/runs.ts";
import { claimedRun } from "../support/claimedRun.ts";
import { gateway, runtime } from "../support/gateways.ts";
import { httpRun, lab, minuteMs, useLab } from "../support/lab.ts";

/** A message about a run never says more than its gateways' effects. */

useLab({ bucket: { capacity: 10_000, refillPerSecond: 1 } });

/** What a text says where it promises that no key was touched. */
const promise =
  /\b(?:(?:regenerates?|regenerated) no key|nor regenerated a key|no key (?:is|was|were)|not regenerated|nothing was|started nothing|no run (?:is|was))\b/i;
/** What takes the promise back for what the run did before. */
const exception =
  /may have regenerated the key|Before that, this run regenerated|journal shows what earlier steps did/;

/** What a text about a two-key gateway says where it promises that its published key was not touched. */
const published = /\b(?:did|does) not touch the key that consumers read\b/;

/** Of the engine: the faults below produce each of them. */
const promisesOfEngine = [
  "so it regenerates no key",
  "so this step regenerated no key. The gateway's journal shows what earlier steps did.",
  "so this step neither changed it nor regenerated a key. That journal shows what earlier steps did.",
  "so the function regenerates no key",
  "The key was not regenerated.",
  "The rotation did not touch the key that consumers read from the vault.",
  "the rotation does not touch the key that consumers read from the vault.",
];

describe("the texts of src that promise an effect", () => {
  const root = join(import.meta.dirname, "../../src");
  const literals = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")
        .split("\n")
        .flatMap((line) => line.match(/"(?:[^"\\]|\\.)+"|`[^`]+`/g) ?? []),
    );

  test("each text → is in this list, and the test below or the named one proves it", () => {
    const held = [
      ...promisesOfEngine,
      // A rule of the configuration, and no report.
      "no key is regenerated without a journal",
      // Refused requests and broken configurations: test/http/routes.test.ts, test/http/createRoutes.test.ts.
      "Nothing was started",
      "so no run is started",
      "This request started nothing.",
      // A request that was not sent: test/azure/wire.test.ts, test/azure/resourceManager.test.ts.
      "nothing was sent",
    ];
    const promising = literals.filter((text) => promise.test(text) || published.test(text));
    expect(promising.length).toBeGreaterThanOrEqual(held.length);
    expect(promising.filter((text) => !held.some((each) => text.includes(each)))).toEqual([]);
    expect(held.filter((each) => !promising.some((text) => text.includes(each)))).toEqual([]);
  });
});

const problem = { code: "forbidden" as const, message: "The service answered.", transient: false };
const passing = { ...problem, code: "timed-out" as const, transient: true };

/** Operations that fail from the nth call on. */
const faults = {
  "the journal cannot be read": (fails) => ({
    read: async (name) =>
      name.startsWith("gateways/") && fails() ? { kind: "failed", problem: passing } : lab.blobs.read(name),
  }),
  "the journal cannot be understood": (fails) => ({
    async read(name) {
      const found = await lab.blobs.read(name);
      const isMeant = name.startsWith("gateways/") && found.kind === "found";
      return isMeant && fails() ? { ...found, text: '{"schema":9}' } : found;
    },
  }),
  "the journal cannot be written": (fails) => ({
    write: async (name, ...more) =>
      name.startsWith("gateways/") && fails() ? { kind: "refused", problem } : lab.blobs.write(name, ...more),
  }),
  "the journal's writes have no answer": (fails) => ({
    async write(name, ...more) {
      const written = await lab.blobs.write(name, ...more);
      return name.startsWith("gateways/") && fails() ? { kind: "unclear", problem: passing } : written;
    },
  }),
  "the log cannot be written": (fails) => ({
    append: async (...call) => (fails() ? { kind: "refused", problem } : lab.blobs.append(...call)),
  }),
} as const satisfies Record<string, (fails: () => boolean) => Partial<BlobStore>>;

/** Calls to Resource Manager and the vault that fail from the nth one on. */
const outages = {
  "the vault cannot be read": (fails) => ({
    secrets: {
      ...lab.azure.secrets,
      readLatest: async (address) =>
        fails() ? { kind: "failed", problem } : lab.azure.secrets.readLatest(address),
    },
  }),
  "the vault takes no writes": (fails) => ({
    secrets: {
      ...lab.azure.secrets,
      write: async (...call) => (fails() ? { kind: "refused", problem } : lab.azure.secrets.write(...call)),
    },
  }),
  "Resource Manager refuses": (fails) => ({
    keys: {
      ...lab.azure.keys,
      regenerate: async (...call) =>
        fails()
          ? { kind: "unchanged", problem, trace: { clientRequestId: call[2] } }
          : lab.azure.keys.regenerate(...call),
    },
  }),
  "Resource Manager's answers are lost": (fails) => ({
    keys: {
      ...lab.azure.keys,
      async regenerate(...call) {
        const answer = await lab.azure.keys.regenerate(...call);
        return fails() ? { kind: "unknown", problem: passing, trace: answer.trace } : answer;
      },
    },
  }),
  "keys cannot be listed": (fails) => ({
    keys: {
      ...lab.azure.keys,
      listKeys: async (target) => (fails() ? { kind: "failed", problem } : lab.azure.keys.listKeys(target)),
    },
  }),
} as const satisfies Record<string, (fails: () => boolean) => Partial<RotationServices>>;

const kinds = {
  "a version 1 gateway": () => gateway(lab.azure.contoso),
  "a two-key gateway": () => runtime(lab.azure.contoso),
};
const situations = Object.keys({ ...faults, ...outages }).flatMap((fault) =>
  Object.keys(kinds).flatMap((kind) =>
    (["standard", "compromised"] as const).flatMap((mode) =>
      [1, 2, 3, 4].map((from) => [fault, from, kind, mode] as const),
    ),
  ),
);
const seen = new Set<string>();

test.each(situations)(
  "%s from call %i on, %s, mode %s → no text says more than the keys show",
  async (...situation) => {
    const [fault, from, kind, mode] = situation;
    const of: Gateway = kinds[kind as keyof typeof kinds]();
    await lab.rotate([of]);
    await lab.ticks(2);
    lab.events.length = 0;
    const keysBefore = JSON.stringify(lab.azure.simulator.keys(of.target.resourceId));
    let calls = 0;
    const fails = () => ++calls >= from;
    const ofBlobs = fault in faults ? faults[fault as keyof typeof faults](fails) : {};
    const blobs: BlobStore = { ...lab.blobs, ...ofBlobs };
    const ofServices = fault in outages ? outages[fault as keyof typeof outages](fails) : {};
    const run = httpRun({ mode });

    const check = async (result: RunResult, problems: readonly string[]) => {
      const isTouched = JSON.stringify(lab.azure.simulator.keys(of.target.resourceId)) !== keysBefore;
      const view = requestedRunResponse(await lab.readStored(run.id), "x").body;
      const texts = [
        ...result.failed.flatMap(({ message, nextAction }) => [`${message} ${nextAction}`]),
        new RunFailedError(result, problems).message,
        view,
        ...lab.events.splice(0).flatMap((event) => ("message" in event ? (event.message ?? []) : [])),
      ];
      for (const text of texts) {
        for (const each of promisesOfEngine) if (text.includes(each)) seen.add(each);
        if (isTouched && promise.test(text)) expect(text).toMatch(exception);
        if (published.test(text)) expect(lab.works(of)).toBe(true);
      }
      if (!lab.works(of)) expect(view).not.toContain('"effect": "unchanged"');
      if (result.rotated > 0) expect(texts[result.failed.length]).toContain("1 rotated");
    };

    const { services, storage, terms } = lab.invocation({ ...ofServices, blobs });
    const claimed = await claimedRun(lab.invocation().storage, run, [of]);
    const driven = await driveRun(services, storage, claimed, terms);
    await check(driven.result, driven.kind === "failed" ? [storageFailed("x", driven.problem)] : []);
    for (const minutes of [5, 61, 61]) {
      lab.advance(minutes * minuteMs);
      const { result, problems } = await lab.resume({ ...ofServices, blobs });
      await check(result, problems);
    }
  },
);

test("the situations above → produce every promise of the engine", () => {
  expect([...seen].sort()).toEqual([...promisesOfEngine].sort());
});
