import { describe, expect, test } from "vitest";
import { nextTickOf } from "../../src/config/rotationSchedule.ts";
import type { Gateway } from "../../src/domain/target.ts";
import { readSummaries } from "../../src/journal/journalSummary.ts";
import { backlogOf } from "../../src/runs/gatewayStates.ts";
import { anotherTarget, gateway, runtime } from "../support/gateways.ts";
import { lab, minuteMs, useLab } from "../support/lab.ts";
import { isRegenerate } from "../support/requests.ts";

useLab();

describe("the heartbeat", () => {
  test("journals → how many gateways, overdue, unfinished, and the earliest expiry", async () => {
    const of = gateway(lab.azure.contoso, { rotateEveryDays: 30, expireAfterDays: 90 });
    await lab.rotate([of, runtime(lab.azure.contoso)]);
    lab.inject("resourceManager", { kind: "drop", effect: "applied" }, isRegenerate, Infinity);
    lab.advance(31 * 24 * 60 * minuteMs);
    await lab.rotate([of]);
    const counted = async (configured: readonly Gateway[] | undefined) => {
      const read = await readSummaries(lab.invocation().storage);
      if (read.kind !== "read") throw new Error(read.kind);
      return backlogOf(read, configured, nextTickOf("0 0 * * * *"));
    };
    const backlog = await counted([of, runtime(lab.azure.contoso)]);
    expect(backlog).toMatchObject({ gateways: 2, overdue: 1, unfinished: 1 });
    expect(await counted(undefined)).toEqual(backlog);
    // One that was taken out is looked after as long as it is unfinished, and one that was never rotated is overdue.
    const other = gateway(lab.azure.contoso, { name: "other", target: anotherTarget("other") });
    expect(await counted([runtime(lab.azure.contoso), other])).toEqual({
      gateways: 2,
      overdue: 1,
      unfinished: 1,
      earliestExpiry: undefined,
    });
    const expiry = (backlog.earliestExpiry?.getTime() ?? 0) - lab.now();
    expect(expiry / (24 * 60 * minuteMs)).toBeCloseTo(59, 0);
  });
});
