import { describe, expect, test } from "vitest";
import type { Gateway } from "../../src/domain/target.ts";
import { callsOfRotation } from "../../src/rotation/context.ts";
import { driveRun } from "../../src/runs/driveRun.ts";
import { driveUntilSettled } from "../../src/runs/driveUntilSettled.ts";
import { logName } from "../../src/runs/log.ts";
import { markerName, readMarker } from "../../src/runs/marker.ts";
import { createRun } from "../../src/runs/runs.ts";
import { callTimeoutMs, runNamed } from "../simulation/engine/engineRunners.ts";
import type { Call } from "../simulation/models/call.ts";
import type { Delivery } from "../simulation/models/delivery.ts";
import { claimedRun } from "../support/claimedRun.ts";
import { namedGateway, runtime } from "../support/gateways.ts";
import { type Deliver, forbidden, minuteMs, refusingCall, startStoredRuns } from "./storedRuns.ts";

const answerMs = 200_000;
/** For so long another runner's claim holds that it does not renew. */
const claimMs = 4 * callTimeoutMs;
const a = namedGateway("a");
const b = namedGateway("b");
const throttled: Delivery = { kind: "refused", code: "throttled" };

/** Delivers the first `count` calls that match so. */
function first(count: number, matches: (call: Call) => boolean, delivery: Delivery): Deliver {
  let left = count;
  return (call) => (matches(call) && --left >= 0 ? delivery : undefined);
}
/** Refuses all but the first of these calls. */
function afterFirst(matches: (call: Call) => boolean): Deliver {
  let seen = 0;
  return (call) => (matches(call) && ++seen > 1 ? forbidden : undefined);
}
const isRegenerate = ({ operation }: Call) => operation === "regenerate";
const isRead = (name: string) => (call: Call) => call.operation === "readBlob" && call.subject === name;

function start(gateways: readonly Gateway[] = [a]) {
  const lab = startStoredRuns(gateways);
  return {
    ...lab,
    /**
     * A caller that asks for the run and waits for the answer.
     *
     * @param change `offMs`: this machine's clock less storage's; `leftMs`: until the invocation's deadline
     */
    async ask(deliver?: Deliver, change: { offMs?: number; yieldMs?: number; leftMs?: number } = {}) {
      const { services, storage, terms } = lab.invocation(deliver, change.offMs);
      const begun = services.clock.now();
      const run = { ...runNamed("run"), driver: services.newGuid() };
      const created = await createRun(storage, run, () => gateways);
      if (created.kind !== "created" && created.kind !== "found") throw new Error(created.kind);
      const deadline = change.leftMs === undefined ? terms.deadline : begun + change.leftMs;
      const yieldAt = begun + (change.yieldMs ?? answerMs);
      const stayed = await driveUntilSettled(services, storage, created, { ...terms, deadline, yieldAt });
      return {
        tookMs: services.clock.now() - begun,
        answer:
          stayed.kind === "found"
            ? stayed.run.gateways.map(({ state, outcome }) => `${state} ${outcome?.kind}`)
            : { rotated: stayed.rotated, code: stayed.problem.code },
      };
    },
    drives: async () => {
      const marker = await readMarker(lab.invocation().storage, "run");
      return marker.kind === "held" ? marker.held.marker.drives : marker.kind;
    },
  };
}

