import { expect, test, vi } from "vitest";
import { supplyCoreModule } from "../../local/functionsHost/functionApp.ts";

const { functions } = supplyCoreModule(() => {});
await import("../../functions/main.ts");

const triggersOf = (trigger: string) =>
  [...functions].flatMap(([name, { metadata }]) =>
    Object.values(metadata.bindings).flatMap((binding) =>
      binding.type === trigger ? [{ ...binding, name }] : [],
    ),
  );

test("the timers → registered on their schedules, and never run at start", () => {
  expect(triggersOf("timerTrigger")).toMatchObject([
    // Never at start, since that would rotate at every deployment. A literal where RESUME_SCHEDULE is unset: an unset
    // %NAME% fails in the host.
    { name: "resumeRotations", schedule: "0 */5 * * * *", runOnStartup: false },
    { name: "rotateOnSchedule", schedule: "%ROTATION_SCHEDULE%", runOnStartup: false },
  ]);
});

test("the HTTP routes → each requires a function key, except the page that asks for it", () => {
  expect(triggersOf("httpTrigger")).toMatchObject([
    { name: "listGateways", methods: ["GET"], route: "gateways", authLevel: "function" },
    { name: "readRotation", methods: ["GET"], route: "rotations/{runId}", authLevel: "function" },
    { name: "requestRotation", methods: ["POST"], route: "rotations", authLevel: "function" },
    { name: "showStatus", methods: ["GET"], route: "status", authLevel: "anonymous" },
  ]);
});

test("a tick that the host fires late → the application gets the host's timer", async () => {
  const received: unknown[] = [];
  const rotateOnSchedule = (...args: readonly unknown[]) => received.push(...args);
  vi.doMock("../../functions/application.ts", () => ({ rotateOnSchedule }));
  const [context, timer] = [{ invocationId: "1" }, { isPastDue: true }];
  await functions.get("rotateOnSchedule")?.callback(timer, context);
  expect(received).toEqual([context, timer]);
});
