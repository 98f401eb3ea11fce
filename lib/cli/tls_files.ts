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
import { readOptionFile } from "./option_file.ts";

/** Certificates and key as texts, in PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Where they are, and what is needed to judge them. */
export interface TlsSources {
  readonly certPath: string;
  readonly keyPath: string;
  readFile(path: string): string;
  readonly nowMs: number;
}

/**
 * Reads and checks both.
 *
 * @throws {RunError} If one is missing or is none, if they do not belong
 * together, or if the certificate is not valid now.
 */
export function readTlsPair(sources: TlsSources): TlsPair {
  const { certPath, keyPath, nowMs } = sources;
  const { readFile } = sources;
  const cert = readOptionFile(certPath, { what: "the certificate", readFile });
  const key = readOptionFile(keyPath, { what: "the key", readFile });
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
  return { cert, key, expiresAtMs };
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