describe("a caller waits for a new run", () => {
  test("no obstacle → it is rotated, and the answer shows that at once", async () => {
    const lab = start();
    const { answer, tookMs } = await lab.clock.run(lab.ask());
    expect(answer).toEqual(["unverified rotated"]);
    expect(tookMs).toBe(0);
  });

  test("a gateway fails and may pass → it is driven again after its pause, before the answer is due", async () => {
    const lab = start();
    const { answer, tookMs } = await lab.clock.run(lab.ask(first(4, isRegenerate, throttled)));
    expect(answer).toEqual(["unverified rotated"]);
    expect(tookMs).toBeGreaterThanOrEqual(2 * callTimeoutMs);
    expect(await lab.drives()).toBe(1);
  });

  test("its pause ends too late for a rotation → answered at once", async () => {
    const lab = start();
    const { answer, tookMs } = await lab.clock.run(
      lab.ask(first(4, isRegenerate, throttled), { yieldMs: minuteMs }),
    );
    expect(answer).toEqual(["open failed"]);
    expect(tookMs).toBeLessThan(10_000);
  });

  test("a two-key gateway has to wait half an hour → answered after its first pause, as open", async () => {
    const lab = start([runtime()]);
    const { answer, tookMs } = await lab.clock.run(lab.ask(first(1, isRegenerate, { kind: "lostBefore" })));
    expect(answer).toEqual(["open failed"]);
    expect(tookMs).toBe(2 * callTimeoutMs);
  });

  test.each<[string, (call: Call) => boolean]>([
    ["to regenerate", isRegenerate],
    ["to read the vault", ({ operation }) => operation === "readLatest"],
    ["to write to the vault", ({ operation }) => operation === "write"],
  ])("a role %s is missing → answered at once: the caller has to assign it", async (_, isRefused) => {
    const lab = start();
    const { answer, tookMs } = await lab.clock.run(
      lab.ask((call) => (isRefused(call) ? forbidden : undefined)),
    );
    expect(answer).toEqual(["open failed"]);
    expect(tookMs).toBeLessThan(1000);
    expect(lab.regenerated()).toBe(0);
  });

  test.each<[string, Deliver]>([
    ["the log cannot be written", refusingCall("appendBlob", logName("run"))],
    ["the log can be read once only", afterFirst(isRead(logName("run")))],
    ["the marker cannot be read", first(2, isRead(markerName("run")), forbidden)],
  ])("%s after the rotation → failed, with the number of rotated gateways", async (_, deliver) => {
    const lab = start();
    let isRotated = false;
    const { answer } = await lab.clock.run(
      lab.ask((call) => {
        isRotated ||= isRegenerate(call);
        return isRotated ? deliver(call) : undefined;
      }),
    );
    expect(answer).toEqual({ rotated: 1, code: "forbidden" });
  });

  test("the log cannot be read after the second drive → both drives' gateways are counted", async () => {
    const lab = start([a, b]);
    const isOfA = ({ subject }: Call) => subject.includes("/a");
    let sent = 0;
    const failsFirst = first(4, (call) => isRegenerate(call) && isOfA(call), throttled);
    const { answer } = await lab.clock.run(
      lab.ask((call) => {
        const delivery = failsFirst(call);
        if (isRegenerate(call) && delivery === undefined) sent += 1;
        return sent === 2 ? (delivery ?? refusingCall("readBlob", logName("run"))(call)) : delivery;
      }),
    );
    expect(lab.regenerated()).toBe(2);
    expect(answer).toEqual({ rotated: 2, code: "forbidden" });
  });

  test("storage stops answering after the rotation → failed before the answer is due", async () => {
    const lab = start();
    let isRotated = false;
    const { answer, tookMs } = await lab.clock.run(
      lab.ask(
        (call) => {
          isRotated ||= isRegenerate(call);
          return isRotated && isRead(markerName("run"))(call) ? { kind: "lostBefore" } : undefined;
        },
        { yieldMs: 5000 },
      ),
    );
    expect(answer).toEqual({ rotated: 1, code: "connection-lost" });
    expect(tookMs).toBeLessThanOrEqual(5000);
  });
});

