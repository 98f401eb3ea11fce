/**
 * The URL that names a store in PostgreSQL:
 *
 *   postgres://user@a,b:5433,c/database?schema=quipu&sslmode=verify-full
 *
 * It has no password: every user of the machine sees command lines, and the
 * log and `/info/options` show what the server was started with.
 *
 * Parameters: `schema` (default `quipu`), `notify` (`on`, the default, or
 * `off`: behind a pooler in transaction mode nobody can listen), `sslmode`
 * (`disable`, `require`, `verify-full`; default: `verify-full`, on loopback
 * addresses `disable`) and `sslrootcert`, a file with certificates to trust.
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

/** What the URL of a store in PostgreSQL says. */
export interface DatabaseAddress {
  /** At least one. */
  readonly hosts: readonly DatabaseHost[];
  readonly database: string;
  readonly user: string;
  readonly schema: string;
  readonly tls: "disable" | "require" | "verify-full";
  readonly rootCertificateFile: string | undefined;
  /** Whether commits are told by NOTIFY. */
  readonly isNotified: boolean;
}

const URL_START = /^postgres(?:ql)?:\/\//;
const DEFAULT_PORT = 5432;
const HOSTS_MAX = 16;
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const PARAMETERS = ["schema", "notify", "sslmode", "sslrootcert", "host"];
const TLS_MODES = ["disable", "require", "verify-full"] as const;

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
  const isLocal = hosts.every(({ host }) =>
    host.startsWith("/") || isLoopbackHost(host)
  );
  const sslmode = parameters.get("sslmode") ??
    (isLocal ? "disable" : "verify-full");
  const tls = TLS_MODES.find((mode) => mode === sslmode);
  if (tls === undefined) throw wrong(`sslmode is ${TLS_MODES.join(", ")}`);
  const notify = parameters.get("notify") ?? "on";
  if (notify !== "on" && notify !== "off") throw wrong("notify is on or off");
  return {
    hosts,
    database,
    user,
    schema,
    tls,
    rootCertificateFile: parameters.get("sslrootcert") ?? undefined,
    isNotified: notify === "on",
  };
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
