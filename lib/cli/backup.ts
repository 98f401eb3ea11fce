/**
 * `quipu backup`: copies a store that no server has open, or that of a server.
 *
 * @module
 */

import { VERSION } from "../runtime/process.ts";
import type { BackupReport } from "../store/transfer.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import { RunError, UsageError } from "./failures.ts";
import { defineTask } from "./offline_work.ts";
import {
  loginPasswordOption,
  openClientWithFiles,
  piecesOf,
  saidIn,
  type ServerClient,
  serverOptions,
} from "./server_client.ts";

const OWN_OPTIONS = {
  ...serverOptions({
    url: "Back up the store of the server at this address",
    groups: "$admins or $backup",
  }),
  passwordFile: loginPasswordOption("password-file"),
  keep: {
    flag: "keep",
    kind: "integer",
    default: 0,
    least: 0,
    most: 10_000,
    help: "Take each backup in a directory of its own in TARGET, and keep " +
      "so many of them; 0: TARGET is the backup",
  },
} as const;

export const BACKUP = defineTask({
  name: "backup",
  summary: "Copy the store to a directory, or a running server's with --url",
  details: "Copies only the files that the directory lacks, and resumes an " +
    "interrupted backup. Every copied record is checked. The previous " +
    "backup stays usable until the new one is complete.",
  own: OWN_OPTIONS,
  operands: {
    target: { label: "TARGET", help: "Directory to keep the backup in" },
  },
  online: "quipu backup TARGET --url URL, or GET /admin/backup",
}, async (call) => {
  const { values, origins, operands, parts: { clock } } = call;
  const directories = await import(
    "../../storage/maintenance/backup/directories.ts"
  );
  if (values.url !== undefined && origins.directory === "flag") {
    throw new UsageError(
      "Options --url and --db exclude each other: a server backs up its own " +
        "store",
    );
  }
  using client = values.url === undefined
    ? undefined
    : await openClientWithFiles({ ...values, url: values.url });
  const { keep } = values;
  const target = keep === 0
    ? operands.target
    : await directories.nextKeptDirectory(
      operands.target,
      clock.nowUs() / 1000,
    );
  const { report, tookMs } = await call.work(async (control) => {
    if (client !== undefined) {
      return await directories.receiveDirectory({
        target,
        request: (have) => askForBackup(client, have, control.signal),
      }, control);
    }
    const { directory } = call;
    return await directories.backupDirectory(
      { directory, target, version: VERSION, clock },
      control,
    );
  });
  const removed = keep === 0
    ? undefined
    : await directories.pruneDirectories(operands.target, keep);
  return {
    json: { target, tookMs, ...report, removed },
    text: showReport(report, { target, tookMs }) + showRemoved(removed),
    // Of a running server's store, that server's log has the line.
    ...(client === undefined && {
      audit: {
        event: "store.backed_up",
        about: { target: operands.target },
      },
    }),
  };
});

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
  return `Backed up ${showCount(segmentCount, "segment")} with ` +
    `${showBytes(totalBytes)} up to position ${end} to ${target}\n` +
    `Copied ${showCount(copiedCount)} of them, ${showBytes(copiedBytes)} in ` +
    `${showDuration(tookMs)}; the rest were already in the backup\n` +
    timeLine(report.lastCreatedAtUs);
}

/** The line about the time of the last event. */
export function timeLine(lastCreatedAtUs: number | undefined): string {
  return lastCreatedAtUs === undefined
    ? "It holds no event\n"
    : `The last event is from ${
      new Date(lastCreatedAtUs / 1000).toISOString()
    }\n`;
}

/** Asks a server for the parts of a backup that are missing here. */
async function askForBackup(
  client: ServerClient,
  have: readonly { readonly name: string; readonly crc32: string }[],
  signal: AbortSignal,
): Promise<{
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many; 0 if that is not known. */
  readonly length: number;
}> {
  const path = "/admin/backup";
  const json = { have };
  const response = await client.ask({ method: "POST", path, json, signal });
  if (response.status !== 200 || response.body === null) {
    const says = saidIn(decodeUtf8Leniently(await response.bytes()));
    const { credentials } = client;
    const who = "token" in credentials
      ? "the token"
      : `"${credentials.login}" with this password`;
    throw new RunError(
      `${client.addressAt(path)} answers ${response.status}` +
        (response.status === 401
          ? `: ${who} is not accepted, or may not back up`
          : says === ""
          ? ""
          : `: ${says}`),
    );
  }
  return {
    bytes: piecesOf(response.body, {
      signal,
      advice: "what came whole is kept, run the command again",
    }),
    length: Number(response.headers.get("Content-Length") ?? 0),
  };
}