describe("a caller waits for a run that another runner has begun", () => {
  test("that runner ends it after ten seconds → answered then, and nothing is rotated twice", async () => {
    const lab = start();
    const { services, storage, terms } = lab.invocation();
    const claimed = await lab.clock.run(claimedRun(storage, runNamed("run"), [a]));
    const other = lab.clock.sleep(10_000).then(() => driveRun(services, storage, claimed, terms));
    const [{ answer, tookMs }] = await lab.clock.run(Promise.all([lab.ask(), other]));
    expect(answer).toEqual(["unverified rotated"]);
    expect(tookMs).toBeLessThanOrEqual(11_000);
    expect(lab.regenerated()).toBe(1);
  });

  test.each([-10, 0, 10])(
    "that runner has died, and our clock is %i minutes off → driven once its claim has run out",
    async (minutes) => {
      const lab = start();
      await lab.create("run", [a]);
      const { answer, tookMs } = await lab.clock.run(lab.ask(undefined, { offMs: minutes * minuteMs }));
      expect(answer).toEqual(["unverified rotated"]);
      expect(tookMs).toBeGreaterThanOrEqual(claimMs);
      expect(tookMs).toBeLessThanOrEqual(claimMs + 2000);
    },
  );

  test("that runner has died, and two callers wait → one drives the run, and both see that", async () => {
    const lab = start();
    await lab.create("run", [a]);
    const drivers = new Set<string>();
    const lost: Delivery = { kind: "lostBefore" };
    /** The first regenerate gets lost, so that the rotation takes a second. */
    const watched = (caller: string): Deliver => {
      const deliver = first(1, isRegenerate, lost);
      return (call) => {
        if (call.operation === "readLatest") drivers.add(caller);
        return deliver(call);
      };
    };
    const both = await lab.clock.run(Promise.all(["one", "two"].map((caller) => lab.ask(watched(caller)))));
    expect(both.map(({ answer }) => answer)).toEqual([["unverified rotated"], ["unverified rotated"]]);
    expect(lab.regenerated()).toBe(1);
    expect(drivers.size).toBe(1);
  });

  test("its claim lasts longer than the answer may take → answered when the answer is due, as open", async () => {
    const lab = start();
    await lab.create("run", [a]);
    const { answer, tookMs } = await lab.clock.run(lab.ask(undefined, { yieldMs: minuteMs }));
    expect(answer).toEqual(["open undefined"]);
    expect(tookMs).toBe(minuteMs);
    expect(lab.regenerated()).toBe(0);
  });

  test("no time for a rotation is left, but that runner works on the run → waits until it is done", async () => {
    const lab = start();
    await lab.create("run", [a]);
    const { answer, tookMs } = await lab.clock.run(
      lab.ask(undefined, { yieldMs: minuteMs, leftMs: callsOfRotation * callTimeoutMs }),
    );
    expect(answer).toEqual(["open undefined"]);
    expect(tookMs).toBe(minuteMs);
  });

  test.each([
    [0, "answered at once, as open", ["open undefined"]],
    [2000, "rotated", ["unverified rotated"]],
  ])("that runner has died, and %i ms are left to begin a rotation → %s", async (leftMs, _, expected) => {
    const lab = start();
    await lab.create("run", [a]);
    await lab.wait(claimMs + 1000);
    const { answer, tookMs } = await lab.clock.run(
      lab.ask(undefined, { leftMs: callsOfRotation * callTimeoutMs + leftMs }),
    );
    expect(answer).toEqual(expected);
    expect(tookMs).toBe(leftMs === 0 ? 0 : 1000);
  });

  test("an operator removed its marker → answered at once, since no runner continues it", async () => {
    const lab = start();
    await lab.create("run", [a]);
    const removed = lab.clock.sleep(10_000).then(() => lab.blobs().remove(markerName("run")));
    const [{ answer, tookMs }] = await lab.clock.run(Promise.all([lab.ask(), removed]));
    expect(answer).toEqual(["open undefined"]);
    expect(tookMs).toBeLessThanOrEqual(11_000);
  });

  test("the log cannot be read once the run is claimed → failed, and no key is touched", async () => {
    const lab = start();
    await lab.create("run", [a]);
    let isClaimed = false;
    const { answer } = await lab.clock.run(
      lab.ask((call) => {
        isClaimed ||= call.operation === "writeBlob" && call.subject === markerName("run");
        return isClaimed ? refusingCall("readBlob", logName("run"))(call) : undefined;
      }),
    );
    expect(answer).toEqual({ rotated: 0, code: "forbidden" });
    expect(lab.regenerated()).toBe(0);
  });
});
