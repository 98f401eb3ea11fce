/**
 * Asks a server: do you speak Event Store over HTTP?
 *
 *   deno task conformance --url http://127.0.0.1:2113
 *
 * `docs/conformance.md` says what it does and what its report means.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type AreaReport, runKit } from "./kit.ts";

const USAGE = "Usage: conformance --url URL [--area NAME …] [--strict] " +
  "[--details] [--json]\n";

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    write(
      Deno.stderr,
      `The server was not asked to the end: ${error.message}\n`,
    );
    Deno.exit(2);
  }
}

/** Options, or the end of the program with the reason why there are none. */
function optionsOrExit() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: "string" },
        area: { type: "string", multiple: true },
        strict: { type: "boolean", default: false },
        details: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      write(Deno.stdout, USAGE);
      Deno.exit(0);
    }
    const { url } = values;
    if (url === undefined || !URL.canParse(url)) {
      throw new TypeError("--url needs the URL of a server");
    }
    return { ...values, url };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    write(Deno.stderr, `${USAGE}${error.message}\n`);
    Deno.exit(2);
  }
}

async function main(): Promise<void> {
  const { url, area, strict, details, json } = optionsOrExit();
  if (!json) print(row("area", ["steps", "same", "other", "sane", "wrong"]));
  const reports = await runKit({
    url,
    ...(area && { areas: area }),
    isStrict: strict,
    onArea(report) {
      if (json) return;
      print(rowOf(report));
      if (details) report.wrong.forEach((step) => print(step));
    },
  });
  if (json) print(JSON.stringify(reports));
  if (reports.some(({ wrong }) => wrong.length > 0)) Deno.exit(1);
}

function rowOf({ area, steps, counts }: AreaReport): string {
  const { match, deviation, defectAnswered, mismatch } = counts;
  return row(area, [steps, match, deviation, defectAnswered, mismatch]);
}

function row(area: string, cells: readonly (number | string)[]): string {
  return area.padEnd(20) +
    cells.map((cell) => String(cell).padStart(8)).join("");
}

function print(line: string): void {
  write(Deno.stdout, `${line}\n`);
}

function write(
  to: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
