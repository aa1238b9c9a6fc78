import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Rotates keys now, or reports what a rotation would do (`dryRun`): for emergencies, and to test a deployment. */
export async function requestRotation(
  request: HttpRequest,
  context: InvocationContext,
): Promise<HttpResponseInit> {
  const { requestRotation } = await loadApp();
  return requestRotation(request, context);
}

app.http("requestRotation", {
  methods: ["POST"],
  route: "rotations",
  authLevel: "function",
  handler: requestRotation,
});
