import type { Target } from "../../domain/target.ts";
import { type KindRequests, requestJson, usableKey } from "./kindRequests.ts";

const apiVersion = "2015-10-01";

/**
 * A gateway of Data Factory version 1, for which `@azure/arm-datafactory` has no methods. Two formats of its key are
 * in use: `ADF#guid@guid@guid@region#base64` and `DMG@guid@subscription@region@base64`.
 *
 * @see the REST reference "Regenerate a Gateway Key" (2016-07-21): `POST` without a body; the path has the
 * reference's own casing; the header `x-ms-client-request-id` is required
 */
export const gatewayV1: KindRequests = {
  apiVersion,

  async regenerate(client, target, _slot, options) {
    const path = `${pathOf(target)}/regeneratekey?api-version=${apiVersion}`;
    return usableKey(await requestJson(client, "POST", path, options), "key");
  },

  get: (client, { resourceId }, options) =>
    requestJson(client, "GET", `${resourceId}?api-version=${apiVersion}`, options),

  describe: () => "ready",
};

function pathOf({ subscriptionId, resourceGroupName, parentName, name }: Target): string {
  const [subscription, group, factory, gateway] = [subscriptionId, resourceGroupName, parentName, name].map(
    encodeURIComponent,
  );
  return `/subscriptions/${subscription}/resourcegroups/${group}/providers/Microsoft.DataFactory/datafactories/${factory}/gateways/${gateway}`;
}
