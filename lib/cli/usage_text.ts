/**
 * Usage texts, laid out from the tables of commands and options.
 *
 * @module
 */

import type { CommandRow } from "./command.ts";
import { EXIT_CODE_MEANINGS } from "./failures.ts";
import { encodeValue } from "./options/option_value.ts";
import {
  defaultOf,
  environmentNameOf,
  type OptionRow,
  OPTIONS,
} from "./options/options.ts";

const LINE_LENGTH_MAX = 80;
const INDENT = "  ";

type Row = readonly [label: string, text: string];

/** What `quipu help` shows. */
export function programUsage(
  commands: readonly CommandRow[],
  version: string,
): string {
  const summaries = commands.map(({ name, summary }): Row => [name, summary]);
  const exitCodes = EXIT_CODE_MEANINGS.map(([code, text]): Row => [
    String(code),
    text,
  ]);
  return [
    `Quipu ${version}: an event store with the HTTP API of Event Store 4.0.2`,
    "",
    "Usage: quipu <command> [options]",
    "",
    "Commands",
    ...table(summaries),
    "",
    "Exit codes",
    ...table(exitCodes),
    "",
    "The options of a command: quipu <command> --help",
    "",
  ].join("\n");
}

/** What `quipu <command> --help` shows. */
export function commandUsage(command: CommandRow): string {
  const operands = Object.values(command.operands ?? {});
  const rows = optionsOf(command);
  const parts = [`quipu ${command.name}`];
  for (const { label, isOptional } of operands) {
    parts.push(isOptional ? `[${label}]` : label);
  }
  if (rows.length > 0) parts.push("[options]");
  const lines = [`Usage: ${parts.join(" ")}`, "", command.summary, ""];
  if (command.details !== undefined) {
    lines.push(...wrap(command.details, LINE_LENGTH_MAX), "");
  }
  const labelLength = Math.max(
    0,
    ...rows.map((row) => flagLabel(row).length),
    ...operands.map(({ label }) => label.length),
  );
  if (operands.length > 0) {
    const shown = operands.map(({ label, help }): Row => [label, help]);
    lines.push("Operands", ...table(shown, labelLength), "");
  }
  if (rows.length > 0) lines.push(...optionLines(rows, labelLength), "");
  if (command.online !== undefined) {
    lines.push(
      ...wrap(
        "While a server has the directory, ask it instead: " +
          command.online,
        LINE_LENGTH_MAX,
      ),
      "",
    );
  }
  return lines.join("\n");
}

/** What a command takes as flags: first what it alone has. */
export function optionsOf(command: CommandRow): OptionRow[] {
  return [
    ...Object.values(command.own ?? {}),
    ...command.options.map((name): OptionRow => {
      const help = command.meanings?.[name];
      return help === undefined ? OPTIONS[name] : { ...OPTIONS[name], help };
    }),
  ];
}

function optionLines(
  rows: readonly OptionRow[],
  labelLength: number,
): string[] {
  const lines: string[] = [];
  for (const group of new Set(rows.map((row) => row.group))) {
    const grouped = rows.filter((row) => row.group === group);
    lines.push(
      group ?? "Options of this command",
      ...table(grouped.map(optionRow), labelLength),
      "",
    );
  }
  const isOneShared = rows.some((row) => row.group !== undefined);
  if (!isOneShared) return lines.slice(0, -1);
  const areAllShared = rows.every((row) => row.group !== undefined);
  const example = OPTIONS.logLevel.flag;
  lines.push(...wrap(
    `Each ${areAllShared ? "option" : "other option"} may also be an ` +
      `environment variable ` +
      `(${environmentNameOf(example)} for --${example}) or a key of the JSON ` +
      `file named by --${OPTIONS.configFile.flag} ("${example}"). A flag wins ` +
      `over a variable, a variable over the file. --no-x turns off a switch ` +
      `--x that one of them turned on.`,
    LINE_LENGTH_MAX,
  ));
  return lines;
}

function optionRow(row: OptionRow): Row {
  const initial = row.kind === "boolean"
    ? undefined
    : encodeValue(row, defaultOf(row));
  return [
    flagLabel(row),
    initial === undefined ? row.help : `${row.help} [default: ${initial}]`,
  ];
}

/**
 * The flag with a placeholder for its value, `--port NUMBER`; for a secret,
 * which has none, its environment variable.
 */
export function flagLabel(row: OptionRow): string {
  switch (row.kind) {
    case "boolean":
      return `--${row.flag}`;
    case "integer":
      return `--${row.flag} NUMBER`;
    case "bytes":
      return `--${row.flag} SIZE`;
    case "choice":
      return `--${row.flag} ${row.choices.join("|")}`;
    case "text":
      return `--${row.flag} ${row.valueName}`;
    case "secret":
      return environmentNameOf(row.flag);
  }
}

function table(rows: readonly Row[], labelLengthLeast = 0): string[] {
  const labelLength = Math.max(
    labelLengthLeast,
    ...rows.map(([label]) => label.length),
  );
  const textStart = INDENT.length + labelLength + 2;
  return rows.flatMap(([label, text]) =>
    wrap(text, LINE_LENGTH_MAX - textStart).map((line, i) =>
      i === 0
        ? INDENT + label.padEnd(labelLength) + "  " + line
        : " ".repeat(textStart) + line
    )
  );
}

function wrap(text: string, lengthMax: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > lengthMax) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
