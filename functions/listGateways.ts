import { app } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Lists the configured gateways: state, last rotation, when the next one is due, secret version. */
app.http("listGateways", {
  methods: ["GET"],
  route: "gateways",
  authLevel: "function",
  handler: async (request, context) => (await loadApp()).listGateways(request, context),
});
