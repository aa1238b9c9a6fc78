import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from "@azure/functions";
import { loadApp } from "./loadApp.ts";

/** Lists the configured gateways: state, last rotation, when the next one is due, secret version. */
export async function listGateways(
  request: HttpRequest,
  context: InvocationContext,
): Promise<HttpResponseInit> {
  const { listGateways } = await loadApp();
  return listGateways(request, context);
}

app.http("listGateways", {
  methods: ["GET"],
  route: "gateways",
  authLevel: "function",
  handler: listGateways,
});
