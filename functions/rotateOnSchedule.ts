import { app } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Rotates every gateway that is due. The invocation fails at its end if a gateway failed. */
app.timer("rotateOnSchedule", {
  schedule: "%ROTATION_SCHEDULE%",
  runOnStartup: false,
  handler: async (timer, context) => (await loadApp()).rotateOnSchedule(context, timer),
});
