/**
 * How a session knows its server and logs in: TLS, binding the login to the
 * server's certificate, and plain words for what fails.
 *
 * @module
 */

import type { Client, ClientConfig } from "pg";
import type { DatabaseAddress } from "../../lib/store/database_url.ts";

const BOUND = "SCRAM-SHA-256-PLUS";

const NOT_BOUND =
  "channel_binding=require: the server does not bind the login to its " +
  "certificate";

/** What the driver is told of TLS. */
export function tlsOptions(
  { tls, channelBinding }: DatabaseAddress,
  rootCertificates: string | undefined,
): Pick<ClientConfig, "ssl" | "sslnegotiation" | "enableChannelBinding"> {
  return {
    ssl: tls === "disable" ? false : {
      rejectUnauthorized: tls !== "require",
      ca: rootCertificates,
      ...tls === "verify-ca" && { checkServerIdentity: () => undefined },
    },
    // Else the environment would have a say.
    sslnegotiation: "postgres",
    enableChannelBinding: tls !== "disable" && channelBinding !== "disable",
  };
}

/**
 * Has a session that is to be opened fail unless its login is bound to the
 * certificate; before it has sent a password.
 */
export function requireBinding({ connection: wire }: Client): void {
  let isBound = false;
  const check = () => {
    if (!isBound) wire.stream.destroy(new Error(NOT_BOUND));
  };
  wire.on("authenticationSASL", ({ mechanisms }) => {
    isBound = mechanisms.includes(BOUND);
    check();
  });
  wire.on("authenticationCleartextPassword", check);
  wire.on("authenticationMD5Password", check);
  wire.on("authenticationOk", check);
}

/** Why a session could not be opened, in words that say what to do. */
export function explainFailure(
  message: string,
  code: unknown,
  { tls, rootCertificateFile }: DatabaseAddress,
): string {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `the server's certificate is for another host: ${message}`;
  }
  if (typeof code === "string" && NOT_TRUSTED.test(code)) {
    return `the server's certificate is not trusted: ${message}` +
      (rootCertificateFile === undefined
        ? "; sslrootcert names a file with certificates to trust"
        : `; certificates are trusted that are in ${rootCertificateFile}`);
  }
  if (message.includes("client password must be")) {
    return "the server asks for a password: set QUIPU_DB_PASSWORD";
  }
  if (tls === "disable" && message.endsWith("no encryption")) {
    return `${message}: with sslmode=require or stricter, TLS is used`;
  }
  return message;
}

/** What Node calls chains of certificates that do not end where they should. */
const NOT_TRUSTED = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/;
