/**
 * Values of options: from text and JSON, and back into text. Numbers of bytes
 * are written as people do: `256MiB`.
 *
 * @module
 */

import { suggestion } from "./nearest_name.ts";
import type { OptionRow, OptionValue } from "./options.ts";
import { TEXT_FORMS } from "./text_form.ts";

/** A value, or what it should have been. */
export type DecodedValue =
  | { readonly kind: "value"; readonly value: OptionValue }
  | { readonly kind: "bad"; readonly wanted: string };

const BOOLEANS = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false],
]);

/** Decodes the value of a flag or an environment variable. */
export function decodeText(row: OptionRow, text: string): DecodedValue {
  switch (row.kind) {
    case "boolean": {
      const value = BOOLEANS.get(text.toLowerCase());
      return value === undefined
        ? bad("true or false")
        : { kind: "value", value };
    }
    case "integer":
      return decodeNumber(
        row,
        /^\d{1,16}$/.test(text) ? Number(text) : undefined,
      );
    case "bytes":
      return decodeNumber(row, decodeByteSize(text));
    case "choice":
      return row.choices.includes(text)
        ? { kind: "value", value: text }
        : bad(describeValues(row) + suggestion(text, row.choices));
    case "text":
    case "secret":
      if (text === "") return bad("text that is not empty");
      // A control character here is a mistake, and would forge log lines.
      return !/\p{Cc}/u.test(text) && hasForm(row, text)
        ? { kind: "value", value: text }
        : bad(describeValues(row));
  }
}

function hasForm(row: OptionRow, text: string): boolean {
  return row.kind !== "text" || row.form === undefined ||
    TEXT_FORMS[row.form].parse(text) !== undefined;
}

/** Decodes a value of the configuration file. */
export function decodeJson(row: OptionRow, json: unknown): DecodedValue {
  switch (row.kind) {
    case "boolean":
      return typeof json === "boolean"
        ? { kind: "value", value: json }
        : bad("true or false");
    case "integer":
      return decodeNumber(row, typeof json === "number" ? json : undefined);
    case "bytes":
      if (typeof json === "string") return decodeText(row, json);
      return decodeNumber(row, typeof json === "number" ? json : undefined);
    case "choice":
    case "text":
    case "secret":
      return typeof json === "string"
        ? decodeText(row, json)
        : bad(describeValues(row));
  }
}

function decodeNumber(
  row: OptionRow & { readonly least: number; readonly most: number },
  value: number | undefined,
): DecodedValue {
  const isGood = value !== undefined && Number.isSafeInteger(value) &&
    value >= row.least && value <= row.most;
  return isGood ? { kind: "value", value } : bad(describeValues(row));
}

function bad(wanted: string): DecodedValue {
  return { kind: "bad", wanted };
}

const TEXT = "text without control characters";

/** Which values an option takes, for messages and tables. */
export function describeValues(row: OptionRow): string {
  switch (row.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${row.least} to ${row.most}`;
    case "bytes":
      return `a size from ${encodeByteSize(row.least)} to ` +
        `${encodeByteSize(row.most)} such as ${encodeByteSize(row.default)}`;
    case "choice":
      return `one of ${row.choices.join(", ")}`;
    case "text":
      return row.form === undefined ? TEXT : TEXT_FORMS[row.form].wanted;
    case "secret":
      return TEXT;
  }
}

/** What stands for a secret wherever it would be shown. */
const HIDDEN = "(hidden)";

/** An option's value as it would be typed; undefined when it has none. */
export function encodeValue(
  row: OptionRow,
  value: OptionValue,
): string | undefined {
  if (value === undefined) return undefined;
  if (row.kind === "secret") return HIDDEN;
  return row.kind === "bytes" && typeof value === "number"
    ? encodeByteSize(value)
    : String(value);
}

const UNITS = new Map<string, number>([
  ["", 1],
  ["b", 1],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
  ["kb", 1000],
  ["mb", 1000 ** 2],
  ["gb", 1000 ** 3],
]);

/**
 * Decodes a whole number with an optional unit (B, KiB, MiB, GiB, kB, MB, GB,
 * in any case).
 *
 * @returns `undefined` when it is written otherwise or is no safe integer.
 */
export function decodeByteSize(text: string): number | undefined {
  const match = /^(\d{1,16}) ?([a-z]{0,3})$/i.exec(text);
  if (match === null) return undefined;
  const [, digits = "", unit = ""] = match;
  const bytesPerUnit = UNITS.get(unit.toLowerCase());
  if (bytesPerUnit === undefined) return undefined;
  const bytes = Number(digits) * bytesPerUnit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact way to write a number of bytes: `256MiB`, `1500B`. */
export function encodeByteSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const bytesPerUnit = UNITS.get(unit.toLowerCase()) ?? 1;
    if (bytes >= bytesPerUnit && bytes % bytesPerUnit === 0) {
      return `${bytes / bytesPerUnit}${unit}`;
    }
  }
  return `${bytes}B`;
}
