import { BlobServiceClient } from "@azure/storage-blob";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseOrigin,
  parseResourceManager,
  parseStorageConnectionString,
  parseVaultUrl,
} from "../../src/config/endpoints.ts";

describe("an origin", () => {
  test.each([
    ["https://management.azure.com", "https://management.azure.com"],
    ["HTTPS://Management.Azure.COM/", "https://management.azure.com"],
    ["https://management.azure.com:443", "https://management.azure.com"],
    ["https://127.0.0.1:20442", "https://127.0.0.1:20442"],
  ])("origin %s → %s", (text, origin) => {
    expect(parseOrigin(text)).toMatchObject({ kind: "value", value: { origin } });
  });

  test.each([
    ["http://management.azure.com", 'write "https://management.azure.com"'],
    ["management.azure.com", 'write "https://management.azure.com"'],
    ["https://management.azure.com/subscriptions", 'write "https://management.azure.com"'],
    ["https://management.azure.com?", 'write "https://management.azure.com"'],
    ["https://management.azure.com#", 'write "https://management.azure.com"'],
    ["https://user:word@management.azure.com", "write https:// and the host's name"],
    ["ftp://management.azure.com", 'write "https://management.azure.com"'],
    ["AccountName=a;AccountKey=b", "write https:// and the host's name"],
    ["https://", "write https:// and the host's name"],
    ["https://management.azure.com:99999", "write https:// and the host's name"],
  ])("origin %s → refused: %s", (text, remedy) => {
    expect(parseOrigin(text)).toMatchObject({ kind: "problem", remedy });
  });

  test.each([
    ["https://127.0.0.1:1", true],
    ["https://127.1", true],
    ["https://localhost:1", true],
    ["https://[::1]:1", true],
    ["https://127.0.0.1.example.org", false],
    ["https://localhost.example.org", false],
    ["https://10.0.0.1", false],
  ])("%s is a loopback address → %s", (text, loopback) => {
    expect(parseResourceManager(text)).toMatchObject({ kind: "value", value: { loopback } });
  });
});

describe("a vault's URL", () => {
  test.each([
    ["https://Contoso-Keys.vault.azure.net/", "https://contoso-keys.vault.azure.net"],
    ["https://contoso.vault.azure.cn", "https://contoso.vault.azure.cn"],
    ["https://contoso.vault.usgovcloudapi.net", "https://contoso.vault.usgovcloudapi.net"],
    ["https://localhost:20443", "https://localhost:20443"],
  ])("vault %s → %s", (text, value) => {
    expect(parseVaultUrl(text)).toEqual({ kind: "value", value });
  });

  test.each([
    "https://contoso.example.org",
    "https://vault.azure.net",
    "https://a.b.vault.azure.net",
    "https://evilvault.azure.net",
    "https://contoso.vault.azure.net.example.org",
    "https://contoso.vault.azure.net:8443",
    "https://contoso.privatelink.vaultcore.azure.net",
    "https://9contoso.vault.azure.net",
    "https://con--toso.vault.azure.net",
    "https://ab.vault.azure.net",
    `https://${"a".repeat(25)}.vault.azure.net`,
    "https://contoso.vault.microsoftazure.de",
    "https://contoso.managedhsm.azure.net",
    "https://contoso.managedhsm.azure.net/keys/a",
    "http://127.0.0.1:20443",
  ])("vault %s → refused", (text) => {
    expect(parseVaultUrl(text)).toMatchObject({ kind: "problem" });
  });

  test.each([
    "kv-a",
    "KV-A",
    "https://kv-a.vault.azure.net/secrets/a/b",
    "/subscriptions/5e1f0b6a-0d5c-4b7e-9a35-3f6d1c2b4a58/resourceGroups/adf/providers/Microsoft.KeyVault/vaults/kv-a",
    "/subscriptions/s/resourceGroups/adf/providers/Microsoft.KeyVault/vaults/kv-a/secrets/x",
  ])("%s, a vault's name, secret or resource id → refused, and the remedy is its URL", (text) => {
    const remedy = 'write "https://kv-a.vault.azure.net"';
    expect(parseVaultUrl(text)).toMatchObject({ kind: "problem", remedy });
    expect(parseVaultUrl("https://kv-a.vault.azure.net").kind).toBe("value");
  });
});

const isAccepted = (text: string) => parseStorageConnectionString(text).kind === "value";

