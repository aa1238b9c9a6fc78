// @peculiar/x509 uses decorators, which need this polyfill to be loaded first.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key in PEM, as `https.createServer` takes them. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority for the servers of the local machine. Its private key is only in this process's memory. */
export interface CertificateAuthority {
  /** The certificate that clients must trust, by `NODE_EXTRA_CA_CERTS` or `tls.setDefaultCACertificates`. */
  readonly certificatePem: string;
  /**
   * Makes a key and a certificate for `127.0.0.1` and a host name, valid as long as the authority.
   *
   * @param name default: `localhost`
   */
  issueServerCertificate(name?: string): Promise<ServerCertificate>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

/** Makes an authority that is valid from an hour ago (clocks can differ) until 24 hours from now. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const issuer = "CN=gateway-key-rotation local machine";
  const validity = {
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
  };
  const authority = await newKeys();

  const issue = (subject: string, publicKey: webcrypto.CryptoKey, extensions: Extension[]) =>
    X509CertificateGenerator.create({
      subject,
      issuer,
      ...validity,
      publicKey,
      signingKey: authority.privateKey,
      signingAlgorithm: algorithm,
      extensions,
    });

  const certificate = await issue(issuer, authority.publicKey, [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    // Distinguishes the authorities of several simulators, which all have the same name.
    await SubjectKeyIdentifierExtension.create(authority.publicKey),
  ]);

  return {
    certificatePem: certificate.toString("pem"),
    async issueServerCertificate(name = "localhost") {
      const server = await newKeys();
      const issued = await issue(`CN=${name}`, server.publicKey, [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          { type: "dns", value: name },
          { type: "ip", value: "127.0.0.1" },
        ]),
        await AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ]);
      return { cert: issued.toString("pem"), key: await privateKeyPem(server.privateKey) };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}
