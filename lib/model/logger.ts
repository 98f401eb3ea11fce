/**
 * Logging as a port. One structured line an event: a past-tense name and
 * fields; never payloads or credentials. `lib/telemetry` has the real one.
 *
 * @module
 */

/** Values of a log line; units are part of their names. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined>
>;

/** `error`: someone must act. `warn`: degraded. `info`: lifecycle. `debug`: off in production. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** For the audit (`audit.ts`): written whatever the least severity is. */
  audit(event: string, fields?: LogFields): void;
}

/** Severities, least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export type LogLevel = typeof LOG_LEVELS[number];

/** A logger whose least severity may be changed while it is used. */
export interface LeveledLogger extends Logger {
  /** Least severity that is written. */
  level: LogLevel;
}

/** A logger that writes nothing, for tests and benches. */
export const SILENT_LOGGER: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  audit() {},
};
