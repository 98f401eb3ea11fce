/**
 * The options of the program: one row each. Flags, environment variables, keys
 * of the configuration file, usage texts, defaults and types all come from
 * these rows; adding an option is adding one.
 *
 * From the flag `log-level` follow `--log-level`, the variable
 * `QUIPU_LOG_LEVEL` and the file key `log-level`, so there is one name to learn.
 *
 * @module
 */

import { LIMIT_OPTIONS } from "./limit_options.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

interface RowBase {
  /** Name on the command line and in the file, in kebab case. */
  readonly flag: string;
  /** Heading under which usage texts list it; absent where one command has it. */
  readonly group?:
    | "Storage"
    | "Network"
    | "Security"
    | "Projections"
    | "Limits"
    | "Logging"
    | "Configuration";
  /** What it does, without a final period. */
  readonly help: string;
  /** Flag of an option that must not be given together with this one. */
  readonly excludes?: string;
  /** Flag of an option that must be given together with this one. */
  readonly needs?: string;
}

/** A switch, off by default: `--flag`, `--flag=true`, `--flag=false`, `--no-flag`. */
export interface BooleanRow extends RowBase {
  readonly kind: "boolean";
}

/** A whole number from `least` to `most`. */
export interface IntegerRow extends RowBase {
  readonly kind: "integer";
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

/** A number of bytes from `least` to `most`; a unit may follow: `256MiB`. */
export interface BytesRow extends RowBase {
  readonly kind: "bytes";
  readonly default: number;
  readonly least: number;
  readonly most: number;
}

/** One of a few words. */
export interface ChoiceRow extends RowBase {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** Text that is not empty and has no control characters. */
export interface TextRow extends RowBase {
  readonly kind: "text";
  /** Which texts it takes; default: all. */
  readonly form?: TextForm;
  /** Whether the flag may be given again, which adds to the list. */
  readonly isRepeatable?: boolean;
  /** Absent: there is no value unless one is given. */
  readonly default?: string;
  /** Stands for the value in usage texts, such as `DIR`. */
  readonly valueName: string;
}

/**
 * Text that nobody else may read: it has no flag, because every user of the
 * machine sees command lines, and is never shown.
 */
export interface SecretRow extends RowBase {
  readonly kind: "secret";
}

/** A form that a text must have. */
export type TextForm =
  /** `http://host[:port][/path]`, or with `https`. */
  | "url"
  /** The same, with commas between them. */
  | "urls"
  /** Addresses and ranges of addresses, with commas between them. */
  | "ipRanges"
  /** `host[:port]`, with commas between them. */
  | "hosts"
  /** `scheme://host[:port]`, with commas between them; or `*`, or `none`. */
  | "origins";

/** What is known of one option. */
export type OptionRow =
  | BooleanRow
  | IntegerRow
  | BytesRow
  | ChoiceRow
  | TextRow
  | SecretRow;

/** All options by the names that the code has for them. */
export const OPTIONS = {
  directory: {
    flag: "db",
    group: "Storage",
    kind: "text",
    valueName: "DIR",
    default: "./data",
    help: "Directory of the store, created if it is missing; or the URL of " +
      "one in PostgreSQL: postgres://USER@HOST/DATABASE",
  },
  databasePassword: {
    flag: "db-password",
    group: "Storage",
    kind: "secret",
    help: "Password for PostgreSQL",
  },
  consistency: {
    flag: "consistency",
    group: "Storage",
    kind: "choice",
    choices: ["strict", "bounded", "primary"],
    default: "strict",
    help: "What reads from PostgreSQL know: all that was acknowledged " +
      "before, all but the last 100 ms, or what the primary says",
  },
  durability: {
    flag: "durability",
    group: "Storage",
    kind: "choice",
    choices: ["standbys", "local"],
    default: "standbys",
    help: "Whether PostgreSQL must have synchronous standbys; with local, " +
      "what is acknowledged is lost with the primary's disk",
  },
  isInMemory: {
    flag: "mem-db",
    group: "Storage",
    kind: "boolean",
    excludes: "db",
    help: "Keep everything in memory; it is gone when the server stops",
  },
  isReadOnly: {
    flag: "read-only",
    group: "Storage",
    kind: "boolean",
    excludes: "mem-db",
    help: "Serve the undamaged part of a store and write nothing",
  },
  segmentSizeBytes: {
    flag: "segment-size",
    group: "Storage",
    kind: "bytes",
    default: 256 * MIB,
    least: 1 * MIB,
    most: 4 * GIB - 1,
    help: "Size at which a log file is sealed and the next one starts",
  },
  scavengeHistoryDays: {
    flag: "scavenge-history-max-age",
    group: "Storage",
    kind: "integer",
    default: 30,
    least: 1,
    most: 36_500,
    help: "Days for which the history of scavenges is kept",
  },
  host: {
    flag: "host",
    group: "Network",
    kind: "text",
    valueName: "HOST",
    default: "127.0.0.1",
    help: "Address or name to listen on; 0.0.0.0 or :: for every address",
  },
  port: {
    flag: "port",
    group: "Network",
    kind: "integer",
    default: 2113,
    least: 0,
    most: 65_535,
    help: "TCP port to listen on; 0 chooses a free one",
  },
  publicUrl: {
    flag: "public-url",
    group: "Network",
    kind: "text",
    form: "url",
    valueName: "URL",
    help: "Beginning of links; default: the address of the request",
  },
  advertisedUrl: {
    flag: "advertise",
    group: "Network",
    kind: "text",
    form: "url",
    valueName: "URL",
    help: "Where other servers of a shared store reach this one",
  },
  trustedProxies: {
    flag: "trusted-proxy",
    group: "Network",
    kind: "text",
    form: "ipRanges",
    valueName: "LIST",
    help: "Addresses or ranges whose X-Forwarded-* headers count; default: " +
      "loopback",
  },
  allowedHosts: {
    flag: "allowed-host",
    group: "Network",
    kind: "text",
    form: "hosts",
    valueName: "HOST",
    isRepeatable: true,
    help: "Host to answer for besides loopback and --public-url; may be " +
      "repeated. Default: any, unless the server listens on loopback",
  },
  tlsCertificate: {
    flag: "tls-cert",
    group: "Network",
    kind: "text",
    valueName: "FILE",
    needs: "tls-key",
    help: "Certificates, PEM, the server's own first; turns on HTTPS",
  },
  tlsKey: {
    flag: "tls-key",
    group: "Network",
    kind: "text",
    valueName: "FILE",
    needs: "tls-cert",
    help: "Private key of the certificate, PEM, without a password",
  },
  reasonPhrases: {
    flag: "reason-phrases",
    group: "Network",
    kind: "boolean",
    help: "Send the original's reason phrases; slower, and without HTTP/2",
  },
  adminPassword: {
    flag: "admin-password",
    group: "Security",
    kind: "secret",
    help: "Password of the user admin in a new store",
  },
  isTrustedAuthEnabled: {
    flag: "enable-trusted-auth",
    group: "Security",
    kind: "boolean",
    needs: "trusted-proxy",
    help: "Accept the login that a trusted proxy sends in ES-TrustedAuth",
  },
  corsOrigins: {
    flag: "cors-origin",
    group: "Security",
    kind: "text",
    form: "origins",
    valueName: "LIST",
    help: "Origins whose pages may read and write; * for all, none for " +
      "none; default: all may read, none may write",
  },
  areMetricsPublic: {
    flag: "public-metrics",
    group: "Security",
    kind: "boolean",
    help: "Let everyone read /metrics, not only operators",
  },
  runProjections: {
    flag: "run-projections",
    group: "Projections",
    kind: "choice",
    choices: ["none", "system", "all"],
    default: "all",
    help: "Which projections run: none, those whose name starts with $, or all",
  },
  startsStandardProjections: {
    flag: "start-standard-projections",
    group: "Projections",
    kind: "boolean",
    help: "Accepted, and without effect: the standard projections always run",
  },
  ...LIMIT_OPTIONS,
  logLevel: {
    flag: "log-level",
    group: "Logging",
    kind: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    help: "Lowest severity that is logged",
  },
  logFormat: {
    flag: "log-format",
    group: "Logging",
    kind: "choice",
    choices: ["text", "json"],
    default: "text",
    help: "How log lines are written to standard error",
  },
  logRequests: {
    flag: "log-requests",
    group: "Logging",
    kind: "boolean",
    help: "Log one line for each request",
  },
  slowRequestMs: {
    flag: "slow-request",
    group: "Logging",
    kind: "integer",
    default: 1000,
    least: 0,
    most: 3_600_000,
    help: "Milliseconds after which a request is logged as slow; 0: never",
  },
  slowSyncMs: {
    flag: "slow-sync",
    group: "Logging",
    kind: "integer",
    default: 500,
    least: 0,
    most: 3_600_000,
    help: "Milliseconds after which a sync or commit is logged; 0: never",
  },
  configFile: {
    flag: "config",
    group: "Configuration",
    kind: "text",
    valueName: "FILE",
    help: "JSON file with options, keyed by flag without the dashes",
  },
} as const satisfies Record<string, OptionRow>;

/** Name of an option in the code. */
export type OptionName = keyof typeof OPTIONS;

/** What the value of a row's option is. */
type ValueOf<Row> = Row extends { kind: "boolean" } ? boolean
  : Row extends { kind: "integer" | "bytes" } ? number
  : Row extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : Row extends { kind: "text"; default: string } ? string
  : string | undefined;

/** The values of some options by their names. */
export type ValuesOf<Rows> = {
  readonly [Name in keyof Rows]: ValueOf<Rows[Name]>;
};

/** The value of every option of the program. */
export type OptionValues = ValuesOf<typeof OPTIONS>;

/** What an option may be. */
export type OptionValue = string | number | boolean | undefined;

/** The value of an option that nobody set. */
export function defaultOf(row: OptionRow): OptionValue {
  if (row.kind === "boolean") return false;
  return "default" in row ? row.default : undefined;
}

/** All option names, in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** First part of the names of all environment variables of the program. */
export const ENVIRONMENT_PREFIX = "QUIPU_";

/** Environment variable of the option with that flag. */
export function environmentNameOf(flag: string): string {
  return ENVIRONMENT_PREFIX + flag.toUpperCase().replaceAll("-", "_");
}
