import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import tls from "node:tls";
import { expect, test } from "vitest";
import { createCertificateAuthority, type ServerCertificate } from "../../local/certificates.ts";
import { listen } from "../../local/listen.ts";

/** How a client that trusts these authorities judges the server: `trusted`, or OpenSSL's code. */
async function judgement(server: ServerCertificate, host: string, authorities: readonly string[]) {
  const listening = tls.createServer({ ...server }, (socket) => socket.end()).on("tlsClientError", () => {});
  const port = await listen(listening);
  const socket = tls.connect({ host: "127.0.0.1", port, servername: host, ca: [...authorities] });
  try {
    await once(socket, "secureConnect");
    return "trusted";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    socket.destroy();
    listening.close();
  }
}

test("a server with a certificate of the authority → trusted only as localhost and 127.0.0.1", async () => {
  const authority = await createCertificateAuthority();
  const server = await authority.issueServerCertificate();
  const trust = [authority.certificatePem];
  expect(await judgement(server, "localhost", trust)).toBe("trusted");
  expect(new X509Certificate(server.cert).checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(await judgement(server, "contoso.vault.azure.net", trust)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
});

test("two authorities with the same name → each is trusted only for its own servers", async () => {
  const [one, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  const server = await one.issueServerCertificate();
  expect(await judgement(server, "localhost", [other.certificatePem])).toBe(
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  );
  expect(await judgement(server, "localhost", [other.certificatePem, one.certificatePem])).toBe("trusted");
});

test("a certificate → valid now and for a day; only the authority's may sign others", async () => {
  const authority = await createCertificateAuthority();
  const issuer = new X509Certificate(authority.certificatePem);
  const beforeInSeconds = Math.floor(Date.now() / 1000);
  const server = new X509Certificate((await authority.issueServerCertificate()).cert);
  const dayMs = 86_400_000;
  expect(server.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(server.validToDate.getTime()).toBeGreaterThanOrEqual(beforeInSeconds * 1000 + dayMs);
  expect(server.validToDate.getTime()).toBeLessThanOrEqual(Date.now() + dayMs);
  expect([issuer.ca, server.ca]).toEqual([true, false]);
  expect(server.checkIssued(issuer) && server.verify(issuer.publicKey)).toBe(true);
});
