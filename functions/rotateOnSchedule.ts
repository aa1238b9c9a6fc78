import { app } from "@azure/functions";

/** Rotates every gateway that is due. The invocation fails at its end if a gateway failed. */
app.timer("rotateOnSchedule", {
  schedule: "%ROTATION_SCHEDULE%",
  runOnStartup: false,
  handler: async (timer, context) => (await import("./application.ts")).rotateOnSchedule(context, timer),
});
