/**
 * No page contradicts another: limits come from the program and measured
 * figures from `docs/figures.json`. Pages show them in tables that are made, or
 * in links to the section that has them: `[16 MiB](limits.md#…)`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { DOCUMENTS, readDocument } from "./blocks.ts";
import { FIGURES } from "./figures.ts";
import { METRIC_ROWS } from "./metric_rows.ts";
import { readPage, sectionsOf } from "./pages.ts";

/** Sizes, rates, and whatever has four digits and a comma. */
const FIGURE =
  /\b\d[\d.,]*\s(?:B|[KMGT]i?B|kB|µs)\b|\b\d{1,3}(?:,\d{3})+\b|\b\d[\d.,]* \w+ a second/g;

const LINK =
  /\[([^\]]*\d[^\]]*)\]\((?:docs\/)?(limits|figures)\.md#([\w-]+)\)/g;

/** What looks like a figure and is none. */
const NO_FIGURES = new Set([
  // A setting of PostgreSQL that is advised.
  "docs/scale-out.md: 16 GB",
]);

/** What looks like a metric and is none. */
const NO_METRICS = new Set(["quipu_server"]);

/** A document without blocks and without what is made. */
function proseOf(path: string): string {
  return readDocument(path)
    .replace(/^```[^]*?^```$/gm, "")
    .replace(/^<!-- ([a-z]+) -->\n[^]*?<!-- end -->$/gm, "")
    .replace(/<!-- table: [a-z ]+ -->\n\n(?:\|.*\n)+/g, "")
    .replace(/\s+/g, " ");
}

Deno.test("documents take limits and figures from where they are kept", () => {
  const copied = DOCUMENTS.flatMap((path) =>
    [...proseOf(path).replace(LINK, "").matchAll(FIGURE)]
      .map(([figure]) => `${path}: ${figure}`)
      .filter((figure) => !NO_FIGURES.has(figure))
  );
  assertEquals(copied, []);
});

Deno.test("a link to a limit or a figure says it as it is there", () => {
  const wrong: string[] = [];
  let count = 0;
  for (const path of DOCUMENTS) {
    for (const [, text = "", page, anchor] of proseOf(path).matchAll(LINK)) {
      count++;
      const section = sectionsOf(readPage(`${page}.md`))
        .find((section) => section.anchor === anchor);
      const cells = section?.text.split("|").map((cell) => cell.trim()) ?? [];
      if (!cells.includes(text)) wrong.push(`${path}: ${text}`);
    }
  }
  assert(count > 0);
  assertEquals(wrong, []);
});

Deno.test("every figure says what was measured and when, in whole rows", () => {
  for (const { title, what, recorded, rows } of FIGURES) {
    assert(what.length > 10, title);
    assert(/^\d{4}-\d\d-\d\d/.test(recorded), title);
    assert(rows.length > 1, title);
    assertEquals(new Set(rows.map(({ length }) => length)).size, 1, title);
  }
});

Deno.test("documents name metrics that there are", () => {
  const known = new Set(METRIC_ROWS.map(([name = ""]) => name.slice(1, -1)));
  const unknown = DOCUMENTS.flatMap((path) =>
    (readDocument(path).match(/\bquipu_[a-z]\w*[a-z]\b/g) ?? [])
      .map((name) => name.replace(/_(?:bucket|sum|count)$/, ""))
      .filter((name) => !known.has(name) && !NO_METRICS.has(name)).map((name) =>
        `${path}: ${name}`
      )
  );
  assertEquals(unknown, []);
});
