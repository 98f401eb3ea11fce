import { assert, assertEquals } from "@std/assert";
import { decodeText, encodeValue } from "./option_value.ts";
import {
  defaultOf,
  environmentNameOf,
  OPTION_NAMES,
  type OptionRow,
  OPTIONS,
} from "./options.ts";

const ROWS: readonly OptionRow[] = OPTION_NAMES.map((name) => OPTIONS[name]);

Deno.test("every default is a value that its option would take", () => {
  for (const row of ROWS) {
    const value = defaultOf(row);
    const text = encodeValue(row, value);
    if (text === undefined) continue;
    assertEquals(decodeText(row, text), { kind: "value", value });
  }
});

Deno.test("flags are unique kebab-case words that do not look negated", () => {
  assertEquals(new Set(ROWS.map((row) => row.flag)).size, ROWS.length);
  for (const { flag } of ROWS) {
    assert(/^[a-z]+(-[a-z]+)*$/.test(flag), flag);
    assert(!flag.startsWith("no-"), flag);
  }
});

Deno.test("an option excludes only options that exist", () => {
  for (const { excludes } of ROWS) {
    if (excludes === undefined) continue;
    assert(ROWS.some((row) => row.flag === excludes), excludes);
  }
});

Deno.test("environmentNameOf() shouts the flag behind the prefix", () => {
  assertEquals(environmentNameOf("log-level"), "QUIPU_LOG_LEVEL");
});
