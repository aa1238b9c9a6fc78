import { app } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Rotates keys now, or reports what a rotation would do (`dryRun`): for emergencies, and to test a deployment. */
app.http("requestRotation", {
  methods: ["POST"],
  route: "rotations",
  authLevel: "function",
  handler: async (request, context) => (await loadApp()).requestRotation(request, context),
});
