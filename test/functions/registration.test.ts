import { expect, test } from "vitest";
import { supplyCoreModule } from "../../local/functionsHost/coreModule.ts";

test("the timers → on their schedules, and never at start: that would rotate at every deployment", async () => {
  const { functions } = supplyCoreModule(() => {});
  await import("../../functions/main.ts");
  const timers = [...functions].map(([name, { metadata }]) => ({
    ...Object.values(metadata.bindings).find(({ type }) => type === "timerTrigger"),
    name,
  }));
  expect(timers).toMatchObject([
    // A literal where RESUME_SCHEDULE is unset: an unset %NAME% fails in the host.
    { name: "resumeRotations", schedule: "0 */5 * * * *", runOnStartup: false },
    { name: "rotateOnSchedule", schedule: "%ROTATION_SCHEDULE%", runOnStartup: false },
  ]);
});
