import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { backlogName, readBacklog } from "../../src/rotation/backlog.ts";
import { journalName } from "../../src/rotation/journal.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import { isRegenerate, type Lab, minuteMs, startLab } from "../support/lab.ts";

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.azure.simulator.stop());
beforeEach(() => lab.reset());

describe("the heartbeat", () => {
  test("journals → how many gateways, overdue, unfinished, and the earliest expiry, from one list", async () => {
    const of = gateway(lab.azure.contoso, { rotateEveryDays: 30, expireAfterDays: 90 });
    await lab.rotate([of, runtime(lab.azure.contoso)]);
    lab.inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate, Infinity);
    lab.advance(31 * 24 * 60 * minuteMs);
    await lab.rotate([of]);
    const backlogOf = async (configured: readonly Gateway[] | undefined) => {
      const read = await readBacklog(lab.invocation().storage, configured, undefined);
      if (read.kind !== "read") throw new Error(read.kind);
      return read.backlog;
    };
    const backlog = await backlogOf([of, runtime(lab.azure.contoso)]);
    expect(backlog).toMatchObject({ gateways: 2, overdue: 1, unfinished: 1 });
    expect(await backlogOf(undefined)).toEqual(backlog);
    // One that was taken out is looked after as long as it is unfinished, and one that was never rotated is overdue.
    const other = gateway(lab.azure.contoso, { name: "other", target: anotherTarget("other") });
    expect(await backlogOf([runtime(lab.azure.contoso), other])).toEqual({
      gateways: 2,
      overdue: 1,
      unfinished: 1,
      earliestExpiry: undefined,
    });
    const expiry = (backlog.earliestExpiry?.getTime() ?? 0) - lab.now();
    expect(expiry / (24 * 60 * minuteMs)).toBeCloseTo(59, 0);
  });

  describe("while nothing is under way", () => {
    let of: Gateway;
    beforeEach(async () => {
      of = gateway(lab.azure.contoso, { rotateEveryDays: 30, expireAfterDays: 90 });
      await lab.rotate([of]);
      lab.advance(31 * minuteMs);
      await lab.resume();
    });

    /** One tick: its calls of storage, and what it tells. */
    async function tick(configured: readonly Gateway[] | "unknown" = [of]) {
      const calls: string[] = [];
      const noted = (call: string, name: string): string => {
        calls.push(`${call} ${name}`);
        return name;
      };
      const blobs: BlobStore = {
        read: (name) => lab.blobs.read(noted("read", name)),
        write: (name, ...rest) => lab.blobs.write(noted("write", name), ...rest),
        remove: (name, ...rest) => lab.blobs.remove(noted("remove", name), ...rest),
        list: (prefix) => lab.blobs.list(noted("list", prefix)),
      };
      const { idle } = await lab.resume({ blobs }, {}, { blobs });
      const { storage } = lab.invocation({}, {}, { blobs });
      const read = await readBacklog(storage, configured === "unknown" ? undefined : configured, idle);
      if (read.kind !== "read") throw new Error(read.kind);
      return { calls, backlog: read.backlog };
    }
    const lookAtMarkers = "list open/";
    const [idleCalls, freshCalls] = [
      [lookAtMarkers],
      [lookAtMarkers, "list gateways/", `write ${backlogName}`],
    ];
    const listedAgain = [lookAtMarkers, "list gateways/", `remove ${backlogName}`, `write ${backlogName}`];

    test("one call, and the same is told, until the hour is over", async () => {
      const fresh = await tick();
      expect(fresh).toEqual({
        calls: freshCalls,
        backlog: { gateways: 1, overdue: 0, unfinished: 0, earliestExpiry: expect.any(Date) },
      });
      lab.advance(59 * minuteMs);
      expect(await tick()).toEqual({ calls: idleCalls, backlog: fresh.backlog });
      lab.advance(2 * minuteMs);
      expect(await tick()).toEqual({ calls: listedAgain, backlog: fresh.backlog });
    });

    test("a gateway becomes overdue → it is told with the next tick, not an hour later", async () => {
      lab.advance((30 * 24 * 60 - 45) * minuteMs);
      expect((await tick()).backlog.overdue).toBe(0);
      lab.advance(10 * minuteMs);
      expect((await tick()).calls).toEqual(idleCalls);
      lab.advance(5 * minuteMs);
      expect(await tick()).toMatchObject({ calls: listedAgain, backlog: { overdue: 1 } });
      expect(await tick()).toMatchObject({ calls: idleCalls, backlog: { overdue: 1 } });
    });

    test.each([
      ["one more gateway", () => [of, runtime(lab.azure.contoso)], { gateways: 2, overdue: 1 }],
      ["a broken configuration", () => "unknown" as const, { gateways: 1, overdue: 0 }],
    ])("%s → the journals are looked at", async (_, configured, expected) => {
      await tick();
      expect(await tick(configured())).toMatchObject({ calls: listedAgain, backlog: expected });
    });

    test("a run is begun → the journals are looked at until it is over, and once more then", async () => {
      lab.advance(30 * 24 * 60 * minuteMs);
      expect((await tick()).backlog.overdue).toBe(1);
      await lab.rotate([of]);
      expect(await tick()).toMatchObject({ backlog: { overdue: 0 } });
      expect(lab.blobs.snapshot().blobs.map(({ name }) => name)).not.toContain(backlogName);
      lab.advance(31 * minuteMs);
      expect((await tick()).calls).toContain("list gateways/");
      expect(await tick()).toMatchObject({ calls: freshCalls, backlog: { overdue: 0 } });
    });

    test("a rotation is unfinished that no run knows of → it is told as long as it is there", async () => {
      await tick();
      const journal = await lab.blobs.read(journalName(of));
      if (journal.kind !== "found") throw new Error(journal.kind);
      await lab.blobs.remove(backlogName);
      const unchanged = { kind: "unchanged", etag: journal.etag } as const;
      await lab.blobs.write(journalName(of), journal.text, unchanged, { unfinished: "1" });
      for (const _ of [1, 2])
        expect(await tick()).toMatchObject({
          calls: [lookAtMarkers, "list gateways/"],
          backlog: { unfinished: 1 },
        });
    });

    test("what is kept is to hold for longer than an hour → the journals are looked at", async () => {
      await tick();
      const { idle } = await lab.resume();
      const kept = JSON.parse(idle?.kept?.["backlog"] ?? "");
      await lab.blobs.remove(backlogName);
      const backlog = JSON.stringify({ ...kept, until: kept.until + minuteMs });
      await lab.blobs.write(backlogName, "", { kind: "absent" }, { backlog });
      expect((await tick()).calls).toEqual(listedAgain);
    });

    test.each(["", "null", "{}", '{"of":"x","until":"tomorrow"}'])(
      "what is kept is %j → the journals are looked at",
      async (backlog) => {
        await lab.blobs.write(backlogName, "", { kind: "absent" }, { backlog });
        expect(await tick()).toMatchObject({ calls: listedAgain, backlog: { gateways: 1 } });
      },
    );

    test("it cannot be kept → the tick tells what it has read all the same", async () => {
      const down: BlobStore = {
        ...lab.blobs,
        write: async () => ({
          kind: "refused",
          problem: { code: "forbidden", message: "No.", transient: false },
        }),
      };
      const { idle } = await lab.resume();
      const { storage } = lab.invocation({}, {}, { blobs: down });
      expect(await readBacklog(storage, [of], idle)).toMatchObject({ backlog: { gateways: 1 } });
    });
  });
});
