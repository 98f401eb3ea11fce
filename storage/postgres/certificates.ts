/**
 * Certificates that a URL names.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { QuipuError } from "../../lib/model/errors.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";

/**
 * Certificates that a URL names, PEM.
 *
 * @throws {QuipuError} `invalidRequest`
 */
export async function readCertificates(
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    const text = decodeUtf8(await Deno.readFile(path));
    // What is no certificate would be passed over, and nobody be trusted.
    new X509Certificate(text);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuipuError(
      "invalidRequest",
      `Cannot read sslrootcert: ${reason}`,
    );
  }
}
