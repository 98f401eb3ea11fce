/**
 * Tables in Markdown.
 *
 * @module
 */

/** Rows, cell by cell; the first one is the head. */
export type Rows = readonly (readonly string[])[];

/** Not laid out: the formatter does that. */
export function tableOf([head = [], ...rows]: Rows): string {
  const lineOf = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return [head, head.map(() => "---"), ...rows.map((row) => row.map(escaped))]
    .map(lineOf).join("");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
