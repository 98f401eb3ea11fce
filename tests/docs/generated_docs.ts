/**
 * What the documents say of options, commands and exit codes, made from the
 * rows that the program itself has. `deno task docs` writes it; the tidy test
 * compares it.
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

/** The rows of each table, cell by cell, by the name in its mark. */
export const TABLES: Readonly<Record<string, readonly (readonly string[])[]>> =
  {
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

/** The marked usage texts. */
const USAGE = /(<!-- commands -->\n)[^]*(?=<!-- end -->)/;

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
    .replace(USAGE, (_, mark: string) => mark + usageTexts());
}

function usageTexts(): string {
  return COMMANDS.map((command) =>
    `\n## ${command.name}\n\n\`\`\`text\n${
      commandUsage(command).trimEnd()
    }\n\`\`\`\n`
  ).join("") + "\n";
}

function isTable(
  lines: string,
  rows: readonly (readonly string[])[],
): boolean {
  const [head, , ...others] = lines.trimEnd().split("\n").map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()).join("|")
  );
  const wanted = rows.map((cells) => cells.map(escaped).join("|"));
  return [head, ...others].join("\n") === wanted.join("\n");
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const lineOf = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return [head, head.map(() => "---"), ...rows.map((row) => row.map(escaped))]
    .map(lineOf).join("");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
