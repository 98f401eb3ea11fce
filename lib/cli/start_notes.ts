/**
 * What the start of a server says: the log to machines, and to a person at a
 * terminal a banner with where the server is, how to log in, and what is open
 * to whom.
 *
 * @module
 */

import type { Logger } from "../model/logger.ts";
import { escapeControls } from "../telemetry/escape_controls.ts";
import type { DefaultUsersReport } from "../users/default_users.ts";
import { isLoopbackHost } from "../text/hosts.ts";
import {
  changedOptions,
  type ResolvedOptions,
} from "./options/resolve_options.ts";
import type { OptionValues } from "./options/options.ts";

/** Logs what runs, and each option that does not have its default. */
export function logStart(
  logger: Logger,
  start: { readonly version: string; readonly options: ResolvedOptions },
): void {
  logger.info("program.started", {
    version: start.version,
    deno: Deno.version.deno,
    system: `${Deno.build.os}-${Deno.build.arch}`,
    processId: Deno.pid,
  });
  for (const { flag, value, origin } of changedOptions(start.options)) {
    logger.info("option.set", { option: flag, value, origin });
  }
}

/** Logs an error that nobody handled: a bug. */
export function logBug(logger: Logger, error: unknown): void {
  logger.error("program.bugMet", {
    error: error instanceof Error
      ? error.stack ?? error.message
      : String(error),
  });
}

/** How a host and a port are written together: `[::1]:2113`. */
export function addressOf(
  place: { readonly host: string; readonly port: number },
): string {
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  return `${host}:${place.port}`;
}

/**
 * Warns of published passwords, and shows generated ones this once: on standard
 * output, because logs are kept and sent elsewhere.
 */
export async function announceDefaultUsers(
  defaultUsers: Promise<DefaultUsersReport>,
  outputs: { readonly logger: Logger; print(text: string): void },
): Promise<void> {
  const { logger, print } = outputs;
  try {
    const { generated, withDefaultPassword, isAdminPasswordUnused } =
      await defaultUsers;
    if (isAdminPasswordUnused) {
      logger.warn("user.adminPasswordUnused", {
        reason: "QUIPU_ADMIN_PASSWORD counts for a new store alone, and this " +
          "one has an administrator; replace a password with quipu user " +
          "reset-password admin",
      });
    }
    for (const login of withDefaultPassword) {
      logger.warn("user.hasDefaultPassword", { login });
    }
    for (const { login, password } of generated) {
      logger.info("user.passwordGenerated", { login });
      print(`Password of ${login}, shown only now: ${password}\n`);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error("user.defaultsNotMade", { reason });
  }
}

/** What the banner tells of, besides what options say. */
export interface StartFacts extends
  Pick<
    OptionValues,
    | "directory"
    | "isInMemory"
    | "isReadOnly"
    | "host"
    | "tlsCertificate"
    | "publicUrl"
    | "trustedProxies"
  > {
  readonly version: string;
  /** The one that the server has. */
  readonly port: number;
  readonly defaultUsers: DefaultUsersReport;
  /** What may be done without a login to streams without an access list. */
  readonly anonymous: { readonly reads: boolean; readonly writes: boolean };
}

const WILDCARD_HOSTS = ["0.0.0.0", "::", "[::]"];
const BOLD = "\x1b[1m";
const YELLOW = "\x1b[33m";
const RESET = "\x1b[0m";

/** The banner as text, ending in an empty line. */
export function startBanner(facts: StartFacts, hasColours: boolean): string {
  const styled = (style: string, text: string) =>
    hasColours ? `${style}${text}${RESET}` : text;
  const rows: readonly (readonly [string, string])[] = [
    ["Store", storeOf(facts)],
    ["Web", webAddressOf(facts)],
    ["Login", loginOf(facts)],
    ["Reached", reachOf(facts)],
  ];
  return [
    "",
    styled(BOLD, `Quipu ${facts.version}`),
    ...rows.map(([label, text]) =>
      `  ${styled(BOLD, label.padEnd(7))}  ${escapeControls(text)}`
    ),
    ...warningsOf(facts).map((text) => styled(YELLOW, `  ! ${text}`)),
    "",
    "",
  ].join("\n");
}

function storeOf({ directory, isInMemory, isReadOnly }: StartFacts): string {
  if (isInMemory) return "in memory: gone when the server stops";
  return isReadOnly ? `${directory}, read-only` : directory;
}

function webAddressOf(
  { host, port, tlsCertificate, publicUrl }: StartFacts,
): string {
  if (publicUrl !== undefined) return `${publicUrl.replace(/\/$/, "")}/web`;
  const name = WILDCARD_HOSTS.includes(host) ? "localhost" : host;
  const scheme = tlsCertificate === undefined ? "http" : "https";
  return `${scheme}://${addressOf({ host: name, port })}/web`;
}

function loginOf({ defaultUsers }: StartFacts): string {
  const { generated, withDefaultPassword } = defaultUsers;
  if (withDefaultPassword.includes("admin")) {
    return "admin with the published password changeit, from this machine only";
  }
  return generated.some(({ login }) => login === "admin")
    ? "admin; the password is printed once, on standard output"
    : "admin, or any other user of the store";
}

function reachOf(facts: StartFacts): string {
  const { host, port, publicUrl } = facts;
  const own = isLoopbackHost(host)
    ? "from this machine only"
    : WILDCARD_HOSTS.includes(host)
    ? `from every network of this machine, on port ${port}`
    : `from the network, at ${addressOf({ host, port })}`;
  return publicUrl === undefined ? own : `${own}; by proxy at ${publicUrl}`;
}

/** What is open beyond this machine and perhaps should not be. */
function warningsOf(facts: StartFacts): string[] {
  const { host, tlsCertificate, publicUrl, trustedProxies } = facts;
  const { anonymous } = facts;
  const isProxied = publicUrl !== undefined || trustedProxies !== undefined;
  const isLocal = isLoopbackHost(host);
  const warnings: string[] = [];
  const isPlainPublicly = publicUrl?.toLowerCase().startsWith("http:") ?? false;
  if (
    isPlainPublicly || tlsCertificate === undefined && !isLocal && !isProxied
  ) {
    warnings.push(
      "Plain HTTP: others on the network can read passwords and events. Use " +
        "--tls-cert, or a proxy that speaks TLS.",
    );
  }
  const rights = [
    ...(anonymous.reads ? ["read"] : []),
    ...(anonymous.writes ? ["write"] : []),
  ];
  if (rights.length > 0 && (!isLocal || isProxied)) {
    warnings.push(
      `Open streams: anyone who reaches the server can ${
        rights.join(" and ")
      } streams without an access list. $settings can close them.`,
    );
  }
  return warnings;
}
