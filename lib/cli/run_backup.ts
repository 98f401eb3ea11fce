/**
 * `quipu backup`: copies a store that no server has open, or that of a server.
 *
 * @module
 */

import { UsageError } from "./options/usage_error.ts";
import type { JobControl } from "../store/maintenance.ts";
import type { BackupReport } from "../store/transfer.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { RunError } from "./run_error.ts";
import type { CommandCall } from "./run_program.ts";
import {
  addressAt,
  authorizationOf,
  firstLineOf,
  httpClientOf,
  readOptionFile,
  saidIn,
  type ServerAccess,
  unreachedReasonOf,
} from "./server_access.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";

/** What is there of a backup already, and what a server answers. */
export type AskForBackup = (
  have: readonly { readonly name: string; readonly crc32: string }[],
) => Promise<{
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many; 0 if that is not known. */
  readonly length: number;
}>;

/** What the command needs of the rest of the program. */
export interface BackupTools {
  /** Copies a store that no process has open. */
  backupDirectory(
    options: { readonly directory: string; readonly target: string },
    control: JobControl,
  ): Promise<BackupReport>;
  /** Keeps what a server sends. */
  receiveDirectory(
    options: { readonly target: string; readonly request: AskForBackup },
    control: JobControl,
  ): Promise<BackupReport>;
  /** Where among dated backups the next one goes; see `nextKeptTarget`. */
  nextKeptTarget(directory: string): Promise<string>;
  /** Removes the oldest of them; see `pruneBackups`. */
  pruneBackups(directory: string, keep: number): Promise<readonly string[]>;
  readFile(path: string): string;
}

/** Runs `quipu backup`. */
export async function runBackup(
  { options, own, operands }: CommandCall<"backup">,
  workplace: Workplace,
  tools: BackupTools,
): Promise<void> {
  const { url, keep } = own;
  if (url !== undefined && options.origins.directory === "flag") {
    throw new UsageError(
      "Options --url and --db exclude each other: a server backs up its own " +
        "store",
    );
  }
  const server = url === undefined
    ? undefined
    : serverAccessOf({ ...own, url }, tools);
  const startedAtMs = workplace.progress.nowMs();
  const target = keep === 0
    ? operands.target
    : await tools.nextKeptTarget(operands.target);
  const report = await workLong(workplace, own, async (control) => {
    if (server === undefined) {
      const directory = directoryOf(options.values);
      return await tools.backupDirectory({ directory, target }, control);
    }
    using client = httpClientOf(server);
    return await tools.receiveDirectory({
      target,
      request: (have) =>
        askServer(server, { client, have, signal: control.signal }),
    }, control);
  });
  const removed = keep === 0
    ? undefined
    : await tools.pruneBackups(operands.target, keep);
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  printResult(workplace, own, {
    json: { target, tookMs: Math.round(tookMs), ...report, removed },
    text: showReport(report, { target, tookMs }) + showRemoved(removed),
  });
}

function showRemoved(removed: readonly string[] | undefined): string {
  return removed === undefined || removed.length === 0
    ? ""
    : `Removed ${showCount(removed.length)} older: ${removed.join(", ")}\n`;
}

function showReport(
  report: BackupReport,
  { target, tookMs }: { readonly target: string; readonly tookMs: number },
): string {
  const { segmentCount, copiedCount, copiedBytes, totalBytes, end } = report;
  return `Backed up ${showCount(segmentCount)} segments with ` +
    `${showBytes(totalBytes)} up to position ${end} to ${target}\n` +
    `Copied ${showCount(copiedCount)} of them, ${showBytes(copiedBytes)} in ` +
    `${showDuration(tookMs)}; the rest were already in the backup\n` +
    timeLine(report.lastCreatedAtUs);
}

/** Says of when the last event is. */
export function timeLine(lastCreatedAtUs: number | undefined): string {
  return lastCreatedAtUs === undefined
    ? "It holds no event\n"
    : `The last event is of ${
      new Date(lastCreatedAtUs / 1000).toISOString()
    }\n`;
}

function serverAccessOf(
  { url, login, passwordFile, tokenFile, caCertFile }:
    & Pick<CommandCall<"backup">["own"], ServerOptionName>
    & { readonly url: string },
  { readFile }: BackupTools,
): ServerAccess {
  if ((passwordFile === undefined) === (tokenFile === undefined)) {
    throw new UsageError("--url needs --password-file or --token-file");
  }
  return {
    url,
    caCertificate: caCertFile === undefined
      ? undefined
      : readOptionFile(caCertFile, readFile),
    credentials: tokenFile === undefined
      ? { login, password: firstLineOf(passwordFile ?? "", readFile) }
      : { token: firstLineOf(tokenFile, readFile) },
  };
}

type ServerOptionName = "login" | "passwordFile" | "tokenFile" | "caCertFile";

async function askServer(
  server: ServerAccess,
  { client, have, signal }: {
    readonly client: Deno.HttpClient | undefined;
    readonly have: readonly { readonly name: string; readonly crc32: string }[];
    readonly signal: AbortSignal;
  },
): ReturnType<AskForBackup> {
  const { credentials } = server;
  const address = addressAt(server, "/admin/backup");
  let response: Response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: {
        "Authorization": authorizationOf(credentials),
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ have }),
      // An answer from elsewhere must not get the password.
      redirect: "error",
      ...(client !== undefined && { client }),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new RunError(`Cannot reach ${address}: ${unreachedReasonOf(error)}`);
  }
  if (response.status !== 200 || response.body === null) {
    const says = saidIn(decodeUtf8Leniently(await response.bytes()));
    const who = "token" in credentials
      ? "the token"
      : `"${credentials.login}" with this password`;
    throw new RunError(
      `${address} answers ${response.status}` +
        (response.status === 401
          ? `: ${who} may not back up`
          : says === ""
          ? ""
          : `: ${says}`),
    );
  }
  return {
    bytes: piecesOf(response.body, signal),
    length: Number(response.headers.get("Content-Length") ?? 0),
  };
}

/** A connection that breaks is no bug. */
async function* piecesOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw new RunError(
      `The server broke off: ${
        unreachedReasonOf(error)
      }; what came whole is kept, run ` +
        `the command again`,
    );
  }
}
