import { describe, expect, test } from "vitest";
import type { RecordedRequest } from "../../local/simulator/types.ts";
import { toClientRequestId } from "../../src/domain/attempt.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { journalName } from "../../src/journal/journal.ts";
import { quietPeriodMs } from "../../src/rotation/context.ts";
import { liveKeys } from "../simulation/models/world.ts";
import { gateway, runtime, runtimeTarget } from "../support/gateways.ts";
import { lastFailure } from "../support/journalParts.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { isRegenerate, refusal } from "../support/requests.ts";
import { closedAt, startProcesses, startRotated } from "./oneProcess.ts";

useLab();

const monthly = { rotateEveryDays: 30 };
const twoKeys = () => runtime(lab.azure.contoso, monthly);
const isList = ({ url }: RecordedRequest) => url.includes("listAuthKeys");
const refuseList = (status: number) => lab.inject("resourceManager", refusal(status), isList, Infinity);

/** Rotates the gateway, and leaves the verification of its commit due and suspect. */
async function suspectCommit(of: Gateway): Promise<void> {
  await lab.rotate([of]);
  await lab.editJournal(of, (journal) => ({ ...journal, verification: { at: 0, suspect: true } }));
}

/** A tick: by `rotateEveryDays` the gateway is not due. */
async function tick(of: Gateway) {
  const before = lab.regenerates();
  lab.events.length = 0;
  const result = await lab.rotate([of], { trigger: "schedule" });
  return { result, regenerates: lab.regenerates() - before };
}

const decisions = () =>
  lab.events.flatMap((event) => (event.name === "GatewayKeyRotationDecided" ? [event.decisionReason] : []));

describe("the verification of a suspect commit", () => {
  test("the key of a two-key gateway is dead → rotated again", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    await lab.azure.keys.regenerate(runtimeTarget, "authKey2", toClientRequestId(crypto.randomUUID()));
    expect(lab.works(of)).toBe(false);
    expect(await tick(of)).toMatchObject({ result: { rotated: 1 }, regenerates: 1 });
    expect(lab.works(of)).toBe(true);
  });

  test("the key of a two-key gateway works → verified, and not rotated", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    expect(await tick(of)).toMatchObject({ result: { skipped: 1 }, regenerates: 0 });
    expect(await lab.journalOf(of)).toMatchObject({ verification: null });
    expect(decisions()).toEqual(["verification-due", "not-due"]);
  });

  test("no permission to list the keys → rotated, since nothing shows that the key works", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    refuseList(403);
    expect(await tick(of)).toMatchObject({ result: { rotated: 1 }, regenerates: 1 });
  });

  test("listing the keys fails and may pass → fails, and the verification stays due", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    refuseList(503);
    const { result, regenerates } = await tick(of);
    expect(result.failed).toMatchObject([
      { code: "list-keys-server-error", effect: "unchanged", final: false },
    ]);
    expect(regenerates).toBe(0);
    expect(await lab.journalOf(of)).toMatchObject({ verification: { suspect: true } });
  });

  test("the key is dead, and the rotation is refused → the failure says so", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    await lab.azure.keys.regenerate(of.target, "authKey2", toClientRequestId(crypto.randomUUID()));
    lab.inject("resourceManager", refusal(400), isRegenerate, Infinity);
    await tick(of);
    expect(await lab.journalOf(of)).toMatchObject({ failure: { effect: "unchanged", keyWorks: false } });
  });

  test("the version is disabled → rotated, since no consumer can read its key", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    const stored = lab.latestOf(of);
    if (stored !== undefined) stored.enabled = false;
    expect(await tick(of)).toMatchObject({ result: { rotated: 1 }, regenerates: 1 });
  });

  test("the key works, and a failure had put it in doubt → its record says so no longer", async () => {
    const of = twoKeys();
    await suspectCommit(of);
    const failure = { ...lastFailure, keyWorks: "unknown" } as const;
    await lab.editJournal(of, (journal) => ({ ...journal, failure }));
    await tick({ ...of, window: closedAt(lab.now()) });
    expect(await lab.journalOf(of)).toMatchObject({ verification: null, failure: { keyWorks: true } });
  });

  test("a one-key gateway → rotated, since no list shows its key", async () => {
    const of = gateway(lab.azure.contoso, monthly);
    await suspectCommit(of);
    expect(await tick(of)).toMatchObject({ result: { rotated: 1 }, regenerates: 1 });
  });
});

