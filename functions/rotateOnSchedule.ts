import { app, type InvocationContext, type Timer } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Rotates every gateway that is due. The invocation fails at its end if a gateway failed. */
export async function rotateOnSchedule(timer: Timer, context: InvocationContext): Promise<void> {
  const { rotateOnSchedule } = await loadApp();
  await rotateOnSchedule(context, timer);
}

app.timer("rotateOnSchedule", {
  schedule: "%ROTATION_SCHEDULE%",
  runOnStartup: false,
  handler: rotateOnSchedule,
});
