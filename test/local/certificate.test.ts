import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import tls from "node:tls";
import { expect, test } from "vitest";
import { createServerCertificate, type ServerCertificate } from "../../local/certificate.ts";
import { listen } from "../../local/listen.ts";

/** How a client that trusts these certificates judges the server: `trusted`, or OpenSSL's code. */
async function judgement(server: ServerCertificate, host: string, trusted: readonly string[]) {
  const listening = tls.createServer({ ...server }, (socket) => socket.end()).on("tlsClientError", () => {});
  const port = await listen(listening);
  const socket = tls.connect({ host: "127.0.0.1", port, servername: host, ca: [...trusted] });
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

test("a server with a certificate → trusted only as localhost and 127.0.0.1", async () => {
  const server = await createServerCertificate();
  expect(await judgement(server, "localhost", [server.cert])).toBe("trusted");
  expect(new X509Certificate(server.cert).checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(await judgement(server, "contoso.vault.azure.net", [server.cert])).toBe(
    "ERR_TLS_CERT_ALTNAME_INVALID",
  );
});

test("two certificates for the same name → each is trusted only for its own server", async () => {
  const [one, other] = await Promise.all([createServerCertificate(), createServerCertificate()]);
  expect(await judgement(one, "localhost", [other.cert])).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(await judgement(one, "localhost", [other.cert, one.cert])).toBe("trusted");
});

test("a certificate → valid now and for a day", async () => {
  const beforeInSeconds = Math.floor(Date.now() / 1000);
  const server = new X509Certificate((await createServerCertificate()).cert);
  const dayMs = 86_400_000;
  expect(server.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(server.validToDate.getTime()).toBeGreaterThanOrEqual(beforeInSeconds * 1000 + dayMs);
  expect(server.validToDate.getTime()).toBeLessThanOrEqual(Date.now() + dayMs);
});
