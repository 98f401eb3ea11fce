import { assert, assertEquals } from "@std/assert";
import type { LeveledLogger, LogFields } from "../model/logger.ts";
import { escapeControls } from "./escape_controls.ts";
import {
  createLogger,
  type LoggerOptions,
  type SyncWriter,
  writeText,
} from "./logger.ts";

const UTF8 = new TextDecoder();

/** Collects text, a few bytes a call, as a slow pipe takes it. */
function createSlowWriter(): SyncWriter & { text(): string } {
  const bytes: number[] = [];
  return {
    writeSync(given) {
      const taken = given.subarray(0, 7);
      bytes.push(...taken);
      return taken.length;
    },
    text: () => UTF8.decode(new Uint8Array(bytes)),
  };
}

function logged(
  log: (logger: LeveledLogger) => void,
  options: Partial<LoggerOptions> = {},
): string {
  const writer = createSlowWriter();
  const clock = { nowUs: () => 1_372_517_572_570_125 };
  log(createLogger({
    level: "debug",
    format: "text",
    clock,
    writer,
    ...options,
  }));
  return writer.text();
}

Deno.test("a text line has time, level, event and fields", () => {
  const line = logged((logger) =>
    logger.info("segment.rolled", {
      segment: 12,
      path: "/srv/log/00000012.g1.seg",
      isSealed: true,
      reason: null,
      absent: undefined,
      text: 'two "words"',
      empty: "",
    })
  );
  assertEquals(
    line,
    "2013-06-29T14:52:52.570Z info  segment.rolled segment=12 " +
      "path=/srv/log/00000012.g1.seg isSealed=true reason=null " +
      'text="two \\"words\\"" empty=""\n',
  );
});

Deno.test("a JSON line has the same and keeps the logger's own keys", () => {
  const line = logged(
    (logger) => logger.error("store.failed", { level: "x", code: 5, n: NaN }),
    { format: "json" },
  );
  assertEquals(
    line,
    '{"time":"2013-06-29T14:52:52.570Z","level":"error",' +
      '"event":"store.failed","level_":"x","code":5,"n":"NaN"}\n',
  );
});

Deno.test("levels below the least are not written", () => {
  const levels = ["debug", "info", "warn", "error"] as const;
  levels.forEach((level, index) => {
    const text = logged((logger) => {
      for (const each of levels) logger[each](`${each}.happened`);
    }, { level });
    const written = text.trimEnd().split("\n").map((line) =>
      line.split(/ +/)[1]
    );
    assertEquals(written, levels.slice(index));
  });
});

Deno.test("no field can forge a line, a field or an escape sequence", () => {
  const hostile: LogFields = {
    newline: "x\n2013-06-29T14:52:52.570Z error store.lost",
    carriage: "x\ry",
    escape: "\x1b[2Jgone",
    c1: "x\x9b2Jy",
    separator: "x\u2028y\u2029z\x85",
    override: "\u202egnp.exe",
    surrogate: "x\ud800y",
    nul: "x\0y",
    field: "a level=error",
    equals: "a=b",
    quote: 'a" level="error',
    "key with\nnewline": 1,
  };
  for (const format of ["text", "json"] as const) {
    const line = logged((logger) => logger.info("a\nb", hostile), { format });
    assert(line.endsWith("\n"));
    assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line.slice(0, -1)), line);
    assert(!line.includes(" level=error ") && !line.includes(" equals=a=b"));
    if (format === "json") {
      const { override, newline, field } = JSON.parse(line);
      assertEquals(override, hostile.override);
      assertEquals(newline, hostile.newline);
      assertEquals(field, hostile.field);
    }
  }
});

Deno.test("a long value is cut", () => {
  const line = logged((logger) =>
    logger.warn("name.refused", { name: "n".repeat(1_000_000) })
  );
  assert(line.length < 1200, String(line.length));
  assert(line.endsWith("n…\n"), line.slice(-5));
});

Deno.test("writeText() drops what a broken pipe does not take", () => {
  let calls = 0;
  writeText({
    writeSync() {
      calls++;
      throw new Deno.errors.BrokenPipe();
    },
  }, "text");
  assertEquals(calls, 1);
});

Deno.test("escapeControls() leaves ordinary text of every script alone", () => {
  const text = 'naïve "日本語" 🎉 {a: 1} \\n';
  assertEquals(escapeControls(text), text);
  assertEquals(escapeControls("a\tb\u{e0001}"), "a\\u0009b\\udb40\\udc01");
});

Deno.test("the level can be changed while the logger is used", () => {
  const text = logged((logger) => {
    logger.info("one");
    logger.level = "warn";
    logger.info("two");
    logger.warn("three");
    assertEquals(logger.level, "warn");
    logger.level = "debug";
    logger.debug("four");
  }, { level: "info" });
  const events = text.trim().split("\n").map((line) => line.split(/ +/)[2]);
  assertEquals(events, ["one", "three", "four"]);
});
