import { app } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Returns the state of a run, gateway by gateway. */
app.http("readRotation", {
  methods: ["GET"],
  route: "rotations/{runId}",
  authLevel: "function",
  handler: async (request, context) => (await loadApp()).readRotation(request, context),
});
