import { app } from "@azure/functions";

/** Continues every rotation that a crash, a deadline or an outage left unfinished. */
app.timer("resumeRotations", {
  // A literal where the setting is unset: the host does not start a timer on an unset %NAME%.
  schedule: process.env["RESUME_SCHEDULE"] ? "%RESUME_SCHEDULE%" : "0 */5 * * * *",
  runOnStartup: false,
  handler: async (_timer, context) => (await import("./application.ts")).resumeRotations(context),
});
