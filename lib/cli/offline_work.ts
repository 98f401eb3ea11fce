/**
 * What commands on the files of a store share: their options, the parts that a
 * store is opened with, progress, and how a result is told and audited.
 *
 * What such a command is made of is imported when it runs: a server, which
 * never needs it, would have it in memory all its life.
 *
 * @module
 */

import {
  type MeasuredProgress,
  ProgressMeter,
} from "../maintenance/progress_meter.ts";
import type { Clock } from "../model/clock.ts";
import type { LogFields, Logger } from "../model/logger.ts";
import { newEventId } from "../runtime/event_ids.ts";
import { listenForStopSignals } from "../runtime/signals.ts";
import { SYSTEM_CLOCK as clock } from "../runtime/system_clock.ts";
import { isDatabaseUrl } from "../store/database_url.ts";
import type { JobControl, JobProgress } from "../store/maintenance.ts";
import { createLogger } from "../telemetry/logger.ts";
import { showBytes, showCount, showDuration } from "../text/quantities.ts";
import { systemReasonOf } from "../text/system_errors.ts";
import {
  type Command,
  type CommandCall,
  type CommandRow,
  defineCommand,
} from "./command.ts";
import { type ExitCode, RunError, UsageError } from "./failures.ts";
import type {
  OptionName,
  OptionRow,
  OptionValues,
  ValuesOf,
} from "./options/options.ts";
import { isErrorTerminal, printAnswer, printNote } from "./terminal.ts";

/** Options of the program for a command that works on a directory. */
export const STORE_OPTIONS = [
  "directory",
  "logLevel",
  "logFormat",
  "configFile",
] as const satisfies readonly OptionName[];

/** Of a command that makes no store. */
export const STORE_IS_THERE = {
  directory: "Directory of the store, which must be there",
} as const;

/** Own options of every command that works for a while and tells a result. */
export const TASK_OPTIONS = {
  isJson: {
    flag: "json",
    kind: "boolean",
    help: "Print the result as one line of JSON",
  },
  isQuiet: { flag: "quiet", kind: "boolean", help: "Show no progress" },
} as const satisfies Record<string, OptionRow>;

/** The row of a command that works on the files of a store for a while. */
interface TaskRow extends Omit<CommandRow, "options"> {
  /** Options of the program besides `STORE_OPTIONS`. */
  readonly options?: readonly OptionName[];
}

/** What such a command works with. */
interface TaskCall<Row> {
  /** @throws {UsageError} If options say that the store is in memory. */
  readonly directory: string;
  readonly values:
    & CommandCall<Row>["values"]
    & ValuesOf<typeof TASK_OPTIONS>;
  readonly origins: CommandCall<Row>["origins"];
  readonly operands: CommandCall<Row>["operands"];
  readonly parts: StoreParts;
  /** As `workLong` does. */
  work<Report>(
    work: (control: JobControl) => Promise<Report>,
  ): Promise<{ readonly report: Report; readonly tookMs: number }>;
}

/** The outcome of such a command. */
interface TaskResult {
  /** For `--json`. */
  readonly json: unknown;
  /** In words; nothing is printed if empty. */
  readonly text: string;
  readonly exitCode?: ExitCode;
  /**
   * Set if a store was handed out, filled or mended. The line goes to standard
   * error, as a server's does. The user of a command can read and write the
   * files, so there is no login to name.
   */
  readonly audit?: { readonly event: string; readonly about?: LogFields };
}

/** Makes a command that works on the files of a store for a while. */
export function defineTask<const Row extends TaskRow>(
  row: Row,
  run: (call: TaskCall<Row>) => Promise<TaskResult>,
): Command {
  const whole = {
    meanings: STORE_IS_THERE,
    ...row,
    options: [...STORE_OPTIONS, ...row.options ?? []],
    own: { ...row.own, ...TASK_OPTIONS },
  };
  return defineCommand(whole, async (call) => {
    const values = call.values as TaskCall<Row>["values"];
    const { origins } = call;
    const operands = call.operands as TaskCall<Row>["operands"];
    const parts = storePartsOf(values);
    const result = await run({
      parts,
      get directory() {
        return directoryOf(values);
      },
      values,
      origins,
      operands,
      work: (work) => workLong(values, work),
    });
    const { audit, exitCode } = result;
    if (audit !== undefined) {
      const { directory } = values;
      const by = { by: "command", from: null };
      parts.logger.audit(audit.event, { directory, ...audit.about, ...by });
    }
    printResult(values, result);
    return exitCode;
  });
}

/**
 * The directory that a command works on.
 *
 * @throws {UsageError} If options say that the store is in memory, or in
 * PostgreSQL.
 */
export function directoryOf(values: OptionValues): string {
  if (values.isInMemory) {
    throw new UsageError(
      "A store in memory is gone when its server stops: name a directory",
    );
  }
  if (isDatabaseUrl(values.directory)) {
    throw new UsageError(
      "This works on the files of a store: for one in PostgreSQL use the " +
        "tools of PostgreSQL",
    );
  }
  return values.directory;
}

