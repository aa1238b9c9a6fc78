import { createServer } from "node:https";
import { tmpdir } from "node:os";
import tls from "node:tls";
import { expect, test } from "vitest";
import { createServerCertificate } from "../local/certificate.ts";
import { listen } from "../local/listen.ts";
import { createApp } from "../src/app.ts";
import { gatewayTarget } from "./support/gateways.ts";
import { azure, useAzure } from "./support/useAzure.ts";

useAzure();

const ofStorage = "c0000000-0000-4000-8000-000000000001";
const ofOthers = "c0000000-0000-4000-8000-000000000002";

test.each([
  ["of its own", { AzureWebJobsStorage__clientId: ofStorage }, ofStorage],
  ["of all other calls", {}, ofOthers],
])("the storage account's identity is the one %s → its token is sent there", async (_, own, clientId) => {
  const certificate = await createServerCertificate();
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), certificate.cert]);
  const server = createServer(certificate, (_request, response) => {
    response.writeHead(403).end();
  });
  const port = await listen(server);
  const before = azure.simulator.requests.length;
  const app = createApp({
    env: {
      ROTATION_SCHEDULE: "0 0 3 * * *",
      DEPLOYMENT_NAME: "test",
      KEY_VAULT_URL: azure.contoso,
      RESOURCE_MANAGER_URL: azure.simulator.resourceManagerUrl,
      GATEWAYS: JSON.stringify({ gateways: [{ resourceId: gatewayTarget.resourceId }] }),
      AZURE_CLIENT_ID: ofOthers,
      AzureWebJobsStorage__blobServiceUri: `https://127.0.0.1:${port}`,
      ...own,
    },
    directory: tmpdir(),
  });
  const invocation = { invocationId: "1", log() {}, warn() {}, error() {} };
  await expect(app.rotateOnSchedule(invocation, { isPastDue: false })).rejects.toThrow("Blob Storage");
  server.closeAllConnections();
  server.close();

  const tokens = azure.simulator.requests
    .slice(before)
    .filter(({ service }) => service === "identity")
    .map(({ url }) => new URL(url, "https://identity.example").searchParams);
  expect(tokens.map((query) => [query.get("resource"), query.get("client_id")])).toEqual([
    ["https://storage.azure.com", clientId],
  ]);
});
