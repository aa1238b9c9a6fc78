import { describe, expect, test } from "vitest";
import { parseOrigin, parseVaultUrl } from "../../src/config/urls.ts";

describe("an origin", () => {
  test.each([
    ["https://management.azure.com", "https://management.azure.com"],
    ["HTTPS://Management.Azure.COM/", "https://management.azure.com"],
    ["https://management.azure.com:443", "https://management.azure.com"],
    ["https://127.0.0.1:20442", "https://127.0.0.1:20442"],
  ])("origin %s → %s", (text, url) => {
    expect(parseOrigin(text)).toMatchObject({ kind: "value", value: { url } });
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
    expect(parseOrigin(text)).toMatchObject({ kind: "value", value: { loopback } });
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
    "http://127.0.0.1:20443",
  ])("vault %s → refused", (text) => {
    expect(parseVaultUrl(text)).toMatchObject({ kind: "problem" });
  });

  test("a secret's identifier → refused, and the remedy is its vault", () => {
    expect(parseVaultUrl("https://contoso.vault.azure.net/secrets/a/b")).toMatchObject({
      kind: "problem",
      remedy: 'write "https://contoso.vault.azure.net"',
    });
  });

  test.each(["https://contoso.managedhsm.azure.net", "https://contoso.managedhsm.azure.net/keys/a"])(
    "%s, a Managed HSM → refused, since it has no secrets",
    (text) => {
      const parsed = parseVaultUrl(text);
      expect(parsed.kind === "problem" && parsed.rule).toContain("has no secrets");
    },
  );
});
