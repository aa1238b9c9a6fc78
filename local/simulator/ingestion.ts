import { type Answer, json, parsedBody, type Service } from "./exchange.ts";
import { checkToken } from "./identity.ts";

const audience = "https://monitor.azure.com";

/**
 * Application Insights' ingestion endpoint. It adds items to `telemetry` in the order of arrival. The instrumentation key
 * in the items is enough, but a token that is sent must be right.
 */
export function createIngestion(telemetry: unknown[]): Service {
  return {
    name: "ingestion",
    handle(request) {
      if (request.method !== "POST" || request.url.pathname !== "/v2.1/track")
        return refused(404, "There is nothing at this path.");
      const token = checkToken(request.headers["authorization"], [audience]).kind;
      if (token === "invalid") return refused(401, "The token is invalid or has expired.");
      if (token === "wrongAudience") return refused(403, `The token is not for ${audience}.`);
      const items = parsedBody(request);
      if (!Array.isArray(items)) return refused(400, "The body has no telemetry items in JSON.");
      telemetry.push(...items);
      return json(200, { itemsReceived: items.length, itemsAccepted: items.length, errors: [] });
    },
    failure: (_request, status) => refused(status, "The telemetry was not accepted."),
  };
}

function refused(statusCode: number, message: string): Answer {
  return json(statusCode, {
    itemsReceived: 0,
    itemsAccepted: 0,
    errors: [{ index: 0, statusCode, message }],
  });
}
