import * as z from "zod/mini";
import type { Target } from "../../domain/target.ts";
import { requestJson, usableKey } from "./kindRequests.ts";
import type { OneKeyKindRequests } from "./requestsByKind.ts";

const apiVersion = "2015-10-01";

const Resource = z.object({
  properties: z.object({ status: z.string(), registerTime: z.nullish(z.string()) }),
});

/**
 * A gateway of Data Factory version 1, for which `@azure/arm-datafactory` has no methods. Two formats of its key are
 * in use: `ADF#guid@guid@guid@region#base64` and `DMG@guid@subscription@region@base64`.
 *
 * @see the REST reference "Regenerate a Gateway Key" (2016-07-21): `POST` without a body; the path has the
 * reference's own casing; the header `x-ms-client-request-id` is required
 */
export const gatewayV1: OneKeyKindRequests = {
  apiVersion,

  async regenerate(terms, target) {
    const path = `${pathOf(target)}/regeneratekey?api-version=${apiVersion}`;
    return usableKey(await requestJson(terms, "POST", path), "key");
  },

  get: (terms, { resourceId }) => requestJson(terms, "GET", `${resourceId}?api-version=${apiVersion}`),

  describe: () => "ready",

  // As `Get-AzDataFactoryGateway` shows them: status `NeedRegistration`, `Online` or `Offline`, and RegisterTime.
  hostOf(resource) {
    const { status, registerTime } = Resource.parse(resource).properties;
    const at = Date.parse(registerTime ?? "");
    // A service on .NET may write the year 1 for an event that never happened.
    return { status, registeredAt: at > 0 ? new Date(at) : undefined };
  },
};

function pathOf({ subscriptionId, resourceGroupName, parentName, name }: Target): string {
  const [subscription, group, factory, gateway] = [subscriptionId, resourceGroupName, parentName, name].map(
    encodeURIComponent,
  );
  return `/subscriptions/${subscription}/resourcegroups/${group}/providers/Microsoft.DataFactory/datafactories/${factory}/gateways/${gateway}`;
}
