import { expect, test } from "vitest";
import { supplyCoreModule } from "../../local/functionsHost/coreModule.ts";

test("the timer → on the schedule of the app setting, and never at start: that would rotate at every deployment", async () => {
  const { functions } = supplyCoreModule(() => {});
  await import("../../functions/main.ts");
  expect([...functions.keys()]).toEqual(["rotateOnSchedule"]);
  const bindings = Object.values(functions.get("rotateOnSchedule")?.metadata.bindings ?? {});
  expect(bindings.filter(({ direction }) => direction === "in")).toMatchObject([
    { type: "timerTrigger", schedule: "%ROTATION_SCHEDULE%", runOnStartup: false },
  ]);
});
