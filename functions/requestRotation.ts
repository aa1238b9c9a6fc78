import { app } from "@azure/functions";

/** Rotates keys now, or reports what a rotation would do (`dryRun`): for emergencies, and to test a deployment. */
app.http("requestRotation", {
  methods: ["POST"],
  route: "rotations",
  authLevel: "function",
  handler: async (request, context) => (await import("./application.ts")).requestRotation(request, context),
});
