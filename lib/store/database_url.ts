/**
 * The URL that names a store in PostgreSQL:
 *
 *   postgres://user@a,b:5433,c/database?schema=quipu&sslmode=verify-full
 *
 * It has no password: every user of the machine sees command lines, and the
 * log and `/info/options` show what the server was started with.
 *
 * Parameters: `schema` (default `quipu`), `notify` (`auto`, the default, `on`
 * or `off`: behind a pooler nobody can listen), and those of libpq that say how a server is known: `sslmode` (default: `verify-full`, on
 * loopback addresses `disable`), `sslrootcert`, a file with certificates to
 * trust, and `channel_binding`. They mean what they mean to libpq, but
 * `prefer` and `allow`, which go on without TLS when somebody in between says
 * that there is none, are refused.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { isLoopbackHost } from "../text/hosts.ts";

/** One server of PostgreSQL that may be the primary. */
export interface DatabaseHost {
  /** Name or address; a directory of sockets begins with `/`. */
  readonly host: string;
  readonly port: number;
}

/** The parts of the URL of a store in PostgreSQL. */
export interface DatabaseAddress {
  /** At least one. */
  readonly hosts: readonly DatabaseHost[];
  readonly database: string;
  readonly user: string;
  readonly schema: string;
  readonly tls: typeof TLS_MODES[number];
  /** Certificates to trust; undefined: those of the system. */
  readonly rootCertificateFile: string | undefined;
  /** Whether the login is bound to the server's certificate. */
  readonly channelBinding: typeof CHANNEL_BINDINGS[number];
  /** Whether commits are told by NOTIFY; `auto`: unless there is a pooler. */
  readonly notify: typeof NOTIFY_MODES[number];
}

const URL_START = /^postgres(?:ql)?:\/\//;
const DEFAULT_PORT = 5432;
const HOSTS_MAX = 16;
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const PARAMETERS = [
  ...["schema", "notify", "sslmode", "sslrootcert", "channel_binding"],
  ...["target_session_attrs", "host"],
];
const TLS_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
const NOTIFY_MODES = ["auto", "on", "off"] as const;
const CHANNEL_BINDINGS = ["prefer", "disable", "require"] as const;

/** Whether a value of `--db` names a store in PostgreSQL, not a directory. */
export function isDatabaseUrl(text: string): boolean {
  return URL_START.test(text);
}

/**
 * Reads the URL of a store.
 *
 * @throws {QuipuError} `invalidRequest`; the message has nothing of a password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const match =
    /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
      .exec(text);
  if (match === null) {
    throw wrong("expected postgres://USER@HOST[,HOST…]/DATABASE");
  }
  const [, login = "", hostList = "", path = "", query = ""] = match;
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw wrong(
        `unknown parameter "${name}"; known: ${PARAMETERS.join(", ")}`,
      );
    }
  }
  if (login.includes(":")) {
    throw wrong("a password is not part of it: set QUIPU_DB_PASSWORD");
  }
  const user = decode(login);
  const database = decode(path);
  if (user === "") throw wrong("the user is missing");
  if (database === "") throw wrong("the name of the database is missing");
  const hosts = parseHostList(parameters.get("host") ?? hostList);
  const schema = parameters.get("schema") ?? "quipu";
  if (!SCHEMA.test(schema)) {
    throw wrong("a schema has small letters, digits and _, 63 at most");
  }
  const target = parameters.get("target_session_attrs") ?? "primary";
  if (target !== "primary" && target !== "read-write") {
    throw wrong("the primary is asked: target_session_attrs is primary");
  }
  return {
    hosts,
    database,
    user,
    schema,
    ...parseTls(parameters, hosts),
    notify: oneOf(NOTIFY_MODES, "notify", parameters.get("notify") ?? "auto"),
  };
}

/** How the server is known, as libpq has it. */
function parseTls(
  parameters: URLSearchParams,
  hosts: readonly DatabaseHost[],
): Pick<DatabaseAddress, "tls" | "rootCertificateFile" | "channelBinding"> {
  const isLocal = hosts.every(({ host }) =>
    host.startsWith("/") || isLoopbackHost(host)
  );
  const sslmode = parameters.get("sslmode") ??
    (isLocal ? "disable" : "verify-full");
  if (sslmode === "prefer" || sslmode === "allow") {
    throw wrong(
      `sslmode=${sslmode} may go on without TLS: take disable, or require ` +
        "and stricter",
    );
  }
  const mode = oneOf(TLS_MODES, "sslmode", sslmode);
  const rootText = parameters.get("sslrootcert") ?? "system";
  const rootCertificateFile = rootText === "system" ? undefined : rootText;
  if (mode === "verify-ca" && rootCertificateFile === undefined) {
    throw wrong(
      "sslmode=verify-ca needs sslrootcert: anyone has a certificate of an " +
        "authority that the system trusts",
    );
  }
  const channelBinding = oneOf(
    CHANNEL_BINDINGS,
    "channel_binding",
    parameters.get("channel_binding") ?? "prefer",
  );
  if (channelBinding === "require" && mode === "disable") {
    throw wrong("channel_binding=require needs TLS: set sslmode");
  }
  return {
    // As in libpq: certificates to trust are there to be compared with.
    tls: mode === "require" && rootCertificateFile !== undefined
      ? "verify-ca"
      : mode,
    rootCertificateFile,
    channelBinding,
  };
}

function oneOf<Word extends string>(
  words: readonly Word[],
  name: string,
  value: string,
): Word {
  const word = words.find((word) => word === value);
  if (word === undefined) throw wrong(`${name} is ${words.join(", ")}`);
  return word;
}

function parseHostList(text: string): DatabaseHost[] {
  const hosts = text.split(",").map((part): DatabaseHost => {
    if (part.startsWith("/")) return { host: part, port: DEFAULT_PORT };
    const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(part);
    const [, host = "", portText] = match ?? [];
    const port = portText === undefined ? DEFAULT_PORT : Number(portText);
    if (host === "" || port < 1 || port > 65_535) {
      throw wrong("expected HOST or HOST:PORT, with commas between them");
    }
    return { host: host.replace(/^\[|\]$/g, ""), port };
  });
  if (hosts.length > HOSTS_MAX) throw wrong(`at most ${HOSTS_MAX} hosts`);
  return hosts;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("malformed percent-encoding");
  }
}

function wrong(why: string): QuipuError {
  return new QuipuError("invalidRequest", `Wrong URL of a database: ${why}`);
}
