/**
 * What the documents say of options, commands, exit codes, routes, metrics and
 * limits, made from the rows that the program itself has, and of figures, made
 * from `docs/figures.json`. `deno task docs` writes it; the tidy test compares
 * it.
 *
 * A document marks the place: the table after `<!-- table: options -->` is
 * made, and so is everything between `<!-- commands -->` and `<!-- end -->`.
 *
 * @module
 */

import { COMMANDS } from "../../lib/cli/commands.ts";
import { EXIT_CODE_MEANINGS } from "../../lib/cli/failures.ts";
import { encodeValue } from "../../lib/cli/options/option_value.ts";
import {
  defaultOf,
  environmentNameOf,
  OPTION_NAMES,
  type OptionRow,
  OPTIONS,
} from "../../lib/cli/options/options.ts";
import { commandUsage, flagLabel } from "../../lib/cli/usage_text.ts";
import { FIGURES, figuresText } from "./figures.ts";
import { type Rows, tableOf } from "./markdown_table.ts";
import { METRIC_ROWS } from "./metric_rows.ts";
import { FIXED_LIMIT_ROWS, OPTION_LIMIT_ROWS } from "./limit_rows.ts";
import { routesText } from "./route_rows.ts";

/** The rows of each table, cell by cell, by the name in its mark. */
export const TABLES: Readonly<Record<string, Rows>> = {
  options: [
    ["Flag", "Environment", "Default", "Meaning"],
    ...OPTION_NAMES.map((name) => optionCells(OPTIONS[name])),
  ],
  commands: [
    ["Command", "Does"],
    ...COMMANDS.map(({ name, summary }) => [`\`quipu ${name}\``, summary]),
  ],
  "exit codes": [
    ["Code", "Meaning"],
    ...EXIT_CODE_MEANINGS.map(([code, meaning]) => [String(code), meaning]),
  ],
  metrics: METRIC_ROWS,
  "limits of options": OPTION_LIMIT_ROWS,
  "fixed limits": FIXED_LIMIT_ROWS,
  ...Object.fromEntries(
    FIGURES.map(({ name, rows }) => [`figures of ${name}`, rows]),
  ),
};

/** What stands between a mark and the end of it, by the mark. */
export const PARTS: Readonly<Record<string, () => string>> = {
  commands: usageTexts,
  routes: routesText,
  figures: figuresText,
};

function optionCells(row: OptionRow): string[] {
  const initial = encodeValue(row, defaultOf(row));
  return [
    row.kind === "secret" ? "none: a secret" : `\`${flagLabel(row)}\``,
    `\`${environmentNameOf(row.flag)}\``,
    initial === undefined ? "" : `\`${initial}\``,
    row.help,
  ];
}

/** A marked table: the mark, its name, and its lines. */
const TABLE = /(<!-- table: ([a-z ]+) -->\n\n)((?:\|.*\n)+)/g;

/** A marked part: the mark, its name, and what follows up to the end. */
const PART = /(<!-- ([a-z]+) -->\n)[^]*?(?=<!-- end -->)/g;

/**
 * The document as it should be.
 *
 * @throws {Error} If it marks a table that there is not.
 */
export function withGenerated(document: string): string {
  return document
    .replace(TABLE, (_, mark: string, name: string, lines: string) => {
      const rows = TABLES[name];
      if (rows === undefined) throw new Error(`There is no table "${name}"`);
      // Only what differs is written, so that the layout of the rest stays.
      return mark + (isTable(lines, rows) ? lines : tableOf(rows));
    })
    .replace(PART, (all, mark: string, name: string) => {
      const part = PARTS[name];
      if (part === undefined) throw new Error(`There is no part "${name}"`);
      const text = part();
      return bare(all) === bare(mark + text) ? all : mark + text;
    });
}

function usageTexts(): string {
  return COMMANDS.map((command) =>
    `\n## ${command.name}\n\n\`\`\`text\n${
      commandUsage(command).trimEnd()
    }\n\`\`\`\n`
  ).join("") + "\n";
}

/** A text without the blanks and lines of hyphens that lay tables out. */
function bare(text: string): string {
  return text.replace(/^(\| *-+ *)+\|$/gm, "|-|").replace(/\s+/g, " ");
}

function isTable(lines: string, rows: Rows): boolean {
  return bare(lines) === bare(tableOf(rows));
}