function sdkAccepts(text: string): boolean {
  try {
    BlobServiceClient.fromConnectionString(text).getContainerClient("keys");
    return true;
  } catch {
    return false;
  }
}

describe("a storage connection string", () => {
  const key = "AccountKey=a2V5";
  const whole = `DefaultEndpointsProtocol=https;AccountName=contoso;${key};EndpointSuffix=core.windows.net`;

  test.each([
    whole,
    `${whole};BlobEndpoint=https://contoso.blob.core.windows.net/`,
    "BlobEndpoint=https://contoso.blob.core.windows.net;SharedAccessSignature=sv=1&sig=canary",
    "UseDevelopmentStorage=true",
    `DefaultEndpointsProtocol=http;AccountName=a;${key};BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1`,
    `DefaultEndpointsProtocol=http;AccountName=a;${key};BlobEndpoint=http://azurite:10000/a/`,
    `DefaultEndpointsProtocol=http;AccountName=a;${key};BlobEndpoint=http://[::1]:10000/a`,
  ])("%s → accepted", (text) => {
    expect([isAccepted(text), sdkAccepts(text)]).toEqual([true, true]);
  });

  test.each([
    `AccountName=contoso;${key}`,
    `DefaultEndpointsProtocol=https;${key};EndpointSuffix=core.windows.net`,
    `DefaultEndpointsProtocol=https;AccountName=contoso;${key}`,
    whole.replace("https", "ftp"),
    whole.replace("core.windows", "https://core.windows"),
    whole.replace("AccountName=", "AccountName=https://"),
    whole.replace("a2V5", "="),
    "BlobEndpoint=canary;SharedAccessSignature=sig=canary",
    "canary",
  ])("%s → refused, as the SDK refuses it, and nothing of it is shown", (text) => {
    expect([isAccepted(text), sdkAccepts(text)]).toEqual([false, false]);
    const parsed = parseStorageConnectionString(text);
    expect(parsed).toMatchObject({ remedy: expect.stringContaining("copy it again, whole") });
    expect(JSON.stringify(parsed)).not.toContain("canary");
  });

  test.each([
    whole.replace(";AccountName", ";BlobEndpoint=contoso.blob.core.windows.net:443;AccountName"),
    "BlobEndpoint=https:contoso.blob.core.windows.net;SharedAccessSignature=sig=canary",
    "BlobEndpoint=https://contoso.blob.core.windows.net/canary;SharedAccessSignature=sig=x",
    "BlobEndpoint=http://127.0.0.1:10000/a/canary;SharedAccessSignature=sig=x",
    "BlobEndpoint=https://contoso.blob.core.windows.net?sig=canary;SharedAccessSignature=sig=x",
    whole.replace("a2V5", "<canary>"),
    whole.replace("a2V5", "a2V5 a2V5"),
    whole.replace("a2V5", "a2V"),
  ])("%s → refused, although the SDK would begin with it", (text) => {
    const parsed = parseStorageConnectionString(text);
    expect(parsed.kind).toBe("problem");
    expect(sdkAccepts(text)).toBe(true);
    expect(JSON.stringify(parsed)).not.toContain("canary");
  });

  test("any parts in any order → accepted only if the SDK opens a container with them", () => {
    const part = fc.constantFrom(
      "DefaultEndpointsProtocol=https",
      "DefaultEndpointsProtocol=HTTP",
      "DefaultEndpointsProtocol=ftp",
      "AccountName=contoso",
      "AccountName=",
      key,
      "AccountKey=!",
      "EndpointSuffix=core.windows.net",
      "BlobEndpoint=https://contoso.blob.core.windows.net/",
      "BlobEndpoint=http://127.0.0.1:10000/contoso",
      "BlobEndpoint=contoso",
      "BlobEndpoint=contoso:443",
      "EndpointSuffix=https://core.windows.net",
      "AccountName=con toso",
      " SharedAccessSignature=?sv=1&sig=x ",
      "UseDevelopmentStorage=true",
      "DevelopmentStorageProxyUri=http://127.0.0.1",
      "DevelopmentStorageProxyUri=proxy",
      "",
    );
    const nameOf = (text: string) => text.trim().split("=")[0];
    fc.assert(
      fc.property(fc.uniqueArray(part, { maxLength: 7, selector: nameOf }), (parts) => {
        const text = parts.join(";");
        if (isAccepted(text)) expect([text, sdkAccepts(text)]).toEqual([text, true]);
      }),
      { numRuns: 500 },
    );
  });
});
