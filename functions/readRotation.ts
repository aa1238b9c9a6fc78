import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Returns the state of a run, gateway by gateway. */
export async function readRotation(
  request: HttpRequest,
  context: InvocationContext,
): Promise<HttpResponseInit> {
  const { readRotation } = await loadApp();
  return readRotation(request, context);
}

app.http("readRotation", {
  methods: ["GET"],
  route: "rotations/{runId}",
  authLevel: "function",
  handler: readRotation,
});
