/**
 * The table that people read, and the JSON that tools read.
 *
 * @module
 */

import { median } from "../load/median.ts";
import type { ComparedResult, Standing } from "./compare_row.ts";

const TITLE_WIDTH = 34;
const CELL_WIDTH = 12;
const LAST_WIDTH = 22;

/** What the original did, from its own measurement, for orientation. */
export const PUBLISHED =
  "Not measured here, published for the original, Event Store 4.0.2, on a " +
  "machine of this\nkind: 1,800 to 3,700 POSTs of one event a second " +
  "(64 connections, synced), 4,500 event\nreads, 2,800 reads of a feed of " +
  "two events.";

/** A row's part of the table. */
export function rowText({ compared, standings }: ComparedResult): string {
  const titles = [
    "requests/s",
    "events/s",
    "p50 ms",
    "p99 ms",
    "server µs",
    "driver µs",
    "quipu is ×",
  ];
  return [
    `${compared.name}: ${compared.row.title}`,
    "".padEnd(TITLE_WIDTH) + cells(titles),
    ...standings.map(standingText),
  ].join("\n") + "\n";
}

function standingText(standing: Standing): string {
  const ratios = standing.quipuRatios;
  return `  ${standing.title}`.padEnd(TITLE_WIDTH) + cells([
    Math.round(standing.requestsPerSecond).toLocaleString("en"),
    Math.round(standing.eventsPerSecond).toLocaleString("en"),
    (standing.p50Us / 1000).toFixed(2),
    (standing.p99Us / 1000).toFixed(2),
    standing.serverCpuUs?.toFixed(1) ?? "–",
    standing.driverCpuUs?.toFixed(1) ?? "–",
    standing.title === "quipu"
      ? "–"
      : `${median(ratios).toFixed(1)} (${Math.min(...ratios).toFixed(1)}–${
        Math.max(...ratios).toFixed(1)
      })`,
  ]);
}

function cells(texts: readonly string[]): string {
  return texts.map((text, index) =>
    text.padStart(index === texts.length - 1 ? LAST_WIDTH : CELL_WIDTH)
  ).join("");
}

/** Everything measured, as JSON. */
export function resultsJson(
  results: readonly ComparedResult[],
  versions: { readonly postgres: string; readonly messageDb: string },
): string {
  const machine = {
    os: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    deno: Deno.version.deno,
    ...versions,
  };
  const rows = results.map(({ compared, standings }) => ({
    name: compared.name,
    title: compared.row.title,
    connections: compared.row.connections,
    standings,
  }));
  return JSON.stringify({ machine, rows }, undefined, 2) + "\n";
}
