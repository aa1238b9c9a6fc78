import { expect, test } from "vitest";
import { failure } from "../../src/rotation/failures.ts";
import { RunFailedError } from "../../src/runs/rotateAll.ts";
import { gateway } from "../support/gateways.ts";

const one = failure("secretSoftDeleted", gateway());
const failed = [one];
const counts = "2 rotated, 3 skipped, 4 left to resumeRotations";
const result = { rotated: 2, skipped: 3, pending: 4, failed };

test("a gateway failed → the message counts the gateways, and has its code, effect and next action", () => {
  const { message } = new RunFailedError(result);
  const [head, name, code, next, ...more] = message.split("\n");
  expect(head).toBe(`1 of 10 gateways failed (${counts}).`);
  expect(name).toBe(`- gatewaytest (${gateway().target.resourceId})`);
  expect(code).toBe(`  secret-soft-deleted, key unchanged: ${one.message}`);
  expect(next).toBe(`  Next: ${one.nextAction}`);
  expect(more).toEqual([]);
});

test("a run's blob failed, and no gateway did → the message names the blob", () => {
  const { message } = new RunFailedError({ ...result, failed: [] }, ["Run a: unreadable."]);
  expect(message).toBe(
    `None of 9 gateways failed (${counts}), but some runs could not be read, written or continued.\n- Run a: unreadable.`,
  );
});

test("a run's blob and a gateway failed → the message names the gateway, then the blob", () => {
  const { message } = new RunFailedError(result, ["Run a: unreadable."]);
  expect(message).toMatch(/^1 of 10 gateways failed .*\n- gatewaytest .*\n.*\n.*\n- Run a: unreadable\.$/);
});
