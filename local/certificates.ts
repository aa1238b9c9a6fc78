import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utcTime,
  utf8String,
} from "./der.ts";

/** What `https.createServer` takes, in PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority for the servers of the local machine. Its private key lives in this process's memory alone. */
export interface CertificateAuthority {
  /** What clients must trust: `NODE_EXTRA_CA_CERTS`, or `tls.setDefaultCACertificates`. */
  readonly certificatePem: string;
  /** A new key and a certificate for `localhost` and `127.0.0.1`, valid as long as the authority's. */
  issueServerCertificate(): ServerCertificate;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Makes an authority that is valid for a day (and was an hour ago, for clocks that disagree). Written out in
 * DER, since Node.js makes keys and signatures but no certificates.
 */
export function createCertificateAuthority(): CertificateAuthority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const issuer: Issuer = {
    name: "gateway-key-rotation local machine",
    privateKey,
    keyId: keyIdOf(publicKey),
    notBefore: new Date(now - hourMs),
    notAfter: new Date(now + dayMs),
  };
  return {
    certificatePem: issue(issuer, issuer.name, publicKey, authorityExtensions(issuer.keyId)),
    issueServerCertificate() {
      const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return {
        cert: issue(issuer, "localhost", server.publicKey, serverExtensions(issuer.keyId)),
        key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

interface Issuer {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly keyId: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** RFC 5280 §4.1: the certificate as issued, in PEM. */
function issue(issuer: Issuer, subject: string, publicKey: KeyObject, extensions: readonly Buffer[]): string {
  const version3 = explicit(0, integer(Buffer.from([2])));
  const content = sequence(
    version3,
    integer(serialNumber()),
    ecdsaWithSha256,
    commonName(issuer.name),
    sequence(utcTime(issuer.notBefore), utcTime(issuer.notAfter)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions)),
  );
  const signature = sign("sha256", content, issuer.privateKey);
  return pem(sequence(content, ecdsaWithSha256, bitString(signature)));
}

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

/** Positive and never shorter: the first octet is between 0x40 and 0x7f. */
function serialNumber(): Uint8Array {
  const octets = randomBytes(16);
  octets.writeUInt8((octets.readUInt8(0) & 0x3f) | 0x40, 0);
  return octets;
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8String(name))));
}

/** Tells apart the authorities of several simulators, which all bear the same name. */
function keyIdOf(publicKey: KeyObject): Buffer {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

function authorityExtensions(keyId: Uint8Array): readonly Buffer[] {
  const keyCertSign = Buffer.from([0b0000_0100]);
  return [
    extension("2.5.29.19", sequence(boolean(true)), "critical"), // basicConstraints: an authority
    extension("2.5.29.15", bitString(keyCertSign, 2), "critical"), // keyUsage
    extension("2.5.29.14", octetString(keyId)), // subjectKeyIdentifier
  ];
}

function serverExtensions(issuerKeyId: Uint8Array): readonly Buffer[] {
  const digitalSignature = Buffer.from([0b1000_0000]);
  const serverAuth = objectIdentifier("1.3.6.1.5.5.7.3.1");
  const dnsName = implicit(2, Buffer.from("localhost", "ascii"));
  const ipAddress = implicit(7, Buffer.from([127, 0, 0, 1]));
  return [
    extension("2.5.29.19", sequence(), "critical"), // basicConstraints: no authority
    extension("2.5.29.15", bitString(digitalSignature, 7), "critical"), // keyUsage
    extension("2.5.29.37", sequence(serverAuth)), // extKeyUsage
    extension("2.5.29.17", sequence(dnsName, ipAddress)), // subjectAltName
    extension("2.5.29.35", sequence(implicit(0, issuerKeyId))), // authorityKeyIdentifier
  ];
}

function extension(id: string, value: Buffer, critical?: "critical"): Buffer {
  return sequence(
    objectIdentifier(id),
    ...(critical === undefined ? [] : [boolean(true)]),
    octetString(value),
  );
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
