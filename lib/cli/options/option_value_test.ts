import { assert, assertEquals } from "@std/assert";
import {
  decodeByteSize,
  decodeText,
  describeValues,
  encodeByteSize,
} from "./option_value.ts";
import { type OptionRow, OPTIONS } from "./options.ts";

Deno.test("a refused value is told an example that is taken", () => {
  let met = 0;
  for (const row of Object.values<OptionRow>(OPTIONS)) {
    const wanted = describeValues(row);
    const example = / such as (\S+?),?(?: |$)/.exec(wanted)?.[1];
    if (example === undefined) continue;
    met++;
    assertEquals(decodeText(row, example).kind, "value", `${wanted}`);
  }
  assert(met > 10, `${met} examples`);
});

Deno.test("an empty text is refused as empty", () => {
  assertEquals(decodeText(OPTIONS.directory, ""), {
    kind: "bad",
    wanted: "text that is not empty",
  });
});

Deno.test("decodeByteSize() knows binary and decimal units in any case", () => {
  const cases: [string, number | undefined][] = [
    ["0", 0],
    ["1500", 1500],
    ["1500B", 1500],
    ["256MiB", 268_435_456],
    ["256mib", 268_435_456],
    ["256 MiB", 268_435_456],
    ["4GiB", 4_294_967_296],
    ["1KiB", 1024],
    ["1kB", 1000],
    ["2MB", 2_000_000],
    ["3GB", 3_000_000_000],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", undefined],
    ["9007199254740991KiB", undefined],
    ["", undefined],
    ["MiB", undefined],
    ["-1", undefined],
    ["1.5MiB", undefined],
    ["1e3", undefined],
    ["256M", undefined],
    ["256MiBs", undefined],
    [" 256", undefined],
  ];
  for (const [text, bytes] of cases) {
    assertEquals(decodeByteSize(text), bytes, text);
  }
});

Deno.test("encodeByteSize() is exact and reads back", () => {
  assertEquals(encodeByteSize(256 * 1024 ** 2), "256MiB");
  assertEquals(encodeByteSize(1024 ** 3), "1GiB");
  assertEquals(encodeByteSize(4 * 1024 ** 3 - 1), "4294967295B");
  for (const bytes of [0, 1, 1023, 1024, 1025, 1536, 1024 ** 2 * 3]) {
    assertEquals(decodeByteSize(encodeByteSize(bytes)), bytes);
  }
});
