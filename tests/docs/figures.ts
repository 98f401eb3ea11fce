/**
 * Measured figures: `docs/figures.json` has all of those that documents show,
 * with what was measured, when, and on which machine.
 *
 * @module
 */

import { type Rows, tableOf } from "./markdown_table.ts";

/** A measurement. */
export interface Figures {
  /** In the marks of tables. */
  readonly name: string;
  readonly title: string;
  readonly what: string;
  /** When its figures were written down. */
  readonly recorded: string;
  /** Absent: it was not noted. */
  readonly machine?: string;
  /** What measures it again. */
  readonly programs?: readonly string[];
  readonly rows: Rows;
}

export const FIGURES: readonly Figures[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/figures.json", import.meta.url)),
);

/** All of them, a section each. */
export function figuresText(): string {
  return FIGURES.map(({ title, what, recorded, machine, programs, rows }) =>
    `\n## ${title}\n\n${what}\n\nRecorded ${recorded}` +
    (machine === undefined ? "" : `, on ${machine}`) +
    (programs === undefined ? "" : `; measured by ${codes(programs)}`) +
    `.\n\n${tableOf(rows)}`
  ).join("") + "\n";
}

function codes(programs: readonly string[]): string {
  return programs.map((program) => `\`${program}\``).join(" and ");
}
