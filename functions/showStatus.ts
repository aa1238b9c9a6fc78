import { app } from "@azure/functions";

/** Returns the page for operators. */
app.http("showStatus", {
  methods: ["GET"],
  route: "status",
  // The page holds no data: it asks for the function key, and calls the other routes with it.
  authLevel: "anonymous",
  handler: async () => (await import("../src/http/statusPage.ts")).statusPage(),
});
