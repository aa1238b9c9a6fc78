import { BlobServiceClient } from "@azure/storage-blob";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storageConnectionString } from "../../src/config/connectionStrings.ts";

const isAccepted = (text: string) => storageConnectionString.parse(text).kind === "value";

function sdkAccepts(text: string): boolean {
  try {
    BlobServiceClient.fromConnectionString(text);
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
  ])("%s → accepted", (text) => {
    expect([isAccepted(text), sdkAccepts(text)]).toEqual([true, true]);
  });

  test.each([
    [`AccountName=contoso;${key}`, "neither DefaultEndpointsProtocol"],
    [`DefaultEndpointsProtocol=https;${key};EndpointSuffix=core.windows.net`, "AccountName is missing"],
    [`DefaultEndpointsProtocol=https;AccountName=contoso;${key}`, "EndpointSuffix is missing"],
    [whole.replace("https", "ftp"), "DefaultEndpointsProtocol is not https"],
    [whole.replace("a2V5", "="), "AccountKey is not base64"],
    ["BlobEndpoint=canary;SharedAccessSignature=sig=canary", "not a URL"],
    ["canary", "neither DefaultEndpointsProtocol"],
  ])("%s → refused, as the SDK refuses it, and nothing of it is shown", (text, fault) => {
    expect([isAccepted(text), sdkAccepts(text)]).toEqual([false, false]);
    const parsed = storageConnectionString.parse(text);
    expect(parsed).toMatchObject({ remedy: expect.stringContaining(fault) });
    expect(JSON.stringify(parsed)).not.toContain("canary");
  });

  test("any parts in any order → accepted exactly if the SDK accepts them", () => {
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
        expect(isAccepted(text)).toBe(sdkAccepts(text));
      }),
      { numRuns: 500 },
    );
  });
});
