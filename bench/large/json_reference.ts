/**
 * What writing JSON alone takes: a process that holds the objects of a page
 * and hands them to `JSON.stringify` again and again.
 *
 * It reads lines from its input, and answers each with a line of JSON: first
 * the path of a file with a page, then times in milliseconds to go on for.
 *
 * @module
 */

import process from "node:process";

/** What a turn came to. */
export interface JsonTurn {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly pages: number;
  /** Characters of a page, written out. */
  readonly pageLength: number;
}

/** Goes on for a time. */
function measure(page: unknown, forMs: number): JsonTurn {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  let pages = 0;
  let pageLength = 0;
  // The same bytes as the server's: two spaces a level.
  for (; performance.now() < startedAt + forMs; pages++) {
    pageLength = JSON.stringify(page, undefined, 2).length;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6, pages, pageLength };
}

if (import.meta.main) {
  let page: unknown;
  let rest = "";
  for await (
    const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  ) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const forMs = Number(line);
      if (Number.isNaN(forMs)) {
        page = JSON.parse(await Deno.readTextFile(line));
      }
      const turn = measure(page, Number.isNaN(forMs) ? 0 : forMs);
      Deno.stdout.writeSync(new TextEncoder().encode(
        JSON.stringify(turn) + "\n",
      ));
    }
  }
}
