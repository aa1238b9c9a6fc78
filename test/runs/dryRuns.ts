import { expect } from "vitest";
import type { CallCode, CallProblem } from "../../src/domain/attempt.ts";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { PermissionsOutcome, TargetDescription, TargetInspector } from "../../src/domain/inspection.ts";
import type { Gateway, Run } from "../../src/domain/target.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { dryRun } from "../../src/runs/dryRun.ts";
import { resumeRuns } from "../../src/runs/resume.ts";
import { runNamed } from "../simulation/engine/engineRunners.ts";
import { writeOutside } from "../simulation/models/outsideChanges.ts";
import { secretAt, type World } from "../simulation/models/world.ts";
import { namedGateway, runtime } from "../support/gateways.ts";
import { type Deliver, minuteMs, startStoredRuns } from "./storedRuns.ts";

export const oneKey = namedGateway("a");
export const twoKeys = runtime();
export const problem = (code: CallCode): CallProblem => ({ code, message: "No.", transient: false });
export const failed = (code: CallCode) => ({ kind: "failed" as const, problem: problem(code) });
const attempts = (known: "open" | "unchanged" | "unknown") => [{ clientRequestId: "x", at: 1, known }];
export const intent = (known: "open" | "unchanged" | "unknown"): Partial<Journal> => ({
  intent: {
    ...{ rotationId: "r", runId: "other", slot: "authKey2", reason: "asked", claimedUntil: 0 },
    attempts: attempts(known),
  },
});

/** What Resource Manager shows of a gateway. */
export const inspectorOf = (
  described: TargetDescription = { kind: "ready" },
  permitted: PermissionsOutcome = { kind: "read", permissions: [{ actions: ["*"], notActions: [] }] },
): TargetInspector => ({
  describe: async () => described,
  permissions: async () => permitted,
  host: async () => failed("not-found"),
});

export interface Plan {
  readonly run?: Partial<Run>;
  readonly deliver?: Deliver;
  readonly described?: TargetDescription;
  readonly permitted?: PermissionsOutcome;
  readonly alter?: (blobs: BlobStore) => BlobStore;
  /** This machine's clock less storage's. */
  readonly offMs?: number;
  /** Until the invocation's deadline. */
  readonly leftMs?: number;
  /** Until the caller must be answered. */
  readonly yieldMs?: number;
}

/** A gateway that was never rotated, and dry runs of it. */
export function startDryRuns(of: Gateway) {
  const lab = startStoredRuns([of]);

  async function plan({
    run,
    deliver,
    alter = (blobs) => blobs,
    offMs,
    leftMs,
    yieldMs,
    ...shown
  }: Plan = {}) {
    const before = lab.holder.world;
    const { services, terms, calls } = lab.invocation(deliver, offMs);
    const inspector = inspectorOf(shown.described, shown.permitted);
    const [planned, ...more] = await lab.clock.run(
      dryRun({ ...services, blobs: alter(services.blobs), inspector }, [of], {
        ...terms,
        ...(leftMs === undefined ? {} : { deadline: services.clock.now() + leftMs }),
        ...(yieldMs === undefined ? {} : { yieldAt: services.clock.now() + yieldMs }),
        run: runNamed("dry-run", { trigger: "http", ...run }),
        createdAt: services.clock.now(),
      }),
    );
    if (planned === undefined || more.length > 0) throw new Error("One gateway, one plan");
    const { world } = lab.holder;
    expect([world.targets, world.blobs.blobs, secretAt(world, of.secret)]).toEqual([
      before.targets,
      before.blobs.blobs,
      secretAt(before, of.secret),
    ]);
    const { would, keyWorks, rotatedAt, problems } = planned;
    const codes = problems.map(({ code }) => code);
    return { reason: would?.reason, keyWorks, rotatedAt, codes, problems, calls };
  }

  return {
    ...lab,
    plan,
    change: (edit: (world: World) => World) => {
      lab.holder.world = edit(lab.holder.world);
    },
  };
}

/** A gateway that was rotated, and whose verification is done. */
export async function rotated(of: Gateway, changes: Partial<Journal> = {}) {
  const lab = startDryRuns(of);
  await lab.create("run", [of]);
  for (const waitMs of [5 * minuteMs, 40 * minuteMs]) {
    await lab.wait(waitMs);
    const { services, storage, terms } = lab.invocation();
    await lab.clock.run(resumeRuns(services, storage, terms, [of]));
  }
  await lab.editJournal(of, (journal) => ({ ...journal, ...changes }));
  const latest = secretAt(lab.holder.world, of.secret).versions.at(-1);
  return { ...lab, rotatedAt: (latest?.createdOn ?? 0) * 1000 };
}

export const content = (value: string, tags = {}) => ({ value, tags, contentType: "text/plain" });
export const byHand = (of: Gateway) => (world: World) =>
  writeOutside(world, of.secret, content("x", { team: "t" }));
