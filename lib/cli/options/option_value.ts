/**
 * Values of options: from text and JSON, and back into text.
 *
 * @module
 */

import { decodeByteSize, encodeByteSize } from "./byte_size.ts";
import { suggestion } from "./nearest_name.ts";
import { isOfForm } from "./text_form.ts";
import type { OptionRow, TextForm } from "./options.ts";

/** What an option may be. */
export type OptionValue = string | number | boolean | undefined;

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
      // A control character here is a mistake, and would forge log lines.
      return text !== "" && !/\p{Cc}/u.test(text) && hasForm(row, text)
        ? { kind: "value", value: text }
        : bad(describeValues(row));
  }
}

function hasForm(row: OptionRow, text: string): boolean {
  return row.kind !== "text" || row.form === undefined ||
    isOfForm(row.form, text);
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

const FORM_DESCRIPTIONS = {
  url: "an address such as https://events.example.org",
  ipRanges: "addresses or ranges such as 10.0.0.0/8,::1",
  hosts: "hosts such as events.example.org or 10.0.0.5:2113",
  origins: "origins such as https://app.example.org, *, or none",
} satisfies Record<TextForm, string>;

/** Which values an option takes, for messages and tables. */
export function describeValues(row: OptionRow): string {
  switch (row.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${row.least} to ${row.most}`;
    case "bytes":
      return `a size from ${encodeByteSize(row.least)} to ` +
        `${encodeByteSize(row.most)} such as 256MiB`;
    case "choice":
      return `one of ${row.choices.join(", ")}`;
    case "text":
      return row.form === undefined ? TEXT : FORM_DESCRIPTIONS[row.form];
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
