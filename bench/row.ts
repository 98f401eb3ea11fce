/**
 * Rows of the table: a figure each, with marks, and what it came to.
 *
 * @module
 */

import type { BenchOptions } from "./options.ts";

/** Levels of a row; which way is better depends on `isLessBetter`. */
export interface Marks {
  /** Missing the least of them fails the run. */
  readonly base?: number;
  readonly goal: number;
  readonly stretch?: number;
}

/** One figure of the table. */
export interface Row {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  readonly unit: "ratio" | "%" | "s" | "ms" | "MB" | "KB" | "a second";
  readonly isLessBetter?: boolean;
  readonly marks?: Marks;
}

/** Which of its levels a row reached. */
export type Verdict = "failed" | "base" | "goal" | "stretch";

/** One measured row. */
export interface Measured {
  readonly row: Row;
  /** Median over the rounds. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** undefined for a row without marks. */
  readonly verdict: Verdict | undefined;
  /** Further figures, for people. */
  readonly notes: readonly string[];
  /** The same by CPU time of the servers, where that is known. */
  readonly byCpuTime: number | undefined;
}

/** Rows that are measured together. */
export interface Bench {
  readonly rows: readonly Row[];
  /** Measures those of its rows that are wanted, and others if they come along. */
  measure(context: BenchContext): Promise<readonly Measured[]>;
}

/** What a bench is given. */
export interface BenchContext {
  readonly options: BenchOptions;
  /** An empty directory, which is removed afterwards. */
  readonly directory: string;
  /** Whether a row is asked for. */
  readonly wants: (row: Row) => boolean;
}

/** Judges what the rounds of a row came to. */
export function measured(
  row: Row,
  values: readonly number[],
  more: {
    readonly notes?: readonly string[];
    readonly byCpuTime?: number | undefined;
    /** Whether something went wrong, so that the figure does not count. */
    readonly hasFailed?: boolean;
  } = {},
): Measured {
  const value = median(values);
  return {
    row,
    value,
    least: Math.min(...values),
    most: Math.max(...values),
    verdict: more.hasFailed ? "failed" : verdictOf(row, value),
    notes: more.notes ?? [],
    byCpuTime: more.byCpuTime,
  };
}

function verdictOf(
  { marks, isLessBetter = false }: Row,
  value: number,
): Verdict | undefined {
  if (marks === undefined) return undefined;
  const reaches = (mark: number | undefined) =>
    mark !== undefined && (isLessBetter ? value <= mark : value >= mark);
  if (reaches(marks.stretch)) return "stretch";
  if (reaches(marks.goal)) return "goal";
  return reaches(marks.base) ? "base" : "failed";
}

/** Middle value, or the mean of the middle two; NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[middle - 1] ?? upper;
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}

/** Median of one figure of some runs. */
export function medianOf<Run>(
  runs: readonly Run[],
  figure: (run: Run) => number,
): number {
  return median(runs.map(figure));
}

/** Ratios of one figure, round by round, so that a slow minute cancels out. */
export function ratiosOf<Run>(
  own: readonly Run[],
  others: readonly Run[],
  figure: (run: Run) => number,
): number[] {
  return own.map((run, round) => {
    const other = others[round];
    return other === undefined ? Number.NaN : figure(run) / figure(other);
  });
}

/**
 * Lets each of some take its turn in each round; another one comes first from
 * round to round, so that what else the machine does meets all of them alike.
 *
 * @returns What their turns gave, by their names, a round each.
 */
export async function inTurns<Name extends string, Run>(
  rounds: number,
  turns: Readonly<Record<Name, (round: number) => Promise<Run>>>,
): Promise<Record<Name, Run[]>> {
  const names = Object.keys(turns) as Name[];
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as //
  Record<Name, Run[]>;
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      runs[name].push(await turns[name](round));
    }
  }
  return runs;
}

/** Waits. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
