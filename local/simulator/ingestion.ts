import { type Answer, json, parsedBody, type Service } from "./exchange.ts";

/** Application Insights' ingestion endpoint. It adds items to `telemetry` in the order of arrival. */
export function createIngestion(telemetry: unknown[]): Service {
  return {
    name: "ingestion",
    handle(request) {
      if (request.method !== "POST" || request.url.pathname !== "/v2.1/track") {
        return refused(404, "There is nothing at this path.");
      }
      const items = parsedBody(request);
      if (!Array.isArray(items)) return refused(400, "The body is not a JSON array of telemetry items.");
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
