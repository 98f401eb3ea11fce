/**
 * Writes what was measured into `docs/figures.json`, the one file that tables of
 * documents are made from (`deno task docs`).
 *
 * @module
 */

import type { Figures } from "../tests/docs/figures.ts";
import { boundText, figureText } from "./report.ts";
import type { Measured } from "./row.ts";

const FILE = new URL("../docs/figures.json", import.meta.url);
const NAME = "benches";
const HEAD = ["Row", "What", "Median (least–most)", "By CPU time", "Mark"];

/** Replaces the rows that were measured; others stay as they were. */
export function recordFigures(results: readonly Measured[]): void {
  const all: readonly Figures[] = JSON.parse(Deno.readTextFileSync(FILE));
  const [, ...known] = all.find(({ name }) => name === NAME)?.rows ?? [];
  const rows = new Map(known.map((cells) => [cells[0], cells]));
  for (const result of results) {
    const cells = cellsOf(result);
    rows.set(cells[0], cells);
  }
  const own: Figures = {
    name: NAME,
    title: "Benches",
    what: "Medians over the rounds of one run. A ratio is that of rates, " +
      "against a reference that ran in turns with it.",
    recorded: new Date().toISOString().slice(0, 10),
    machine: `${navigator.hardwareConcurrency} cores, ${Deno.build.target}, ` +
      `Deno ${Deno.version.deno}`,
    programs: ["deno task bench:load --record"],
    rows: [HEAD, ...rows.values()],
  };
  const others = all.filter(({ name }) => name !== NAME);
  Deno.writeTextFileSync(
    FILE,
    JSON.stringify([...others, own], undefined, 2) + "\n",
  );
}

function cellsOf(result: Measured): string[] {
  const { row, value, least, most, byCpuTime } = result;
  const figure = figureText(row);
  return [
    `\`${row.name}\``,
    row.title,
    least === most
      ? figure(value)
      : `${figure(value)} (${figure(least)}–${figure(most)})`,
    byCpuTime === undefined || Number.isNaN(byCpuTime)
      ? ""
      : byCpuTime.toFixed(2),
    row.marks === undefined ? "" : `${boundText(row)} ${row.marks.goal}`,
  ];
}
