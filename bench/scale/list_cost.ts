/**
 * What entering events in lists costs, in figures.
 *
 * @module
 */

import { median } from "../load/median.ts";

/** Time for each event, in µs. */
export interface AppendCost {
  readonly wallUs: number;
  /** Of all threads; NaN where it is not known. */
  readonly cpuUs: number;
}

/** Appends with lists and without. */
export interface ListCost {
  /** Medians over the rounds. */
  readonly listed: AppendCost;
  readonly unlisted: AppendCost;
  /** Medians of the rounds' ratios. */
  readonly wallRatio: number;
  readonly cpuRatio: number;
}

/** Compares rounds, one with the other of the same index. */
export function compareCosts(
  listed: readonly AppendCost[],
  unlisted: readonly AppendCost[],
): ListCost {
  return {
    listed: medianOf(listed),
    unlisted: medianOf(unlisted),
    wallRatio: medianRatio(listed, unlisted, ({ wallUs }) => wallUs),
    cpuRatio: medianRatio(listed, unlisted, ({ cpuUs }) => cpuUs),
  };
}

function medianOf(costs: readonly AppendCost[]): AppendCost {
  return {
    wallUs: median(costs.map(({ wallUs }) => wallUs)),
    cpuUs: median(costs.map(({ cpuUs }) => cpuUs)),
  };
}

function medianRatio(
  costs: readonly AppendCost[],
  others: readonly AppendCost[],
  part: (cost: AppendCost) => number,
): number {
  return median(costs.map((cost, round) => {
    const other = others[round];
    return other === undefined ? NaN : part(cost) / part(other);
  }));
}
