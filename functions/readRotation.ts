import { app } from "@azure/functions";

/** Returns the state of a run, gateway by gateway. */
app.http("readRotation", {
  methods: ["GET"],
  route: "rotations/{runId}",
  authLevel: "function",
  handler: async (request, context) => (await import("./application.ts")).readRotation(request, context),
});
