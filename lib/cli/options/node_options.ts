/**
 * Options as `/info/options` shows them (spec: admin): names, what they do and
 * their values as texts, those of secrets left out.
 *
 * @module
 */

import { encodeValue } from "./option_value.ts";
import {
  OPTION_NAMES,
  type OptionRow,
  OPTIONS,
  type OptionValues,
} from "./options.ts";

/** One option of a running server. */
export interface ShownOption {
  readonly name: string;
  readonly description: string;
  readonly group: string;
  readonly value: string;
  readonly possibleValues?: readonly string[];
}

/** All options, in the order of the table. */
export function showOptions(values: OptionValues): ShownOption[] {
  return OPTION_NAMES.map((name) => {
    const row: OptionRow = OPTIONS[name];
    return {
      name: nameOf(row.flag),
      description: row.help,
      group: OPTIONS[name].group,
      value: row.kind === "secret" ? "" : shownValue(row, values[name]),
      ...(row.kind === "choice" && { possibleValues: row.choices }),
    };
  });
}

/** As the original names its own: `MemDb`. */
function nameOf(flag: string): string {
  return flag.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}

function shownValue(
  row: OptionRow,
  value: OptionValues[keyof OptionValues],
): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return encodeValue(row, value) ?? "";
}
