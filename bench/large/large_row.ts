/**
 * Rows that need large stores: what each measures, and what it came to.
 *
 * @module
 */

import { median } from "../load/median.ts";

export interface LargeRow {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  readonly unit: "ratio" | "s" | "MB" | "ms";
  /** Whether less is better. */
  readonly isLessBetter: boolean;
  readonly marks: { readonly goal: number; readonly stretch?: number };
}

/** One measured row. */
export interface LargeResult {
  readonly row: LargeRow;
  /** Median over the rounds. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly verdict: "short" | "goal" | "stretch";
  /** What else was seen, for people. */
  readonly notes: readonly string[];
  /** The same by CPU time of the server, where that is known. */
  readonly byCpuTime: number | undefined;
}

/** Judges what the rounds of a row came to. */
export function largeResult(
  row: LargeRow,
  values: readonly number[],
  more: {
    readonly notes?: readonly string[];
    readonly byCpuTime?: number | undefined;
  } = {},
): LargeResult {
  const value = median([...values]);
  const { goal, stretch } = row.marks;
  const reaches = (mark: number) =>
    row.isLessBetter ? value <= mark : value >= mark;
  return {
    row,
    value,
    least: Math.min(...values),
    most: Math.max(...values),
    verdict: stretch !== undefined && reaches(stretch)
      ? "stretch"
      : reaches(goal)
      ? "goal"
      : "short",
    notes: more.notes ?? [],
    byCpuTime: more.byCpuTime,
  };
}

/** A row's part of the table. */
export function largeText(result: LargeResult): string {
  const { row, value, least, most, verdict, notes, byCpuTime } = result;
  const { goal, stretch } = row.marks;
  const text = (figure: number) =>
    row.unit === "ratio"
      ? figure.toFixed(3)
      : `${figure.toFixed(2)} ${row.unit}`;
  const sign = row.isLessBetter ? "at most" : "at least";
  const cpu = byCpuTime === undefined
    ? ""
    : `; ${byCpuTime.toFixed(2)} by CPU time`;
  return `${row.name}: ${row.title}\n` +
    notes.map((note) => `  ${note}\n`).join("") +
    `  ${text(value)} (${text(least)} to ${text(most)}): ${verdict}; marks: ` +
    `${sign} ${goal}${stretch === undefined ? "" : `, stretch ${stretch}`}` +
    `${cpu}\n`;
}
