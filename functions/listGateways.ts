import { app } from "@azure/functions";

/** Lists the configured gateways: state, last rotation, when the next one is due, secret version. */
app.http("listGateways", {
  methods: ["GET"],
  route: "gateways",
  authLevel: "function",
  handler: async (request, context) => (await import("./application.ts")).listGateways(request, context),
});
