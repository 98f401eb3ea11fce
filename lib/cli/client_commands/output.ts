/**
 * What client commands print: tables with colours for people, lines with tabs
 * for scripts, lines of JSON where they are asked for.
 *
 * @module
 */

import { escapeControls } from "../../telemetry/escape_controls.ts";
import { systemReasonOf } from "../../text/system_errors.ts";
import { RunError } from "../failures.ts";
import { outputWidth, printAnswer, wantsColours } from "../terminal.ts";

/** A column of a table. */
export interface Column<Item> {
  readonly head: string;
  readonly of: (item: Item) => string | number | boolean | undefined;
}

/** Characters that are gathered before they are printed. */
const BUFFER_LENGTH = 32 * 1024;

/** Whether nobody reads on: the rest is not wanted. */
export class NobodyReads extends RunError {}

/** Prints lines, many at a time. */
export class LinePrinter {
  #text = "";

  /** Takes a line, without its end. */
  line(text: string): void {
    this.#text += text + "\n";
    if (this.#text.length >= BUFFER_LENGTH) this.flush();
  }

  /**
   * Prints what was taken.
   *
   * @throws {NobodyReads | RunError} If it cannot be printed.
   */
  flush(): void {
    const text = this.#text;
    this.#text = "";
    if (text !== "") print(text);
  }
}

/**
 * Prints a text.
 *
 * @throws {NobodyReads | RunError} If it cannot be printed.
 */
export function print(text: string): void {
  try {
    printAnswer(text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) {
      throw new NobodyReads("Nobody reads what is printed", { cause: error });
    }
    throw new RunError(`Cannot print: ${systemReasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Prints a list: a table, lines with tabs, or a line of JSON for each item. */
export function printList<Item>(
  items: readonly Item[],
  columns: readonly Column<Item>[],
  { isJson }: { readonly isJson: boolean },
): void {
  if (isJson) {
    print(items.map((item) => JSON.stringify(item) + "\n").join(""));
    return;
  }
  const rows = items.map((item) => columns.map(({ of }) => cellOf(of(item))));
  const width = outputWidth();
  print(
    width === undefined
      ? rows.map((cells) => cells.join("\t") + "\n").join("")
      : tableOf(columns.map(({ head }) => head), rows, width),
  );
}

/** Prints facts: names and values, or one line of JSON. */
export function printFacts(
  facts: Readonly<Record<string, string | number | boolean | undefined>>,
  { isJson }: { readonly isJson: boolean },
): void {
  if (isJson) {
    print(JSON.stringify(facts) + "\n");
    return;
  }
  const known = Object.entries(facts).filter(([, value]) =>
    value !== undefined
  );
  const isTerminal = outputWidth() !== undefined;
  const length = Math.max(0, ...known.map(([name]) => name.length));
  print(
    known.map(([name, value]) =>
      isTerminal
        ? `${paint("dim", name.padEnd(length))}  ${cellOf(value)}\n`
        : `${name}\t${cellOf(value)}\n`
    ).join(""),
  );
}

function cellOf(value: string | number | boolean | undefined): string {
  return value === undefined ? "" : escapeControls(String(value));
}

function tableOf(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const lengths = heads.map((head, at) =>
    Math.max(head.length, ...rows.map((cells) => cells[at]?.length ?? 0))
  );
  const lineOf = (cells: readonly string[]) =>
    cells.map((cell, at) => cell.padEnd(lengths[at] ?? 0)).join("  ")
      .trimEnd().slice(0, width);
  return [paint("bold", lineOf(heads)), ...rows.map(lineOf)]
    .map((line) => line + "\n").join("");
}

const STYLES = { bold: 1, dim: 2, green: 32, cyan: 36 } as const;

/** Gives a text a style, where somebody looks at it and wants colours. */
export function paint(style: keyof typeof STYLES, text: string): string {
  return outputWidth() !== undefined && wantsColours()
    ? `\x1b[${STYLES[style]}m${text}\x1b[0m`
    : text;
}
