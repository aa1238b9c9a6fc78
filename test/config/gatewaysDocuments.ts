import { readGateways } from "../../src/config/gateways.ts";

export const factories =
  "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers/Microsoft.DataFactory";
export const gateway = `${factories}/datafactories/test/gateways/gatewaytest`;
export const runtime = (name: string, factory = "adf-sales") =>
  `${factories}/factories/${factory}/integrationRuntimes/${name}`;
export const sample = runtime("lab").replace(
  "5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58",
  "00000000-0000-0000-0000-000000000000",
);

export const vaultUrl = "https://contoso.vault.azure.net";
export const surroundings = {
  keyVaultUrl: vaultUrl,
  sampleAllowed: false,
};
export const withoutVault = { ...surroundings, keyVaultUrl: undefined };

type Surroundings = Parameters<typeof readGateways>[2];

export function gatewaysOf(document: object, around: Surroundings = surroundings) {
  const { problems, gateways } = readGateways(JSON.stringify(document), "gateways.json", around);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 2));
  return gateways;
}

export function problemsOf(document: unknown, around: Surroundings = surroundings) {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return readGateways(text, "gateways.json", around).problems;
}

export const pathsOf = (...given: Parameters<typeof problemsOf>) =>
  problemsOf(...given).map(({ path }) => path);
