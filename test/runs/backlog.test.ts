import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { BlobStore } from "../../src/domain/blobStore.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { readBacklog } from "../../src/runs/backlog.ts";
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
      const read = await readBacklog(lab.invocation().storage, configured);
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

  test("10,000 gateways or none → one list of the journals, and nothing is written", async () => {
    const calls: string[] = [];
    const blobs: BlobStore = {
      ...lab.blobs,
      write: async (name) => {
        throw new Error(`wrote ${name}`);
      },
      list: (prefix) => {
        calls.push(prefix);
        return lab.blobs.list(prefix);
      },
    };
    const { storage } = lab.invocation({}, {}, { blobs });
    expect(await readBacklog(storage, undefined)).toMatchObject({ backlog: { gateways: 0, overdue: 0 } });
    expect(calls).toEqual(["gateways/"]);
  });

  test("the journals cannot be listed → the tick reports why", async () => {
    const problem = { code: "forbidden", message: "No.", transient: false };
    const blobs: BlobStore = { ...lab.blobs, list: async () => ({ kind: "failed", problem }) };
    const { storage } = lab.invocation({}, {}, { blobs });
    expect(await readBacklog(storage, undefined)).toEqual({ kind: "failed", problem });
  });
});
