import type { Services } from "./services.ts";

/** The addresses of a machine's services, one line each. */
export function describeAddresses({ simulator, settings }: Services): string {
  const storage = /BlobEndpoint=([^;]+)/.exec(settings["AzureWebJobsStorage"] ?? "")?.[1] ?? "";
  const vaults = Object.entries(simulator.vaultUrls).map(([name, url]) => ["Key Vault", `${url} (${name})`]);
  const addresses = [
    ["Resource Manager", simulator.resourceManagerUrl],
    ...vaults,
    ["Blob storage", storage],
    ["CA certificate", settings["NODE_EXTRA_CA_CERTS"] ?? ""],
  ];
  return addresses.map(([what = "", where]) => `${what.padEnd(18)}${where}`).join("\n");
}
