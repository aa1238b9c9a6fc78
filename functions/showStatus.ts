import { app, type HttpResponseInit } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Returns the page for operators. */
export async function showStatus(): Promise<HttpResponseInit> {
  const { showStatus } = await loadApp();
  return showStatus();
}

app.http("showStatus", {
  methods: ["GET"],
  route: "status",
  // The page holds no data: it asks for the function key, and calls the other routes with it.
  authLevel: "anonymous",
  handler: showStatus,
});
