/**
 * `quipu backup`: copies a store that no server has open, or that of a server.
 *
 * @module
 */

import { UsageError } from "../config/usage_error.ts";
import type { JobControl } from "../model/maintenance.ts";
import type { BackupReport } from "../model/transfer.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { RunError } from "./run_error.ts";
import type { CommandCall } from "./run_program.ts";
import {
  directoryOf,
  printResult,
  workLong,
  type Workplace,
} from "./workplace.ts";
import { decodeUtf8Leniently, encodeUtf8 } from "../text/utf8.ts";

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
  readFile(path: string): string;
}

/** Runs `quipu backup`. */
export async function runBackup(
  { options, own, operands }: CommandCall<"backup">,
  workplace: Workplace,
  tools: BackupTools,
): Promise<void> {
  const { target } = operands;
  const { url, login, passwordFile } = own;
  if (url !== undefined && options.origins.directory === "flag") {
    throw new UsageError(
      "Options --url and --db exclude each other: a server backs up its own " +
        "store",
    );
  }
  const startedAtMs = workplace.progress.nowMs();
  const report = await workLong(workplace, own, (control) => {
    if (url === undefined) {
      const directory = directoryOf(options.values);
      return tools.backupDirectory({ directory, target }, control);
    }
    const server = {
      url,
      login,
      password: readPassword(passwordFile, tools),
    };
    return tools.receiveDirectory(
      { target, request: (have) => askServer(server, have, control.signal) },
      control,
    );
  });
  const tookMs = workplace.progress.nowMs() - startedAtMs;
  printResult(workplace, own, {
    json: { target, tookMs: Math.round(tookMs), ...report },
    text: showReport(report, { target, tookMs }),
  });
}

function showReport(
  report: BackupReport,
  { target, tookMs }: { readonly target: string; readonly tookMs: number },
): string {
  const { segmentCount, copiedCount, copiedBytes, totalBytes, end } = report;
  return `Backed up ${showCount(segmentCount)} segments with ` +
    `${showBytes(totalBytes)} up to position ${end} to ${target}\n` +
    `Copied ${showCount(copiedCount)} of them, ${showBytes(copiedBytes)} in ` +
    `${showDuration(tookMs)}; the others were there\n` +
    timeLine(report.lastCreatedAtUs);
}

/** Says of when the last event is. */
export function timeLine(lastCreatedAtUs: number): string {
  return lastCreatedAtUs === 0
    ? "It holds no event\n"
    : `The last event is of ${
      new Date(lastCreatedAtUs / 1000).toISOString()
    }\n`;
}

/** The first line of the file. */
function readPassword(
  path: string | undefined,
  { readFile }: BackupTools,
): string {
  if (path === undefined) {
    throw new UsageError("--url needs --password-file");
  }
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    throw new RunError(
      `Cannot read the password in "${path}": ${reasonOf(error)}`,
    );
  }
  return text.split(/\r?\n/)[0] ?? "";
}

interface Server {
  readonly url: string;
  readonly login: string;
  readonly password: string;
}

async function askServer(
  { url, login, password }: Server,
  have: readonly { readonly name: string; readonly crc32: string }[],
  signal: AbortSignal,
): ReturnType<AskForBackup> {
  const address = url.replace(/\/+$/, "") + "/admin/backup";
  const credentials = encodeUtf8(`${login}:${password}`);
  let response: Response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: {
        "Authorization": `Basic ${btoa(String.fromCharCode(...credentials))}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ have }),
      // An answer from elsewhere must not get the password.
      redirect: "error",
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new RunError(`Cannot reach ${address}: ${reasonOf(error)}`);
  }
  if (response.status !== 200 || response.body === null) {
    const text = decodeUtf8Leniently(await response.bytes()).slice(
      0,
      TEXT_LENGTH_MAX,
    );
    const says = text.replaceAll(/[^\x20-\x7e]+/g, " ").trim();
    throw new RunError(
      `${address} answers ${response.status}` +
        (response.status === 401
          ? `: "${login}" with this password may not back up`
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

const TEXT_LENGTH_MAX = 200;

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
        reasonOf(error)
      }; what came whole is kept, run ` +
        `the command again`,
    );
  }
}

/** What the runtime says is "fetch failed"; why is in what caused it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error
    ? reasonOf(error.cause)
    : error.message.replace(/^error sending request for url \(.*?\): /, "");
}
