/**
 * The commands that work on the files of a store instead of serving it, put
 * together from their parts: `main.ts` loads them when one of them runs.
 *
 * @module
 */

import type { OfflineRunners } from "./lib/cli/run_program.ts";
import type { OptionValues } from "./lib/cli/options/options.ts";
import type { ResolvedOptions } from "./lib/cli/options/resolve_options.ts";
import { openOfflineUsers } from "./lib/users/offline_users.ts";
import { createLogger } from "./lib/telemetry/logger.ts";
import {
  isErrorTerminal,
  printAnswer,
  printNote,
} from "./lib/telemetry/standard_streams.ts";
import type { LogFields, Logger } from "./lib/model/logger.ts";
import { readTextFile } from "./lib/runtime/plain_files.ts";
import { newEventId } from "./lib/runtime/event_ids.ts";
import { isInputTerminal, readSecretLine } from "./lib/runtime/secret_input.ts";
import { listenForStopSignals } from "./lib/runtime/stop_signals.ts";
import { SYSTEM_CLOCK as clock } from "./lib/runtime/system_clock.ts";
import { VERSION } from "./lib/runtime/version.ts";
import { openStore } from "./storage/mod.ts";
import { runBackup } from "./lib/cli/run_backup.ts";
import { runCompact } from "./lib/cli/run_compact.ts";
import { runRestore } from "./lib/cli/run_restore.ts";
import {
  kindOfInput,
  openInput,
  openOutput,
} from "./lib/cli/transfer_files.ts";
import {
  runExport,
  runImport,
  type TransferTools,
} from "./lib/cli/run_transfer.ts";
import { runScavenge } from "./lib/cli/run_scavenge.ts";
import { runRepair } from "./lib/cli/run_repair.ts";
import { runUser } from "./lib/cli/run_user.ts";
import { usersOfServer } from "./lib/cli/user_server.ts";
import { runVerify } from "./lib/cli/run_verify.ts";
import type { Workplace } from "./lib/cli/workplace.ts";
import {
  backupDirectory,
  nextKeptDirectory,
  pruneDirectories,
  receiveDirectory,
  restoreDirectory,
} from "./storage/maintenance/backup/directories.ts";
import {
  checkExportFile,
  exportDirectory,
  importDirectory,
} from "./storage/maintenance/transfer/directories.ts";
import {
  requireStore,
  scavengeDirectory,
} from "./storage/maintenance/scavenge/scavenge_directory.ts";
import { compactCatalog } from "./storage/commit/compact_catalog.ts";
import { repairDirectory } from "./storage/maintenance/repair/repair_directory.ts";
import { verifyDirectory } from "./storage/maintenance/verify/verify_directory.ts";

/** What exports and imports need. */
function transferTools({ values }: ResolvedOptions): TransferTools {
  const parts = { clock, newEventId, logger: loggerOf(values) };
  return {
    exportDirectory: (options, control) =>
      exportDirectory({ ...options, ...parts }, control),
    importDirectory: (options, control) =>
      importDirectory({ ...options, ...parts }, control),
    checkExportFile,
    openOutput,
    openInput,
  };
}

/** Logger of a command: what is no news for its user is not logged. */
function loggerOf({ logLevel, logFormat }: OptionValues): Logger {
  const level = logLevel === "info" ? "warn" : logLevel;
  return createLogger({
    level,
    format: logFormat,
    clock,
    writer: Deno.stderr,
  });
}

/**
 * Runs a command that hands out a store or fills one, and audits it: on
 * standard error, as a server does. Whoever runs it can read and write the
 * files, so there is no login to name.
 */
async function audited(
  event: string,
  { values }: ResolvedOptions,
  work: { readonly run: Promise<void>; readonly about?: LogFields },
): Promise<void> {
  await work.run;
  const { directory } = values;
  const by = { by: "command", from: null };
  loggerOf(values).audit(event, { directory, ...work.about, ...by });
}

/** Where commands that work for a while do it. */
const WORKPLACE: Workplace = {
  print: printAnswer,
  progress: {
    write: printNote,
    isTerminal: isErrorTerminal(),
    nowMs: () => performance.now(),
  },
  listenForStop: listenForStopSignals,
};

/** What runs each command but `serve`. */
export const OFFLINE_COMMANDS: OfflineRunners = {
  verify: (call) => runVerify(call, WORKPLACE, verifyDirectory),
  repair: (call) =>
    runRepair(call, WORKPLACE, async (options, control) => {
      const logger = loggerOf(call.options.values);
      const parts = { clock, newEventId, logger };
      const run = repairDirectory({ ...options, ...parts }, control);
      // Lost events may have been users or rights.
      if (call.own.isConfirmed) {
        const mended = run.then(() => {});
        await audited("store.repaired", call.options, { run: mended });
      }
      return await run;
    }),
  compact: (call) => runCompact(call, WORKPLACE, compactCatalog),
  scavenge: (call) =>
    runScavenge(call, WORKPLACE, (options, control) =>
      scavengeDirectory({
        ...options,
        clock,
        newEventId,
        logger: loggerOf(call.options.values),
        openStore,
      }, control)),
  backup: (call) => {
    const run = runBackup(call, WORKPLACE, {
      backupDirectory: (options, control) =>
        backupDirectory({ ...options, version: VERSION, clock }, control),
      receiveDirectory,
      nextKeptTarget: (directory) =>
        nextKeptDirectory(directory, clock.nowUs() / 1000),
      pruneBackups: pruneDirectories,
      readFile: readTextFile,
    });
    const about = { target: call.operands.target };
    // Of a running server's store, that server's log has the line.
    return call.own.url === undefined
      ? audited("store.backed_up", call.options, { run, about })
      : run;
  },
  export: (call) => {
    const { stream, category } = call.own;
    const { file } = call.operands;
    return audited("store.exported", call.options, {
      run: runExport(call, WORKPLACE, transferTools(call.options)),
      about: { file, stream, category },
    });
  },
  import: (call) =>
    audited("store.imported", call.options, {
      run: runImport(call, WORKPLACE, transferTools(call.options)),
      about: { file: call.operands.file },
    }),
  restore: (call) => {
    const run = runRestore(call, WORKPLACE, {
      restoreDirectory: (options, control) =>
        restoreDirectory({
          ...options,
          clock,
          newEventId,
          logger: loggerOf(call.options.values),
        }, control),
      kindOfInput,
      openInput,
    });
    const about = { backup: call.operands.backup };
    return audited("store.restored", call.options, { run, about });
  },
  user: (call) =>
    runUser(call, WORKPLACE, {
      withDirectory: async (options, work) => {
        const logger = loggerOf(call.options.values);
        const parts = { clock, newEventId, logger };
        await requireStore(options.directory, "change users of");
        await using store = await openStore({ ...options, ...parts });
        using users = openOfflineUsers({ store, ...parts });
        await work(users);
      },
      usersOfServer,
      readFile: readTextFile,
      isInputTerminal,
      readSecretLine,
    }),
};
