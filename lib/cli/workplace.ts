/**
 * Where commands that work for a while do it: what they print, how they show
 * their progress, and how they are stopped.
 *
 * @module
 */

import type { OptionValues } from "./options/options.ts";
import { UsageError } from "./options/usage_error.ts";
import type { JobControl } from "../store/maintenance.ts";
import { systemReasonOf } from "../text/system_errors.ts";
import { ProgressDisplay, type ProgressOutput } from "./progress_display.ts";
import { RunError } from "./run_error.ts";

/** The outside of a command. */
export interface Workplace {
  /** Prints to standard output: the result alone. */
  print(text: string): void;
  /** Standard error. */
  readonly progress: ProgressOutput;
  /** Listens for signals that ask the program to stop, until disposed of. */
  listenForStop(): { readonly first: Promise<string> } & Disposable;
}

/** What the options of commands that work for a while say. */
export interface TaskFlags {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
}

/** Milliseconds of work between two looks at signals. */
const PAUSE_MS = 50;

/**
 * Does long work: shows its progress unless told not to, and stops it when the
 * user asks for it.
 *
 * @throws {RunError} When it was stopped.
 */
export async function workLong<Result>(
  workplace: Workplace,
  flags: { readonly isQuiet: boolean },
  work: (control: JobControl) => Promise<Result>,
): Promise<Result> {
  const { progress, listenForStop } = workplace;
  const display = flags.isQuiet ? undefined : new ProgressDisplay(progress);
  const stopping = new AbortController();
  using signals = listenForStop();
  signals.first.then((signal) =>
    stopping.abort(new RunError(`Stopped by ${signal} before the end`))
  );
  let resumedAtMs = progress.nowMs();
  try {
    return await work({
      signal: stopping.signal,
      report: (reported) => display?.take(reported),
      async pause() {
        if (progress.nowMs() - resumedAtMs < PAUSE_MS) return;
        await new Promise((resolve) => setTimeout(resolve, 0));
        resumedAtMs = progress.nowMs();
      },
    });
  } finally {
    display?.end();
  }
}

/** Prints a result: as one line of JSON, or in words. */
export function printResult(
  workplace: Workplace,
  flags: { readonly isJson: boolean },
  result: { readonly json: unknown; readonly text: string },
): void {
  const { json, text } = result;
  try {
    workplace.print(flags.isJson ? JSON.stringify(json) + "\n" : text);
  } catch (error) {
    throw new RunError(
      `Cannot print what came of it: ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * The directory that a command works on.
 *
 * @throws {UsageError} If options say that the store is in memory.
 */
export function directoryOf(values: OptionValues): string {
  if (values.isInMemory) {
    throw new UsageError(
      "A store in memory is gone when its server stops: name a directory",
    );
  }
  return values.directory;
}
