/**
 * The table that people read, and the JSON that tools read.
 *
 * @module
 */

import type { LargeResult } from "../large/large_row.ts";
import type { Contestant } from "./contestants.ts";
import type { LatencySummary } from "./histogram.ts";
import { median } from "./median.ts";
import type { Row } from "./rows.ts";
import { rateOf, type RowResult, type Run } from "./run_row.ts";

/** Answers that differ more in size than this are not the same bytes. */
const SIZE_DIFFERENCE_MAX = 0.02;

/** A row's part of the table. */
export function rowText(result: RowResult): string {
  const { row, runs } = result;
  const lines = [
    `${row.name}: ${row.title}`,
    "  " + [
      "".padEnd(10),
      "requests/s",
      "  events/s",
      "  p50 ms",
      "  p99 ms",
      "p99.9 ms",
      "server µs",
      "driver µs",
      "bytes",
    ].map((title) => title.padStart(10)).join(""),
    ...Array.from(runs, ([name, one]) => contestantText(row, name, one)),
    `  ${ratioText(result)}`,
    ...warningsOf(result).map((warning) => `  ! ${warning}`),
  ];
  return lines.join("\n") + "\n";
}

function contestantText(
  row: Row,
  name: Contestant,
  runs: readonly Run[],
): string {
  const { events } = row;
  const title = name === "reference" && row.twin ? "JSON twin" : name;
  const of = (figure: (run: Run) => number) => median(runs.map(figure));
  const rate = of(rateOf);
  const cells = [
    Math.round(rate).toLocaleString("en"),
    name === "bare" || events === 0
      ? "–"
      : Math.round(rate * events).toLocaleString("en"),
    milliseconds(of((run) => run.latency.p50Us)),
    milliseconds(of((run) => run.latency.p99Us)),
    milliseconds(of((run) => run.latency.p999Us)),
    of((run) => run.serverCpuUs ?? Number.NaN).toFixed(1),
    of((run) => run.driverCpuMs * 1000 / run.requestsInAll).toFixed(1),
    of((run) => run.responseBytes).toFixed(0),
  ];
  return "  " + title.padEnd(10) +
    cells.map((cell) => cell.padStart(10)).join("");
}

function ratioText(result: RowResult): string {
  const { row, ratio, ratioLeast, ratioMost, verdict, residentMb } = result;
  const before = result.ratioToBefore === undefined
    ? ""
    : `; ${result.ratioToBefore.toFixed(3)} of before, ${cpuText(result)}`;
  if (!result.runs.has("reference")) return cpuText(result);
  const what = row.measure === "rate"
    ? `of the ${row.twin ? "JSON twin" : "reference"}`
    : "× one fdatasync and one KV commit";
  const marks = row.marks === undefined ? "" : `; marks: ${
    [
      row.marks.base === undefined ? undefined : `base ${row.marks.base}`,
      `goal ${row.marks.goal}`,
      row.marks.stretch === undefined
        ? undefined
        : `stretch ${row.marks.stretch}`,
    ].filter((mark) => mark !== undefined).join(", ")
  }`;
  const cpu = cpuShare(result);
  const shareText = cpu === undefined
    ? ""
    : `; ${cpu.toFixed(2)} by CPU time of the servers`;
  const memory = residentMb === undefined
    ? ""
    : `; ${residentMb.toFixed(0)} MB resident`;
  return `${ratio.toFixed(3)} ${what} (${ratioLeast.toFixed(3)} to ` +
    `${ratioMost.toFixed(3)}): ${
      verdict ?? "no marks"
    }${marks}${shareText}${before}${memory}`;
}

/** CPU time a request against the other checkout's, paired by rounds. */
function cpuText({ cpuRatiosToBefore, verdict }: RowResult): string {
  const least = Math.min(...cpuRatiosToBefore).toFixed(3);
  const most = Math.max(...cpuRatiosToBefore).toFixed(3);
  return `${median(cpuRatiosToBefore).toFixed(3)} of its CPU time a request ` +
    `(${least} to ${most} in ${cpuRatiosToBefore.length} rounds)` +
    (verdict === "failed" ? ": failed" : "");
}

/**
 * The reference's CPU time for a request over that of the server under test:
 * what the ratio would be if both used one core and waited for nothing. Less
 * noisy than rates. Undefined where CPU times are not known.
 */
function cpuShare({ runs }: RowResult): number | undefined {
  const of = (name: Contestant) =>
    median((runs.get(name) ?? []).map((run) => run.serverCpuUs ?? Number.NaN));
  const share = of("reference") / of("quipu");
  return Number.isFinite(share) ? share : undefined;
}

function warningsOf({ row, runs }: RowResult): string[] {
  const warnings = Array.from(runs).flatMap(([name, one]) => {
    const errors = one.reduce((sum, run) => sum + run.errors, 0);
    const first = one.find((run) => run.firstError !== undefined);
    return errors === 0
      ? []
      : [`${name}: ${errors} errors, the first: ${first?.firstError}`];
  });
  const bytesOf = (name: Contestant) =>
    median((runs.get(name) ?? []).map((run) => run.responseBytes));
  const own = bytesOf("quipu");
  const reference = bytesOf("reference");
  if (row.twin !== undefined || !runs.has("reference")) return warnings;
  if (Math.abs(own - reference) > SIZE_DIFFERENCE_MAX * reference) {
    warnings.push(
      `answers differ in size: ${own.toFixed(0)} against ` +
        `${reference.toFixed(0)} bytes`,
    );
  }
  return warnings;
}

/** What the disk took, over all rounds of all rows. */
export function diskText(results: readonly RowResult[]): string {
  const times = results.flatMap((result) => result.disk);
  const line = (title: string, summaries: readonly LatencySummary[]) =>
    `  ${title.padEnd(28)}` + [
      `p50 ${milliseconds(median(summaries.map((one) => one.p50Us)))} ms`,
      `p99 ${milliseconds(median(summaries.map((one) => one.p99Us)))} ms`,
      `p99.9 ${milliseconds(median(summaries.map((one) => one.p999Us)))} ms`,
    ].join(", ");
  return [
    "disk:",
    line("append of 300 B, fdatasync", times.map((time) => time.sync)),
    line("one KV commit", times.map((time) => time.commit)),
  ].join("\n");
}

/** Everything measured, as JSON. */
export function resultsJson(
  results: readonly RowResult[],
  large: readonly LargeResult[],
): string {
  const machine = {
    os: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
  };
  const rows = results.map(({ row, runs, ...figures }) => ({
    name: row.name,
    title: row.title,
    connections: row.connections,
    events: row.events,
    measure: row.measure,
    marks: row.marks,
    ...figures,
    runs: Object.fromEntries(runs),
  }));
  return JSON.stringify({ machine, rows, large }, undefined, 2) + "\n";
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}
