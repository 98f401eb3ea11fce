/**
 * The certificate and the key of a server that speaks HTTPS, checked before
 * anything listens: a server that starts and then refuses every client is hard
 * to understand.
 *
 * @module
 */

import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { RunError } from "./failures.ts";
import { readOptionFile } from "./named_files.ts";

/** Certificates and key as texts, in PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** Where they are, and when. */
export interface TlsSources {
  readonly certPath: string;
  readonly keyPath: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Reads and checks both.
 *
 * @throws {RunError} If one is missing or is none, if they do not belong
 * together, or if the certificate is not valid now.
 */
export function readTlsPair({ certPath, keyPath, nowMs }: TlsSources): TlsPair {
  const cert = readOptionFile(certPath, "the certificate ");
  const key = readOptionFile(keyPath, "the key ");
  const certificate = parseCertificate(cert, certPath);
  const privateKey = parseKey(key, keyPath);
  if (!belongTogether(certificate, privateKey)) {
    throw new RunError(
      `Cannot use the certificate "${certPath}": the key "${keyPath}" belongs ` +
        "to another certificate",
    );
  }
  const startsAtMs = Date.parse(certificate.validFrom);
  const expiresAtMs = Date.parse(certificate.validTo);
  if (nowMs >= expiresAtMs) {
    throw new RunError(
      `Cannot use the certificate "${certPath}": it expired on ` +
        dayOf(expiresAtMs),
    );
  }
  if (nowMs < startsAtMs) {
    throw new RunError(
      `Cannot use the certificate "${certPath}": it is not valid before ` +
        dayOf(startsAtMs),
    );
  }
  return { cert, key };
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new RunError(
      `Cannot use the certificate "${path}": it is not a PEM certificate`,
      { cause: error },
    );
  }
}

function parseKey(pem: string, path: string): KeyObject {
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new RunError(
      `Cannot use the key "${path}": it is protected by a password`,
    );
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new RunError(
      `Cannot use the key "${path}": it is not a PEM private key`,
      {
        cause: error,
      },
    );
  }
}

function belongTogether(
  certificate: X509Certificate,
  key: KeyObject,
): boolean {
  return encodeKey(createPublicKey(key)) === encodeKey(certificate.publicKey);
}

function encodeKey(key: KeyObject): string {
  return key.export({ type: "spki", format: "der" }).toString("base64");
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