/** The parts to open a store with, besides its directory. */
interface StoreParts {
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
}

/** The parts for a command, whose log leaves out `info` lines. */
export function storePartsOf(
  { logLevel, logFormat }: OptionValues,
): StoreParts {
  const logger = createLogger({
    level: logLevel === "info" ? "warn" : logLevel,
    format: logFormat,
    clock,
    writer: Deno.stderr,
  });
  return { clock, newEventId, logger };
}

/** Milliseconds of work between two looks at signals. */
const PAUSE_MS = 50;

/** Where long work shows how far it is, and what tells it to stop. */
export interface Surroundings {
  readonly progress: ProgressOutput;
  /** Listens for signals that ask the program to stop, until disposed of. */
  listenForStop(): { readonly first: Promise<string> } & Disposable;
}

const TERMINAL: Surroundings = {
  progress: {
    write: printNote,
    isTerminal: isErrorTerminal(),
    nowMs: () => performance.now(),
  },
  listenForStop: listenForStopSignals,
};

/**
 * Does long work: shows its progress unless it is quiet, and stops it when the
 * user asks for it.
 *
 * @returns The report, and the time in milliseconds.
 * @throws {RunError} When it was stopped.
 */
export async function workLong<Report>(
  flags: { readonly isQuiet: boolean },
  work: (control: JobControl) => Promise<Report>,
  { progress, listenForStop }: Surroundings = TERMINAL,
): Promise<{ readonly report: Report; readonly tookMs: number }> {
  const display = flags.isQuiet ? undefined : new ProgressDisplay(progress);
  const stopping = new AbortController();
  using signals = listenForStop();
  signals.first.then((signal) =>
    stopping.abort(new RunError(`Stopped by ${signal} before the end`))
  );
  const startedAtMs = progress.nowMs();
  let resumedAtMs = startedAtMs;
  try {
    const report = await work({
      signal: stopping.signal,
      report: (reported) => display?.take(reported),
      async pause() {
        if (progress.nowMs() - resumedAtMs < PAUSE_MS) return;
        await new Promise((resolve) => setTimeout(resolve, 0));
        resumedAtMs = progress.nowMs();
      },
    });
    return { report, tookMs: Math.round(progress.nowMs() - startedAtMs) };
  } finally {
    display?.end();
  }
}

/** Prints a result: as one line of JSON, or in words. */
export function printResult(
  flags: { readonly isJson: boolean },
  { json, text }: { readonly json: unknown; readonly text: string },
  print: (text: string) => void = printAnswer,
): void {
  if (text === "") return;
  try {
    print(flags.isJson ? JSON.stringify(json) + "\n" : text);
  } catch (error) {
    throw new RunError(
      `Cannot print what came of it: ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
}

/** Where progress is shown. */
interface ProgressOutput {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Milliseconds that never go back. */
  nowMs(): number;
}

const TERMINAL_MS = 200;
const LINE_MS = 5_000;
const CLEAR_LINE = "\r\x1b[K";

/**
 * One line that is written over itself on a terminal, a new one now and then
 * anywhere else.
 */
class ProgressDisplay {
  readonly #output: ProgressOutput;
  readonly #meter: ProgressMeter;
  #shownAtMs: number;
  #isLineOpen = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.#meter = new ProgressMeter(() => output.nowMs());
    this.#shownAtMs = output.nowMs();
  }

  /** Takes what a job reports, and shows it if it is time to. */
  take(progress: JobProgress): void {
    this.#meter.take(progress);
    const { isTerminal, nowMs } = this.#output;
    const now = nowMs();
    if (now - this.#shownAtMs < (isTerminal ? TERMINAL_MS : LINE_MS)) return;
    this.#shownAtMs = now;
    const measured = this.#meter.measure();
    if (measured === undefined) return;
    const line = showProgress(measured);
    this.#output.write(isTerminal ? CLEAR_LINE + line : `${line}\n`);
    this.#isLineOpen = isTerminal;
  }

  /** Leaves a clean line behind. */
  end(): void {
    if (this.#isLineOpen) this.#output.write(CLEAR_LINE);
    this.#isLineOpen = false;
  }
}

/** Progress in words: `checking segments: 45 %, 1.1 GiB/s, 23 s left`. */
function showProgress(progress: MeasuredProgress): string {
  const { phase, done, total, unit, ratePerSecond, leftMs } = progress;
  const parts = [
    total > 0
      ? `${Math.min(100, Math.floor(done / total * 100))} % of ` +
        showAmount(total, unit)
      : showAmount(done, unit),
  ];
  if (ratePerSecond !== undefined) {
    parts.push(`${showAmount(ratePerSecond, unit)}/s`);
  }
  if (leftMs !== undefined) parts.push(`${showDuration(leftMs)} left`);
  return `${phase}: ${parts.join(", ")}`;
}

function showAmount(amount: number, unit: JobProgress["unit"]): string {
  return unit === "bytes" ? showBytes(amount) : `${showCount(amount)} ${unit}`;
}
