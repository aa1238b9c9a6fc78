// @peculiar/x509 uses decorators, which need this polyfill to be loaded first.
import "reflect-metadata";
import { KeyObject, randomUUID, webcrypto } from "node:crypto";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its private key in PEM, as `https.createServer` takes them. */
export interface ServerCertificate {
  /** Clients must trust it, by `NODE_EXTRA_CA_CERTS` or `tls.setDefaultCACertificates`. */
  readonly cert: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

/**
 * Makes a key and a self-signed certificate for `127.0.0.1` and a host name. It is valid from an hour ago (clocks can
 * differ) until 24 hours from now.
 */
export async function createServerCertificate(name = "localhost"): Promise<ServerCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Unique: a client that trusts several certificates finds the right one by its subject.
    name: `CN=${name}, OU=${randomUUID()}`,
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: name },
        { type: "ip", value: "127.0.0.1" },
      ]),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ format: "pem", type: "pkcs8" });
  return { cert: certificate.toString("pem"), key: key.toString() };
}
