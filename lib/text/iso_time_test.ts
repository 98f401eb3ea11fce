import { assertEquals } from "@std/assert";
import { formatIsoTime, parseIsoTime } from "./iso_time.ts";

Deno.test("parseIsoTime() reads dates and times with a zone", () => {
  const noonUs = Date.UTC(2026, 0, 2, 12) * 1000;
  const table: [text: string, timeUs: number | undefined][] = [
    ["2026-01-02T12:00:00Z", noonUs],
    ["2026-01-02t12:00:00z", noonUs],
    ["2026-01-02T12:00Z", noonUs],
    ["2026-01-02 12:00:00Z", noonUs],
    ["2026-01-02T14:00:00+02:00", noonUs],
    ["2026-01-02T14:00:00 02:00", noonUs],
    ["2026-01-02T14:00:00+0200", noonUs],
    ["2026-01-02T07:30:00-04:30", noonUs],
    ["2026-01-02", Date.UTC(2026, 0, 2) * 1000],
    ["2026-01-02T12:00:00.5Z", noonUs + 500_000],
    ["2026-01-02T12:00:00.123456Z", noonUs + 123_456],
    ["2026-01-02T12:00:00.1234567Z", noonUs + 123_456],
    ["2024-02-29", Date.UTC(2024, 1, 29) * 1000],
    ["0001-01-01", -62_135_596_800_000_000],
    ["2026-02-29", undefined],
    ["2026-13-01", undefined],
    ["2026-01-02T24:00:00Z", undefined],
    ["2026-01-02T12:60:00Z", undefined],
    ["2026-01-02T12:00:00+24:00", undefined],
    // Local times are anybody's guess.
    ["2026-01-02T12:00:00", undefined],
    ["2026-1-2", undefined],
    ["20260102T120000Z", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ];
  for (const [text, timeUs] of table) {
    assertEquals(parseIsoTime(text), timeUs, text);
  }
});

Deno.test("formatIsoTime() writes what parseIsoTime() reads, to the microsecond", () => {
  const timeUs = Date.UTC(2026, 0, 31, 12) * 1000 + 7;
  assertEquals(formatIsoTime(timeUs), "2026-01-31T12:00:00.000007+00:00");
  assertEquals(parseIsoTime(formatIsoTime(timeUs)), timeUs);
  const later = timeUs + 93;
  assertEquals(formatIsoTime(later), "2026-01-31T12:00:00.0001+00:00");
  assertEquals(parseIsoTime(formatIsoTime(later)), later);
  const full = timeUs - 7;
  assertEquals(formatIsoTime(full), "2026-01-31T12:00:00+00:00");
});
