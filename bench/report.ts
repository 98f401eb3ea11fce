/**
 * The table that people read, and the JSON that tools read.
 *
 * @module
 */

import type { Measured, Row } from "./row.ts";

/** Prints a line. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/** A row's part of the table. */
export function rowText(result: Measured): string {
  const { row, value, least, most, verdict, notes, byCpuTime } = result;
  const figure = figureText(row);
  const cpu = byCpuTime === undefined
    ? ""
    : `, ${byCpuTime.toFixed(2)} by CPU time`;
  const judged = verdict === undefined
    ? ""
    : `: ${verdict}; marks: ${marksText(row)}`;
  return `${row.name}: ${row.title}\n` +
    notes.map((note) => `  ${note}\n`).join("") +
    `  ${figure(value)} (${figure(least)} to ${figure(most)})${cpu}${judged}\n`;
}

/** How figures of a row are written. */
export function figureText({ unit }: Row): (figure: number) => string {
  if (unit === "ratio") return (figure) => figure.toFixed(3);
  if (unit === "a second") return (figure) => `${grouped(figure)} a second`;
  return (figure) => `${figure.toFixed(2)} ${unit}`;
}

function marksText(row: Row): string {
  const levels = Object.entries(row.marks ?? {})
    .map(([name, mark]) => `${name} ${mark}`).join(", ");
  return `${boundText(row)} ${levels}`;
}

/** Which way a row's marks are meant. */
export function boundText({ isLessBetter }: Row): string {
  return isLessBetter ? "at most" : "at least";
}

/** A whole number, its thousands with commas between them. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** A latency in µs, as milliseconds. */
export function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}

/** Everything measured, as JSON. */
export function resultsJson(results: readonly Measured[]): string {
  const machine = {
    system: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    deno: Deno.version.deno,
    measuredAt: new Date().toISOString(),
  };
  const rows = results.map(({ row, ...figures }) => ({ ...row, ...figures }));
  return JSON.stringify({ machine, rows }, undefined, 2) + "\n";
}