test("another version is published when the verification is due → rotated outside the window too", async () => {
  const of = gateway(undefined, monthly);
  const processes = await startRotated(of);
  await processes.wait(60 * minuteMs);
  processes.publish("a value by hand");
  const as = { ...of, window: closedAt(processes.clock.now()) };
  const { outcome } = await processes.rotate({ id: "b", trigger: "schedule" }, undefined, { as });
  expect(outcome.kind).toBe("rotated");
  expect(processes.works()).toBe(true);
});

describe("a lost journal", () => {
  test("the latest version is the second → its number and its request are in the new journal", async () => {
    const of = runtime(undefined, monthly);
    const processes = await startRotated(of);
    await processes.rotate({ id: "b", mode: "compromised" });
    const { commit } = processes.journal();
    processes.deleteJournal();
    const { outcome } = await processes.rotate({ id: "c", trigger: "schedule" });
    const { version, slot, sequence, clientRequestId } = processes.journal().commit ?? {};
    expect({ version, slot, sequence, clientRequestId }).toEqual({
      version: commit?.version,
      slot: commit?.slot,
      sequence: commit?.sequence,
      clientRequestId: commit?.clientRequestId,
    });
    expect(outcome).toMatchObject({ kind: "skipped", verifyAt: processes.journal().verification?.at });
  });

  test("the latest version's tags name another slot than its key's → the key decides", async () => {
    const processes = startProcesses(runtime());
    const { authKey1 = "" } = liveKeys(processes.holder.world, runtimeTarget);
    const tags = { "managed-by": "gateway-key-rotation/prod", "key-name": "authKey2", sequence: "1" };
    processes.publish(authKey1, tags);
    expect((await processes.rotate()).outcome).toMatchObject({ slot: "authKey2", sequence: 2 });
  });

  test("the keys can be listed → rebuilt, suspect, with a verification after the quiet period", async () => {
    const of = twoKeys();
    await lab.rotate([of]);
    await lab.blobs.remove(journalName(of));
    lab.advance(10 * minuteMs);
    expect(await tick(of)).toMatchObject({ result: { skipped: 1 }, regenerates: 0 });
    const { verification, commit } = await lab.journalOf(of);
    expect(commit).toMatchObject({ slot: "authKey2", sequence: 1, version: lab.latestOf(of)?.version });
    expect(verification?.suspect).toBe(true);
    const afterMs = (verification?.at ?? 0) - lab.now();
    expect(afterMs).toBeLessThanOrEqual(quietPeriodMs(lab.invocation().terms));
    expect(afterMs).toBeGreaterThan(quietPeriodMs(lab.invocation().terms) - minuteMs);
  });

  test("no permission to list the keys → fails and says so, until the journal can be rebuilt", async () => {
    const of = twoKeys();
    await lab.rotate([of]);
    await lab.blobs.remove(journalName(of));
    refuseList(403);
    const { result, regenerates } = await tick(of);
    expect(result.failed).toMatchObject([{ code: "list-keys-forbidden", effect: "unchanged" }]);
    expect(regenerates).toBe(0);
    expect(await lab.journalOf(of)).toMatchObject({ commit: null, failure: { code: "list-keys-forbidden" } });
    lab.azure.simulator.clearFaults();
    // A journal that holds a failure alone is as good as lost: the next tick rebuilds it, and regenerates nothing.
    expect(await tick(of)).toMatchObject({ regenerates: 0 });
    expect(await lab.journalOf(of)).toMatchObject({ commit: { sequence: 1 }, failure: null });
  });
});
