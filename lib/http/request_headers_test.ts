import { assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "./errors.ts";
import {
  checkRequireMaster,
  isKnownToClient,
  readEventId,
  readEventType,
  readExpectedVersion,
  readHardDelete,
  readLongPollMs,
  readResolveLinks,
} from "./request_headers.ts";

function refusalOf(decode: () => unknown): string {
  return assertThrows(decode, Refusal).message;
}

Deno.test("readExpectedVersion() reads versions and their special values", () => {
  const table: [text: string, version: unknown][] = [
    ["-2", "any"],
    ["-1", "noStream"],
    ["-4", "streamExists"],
    ["0", 0],
    [" 7 ", 7],
    ["+7", 7],
    ["9007199254740991", 9007199254740991],
    ["9223372036854775807", 2 ** 63],
  ];
  for (const [text, version] of table) {
    const headers = new Headers({ "ES-ExpectedVersion": text });
    assertEquals(readExpectedVersion(headers), version, text);
  }
  assertEquals(readExpectedVersion(new Headers()), "any");
});

Deno.test("readExpectedVersion() refuses what is no version", () => {
  const texts = ["-3", "-5", "x", "", "1.0", "0x1", "9223372036854775808"];
  for (const text of texts) {
    const headers = new Headers({ "ES-ExpectedVersion": text });
    assertEquals(
      refusalOf(() => readExpectedVersion(headers)),
      "ES-ExpectedVersion header in wrong format.",
      text,
    );
  }
});

Deno.test("readEventId() refuses ids that are none", () => {
  for (const text of ["x", "", "00000000-0000-0000-0000-000000000000"]) {
    const headers = new Headers({ "ES-EventId": text });
    assertEquals(
      refusalOf(() => readEventId(headers)),
      "ES-EventId header in wrong format.",
    );
  }
  assertEquals(readEventId(new Headers()), undefined);
});

Deno.test("readEventType() decodes UTF-8, and Latin-1 where it is none", () => {
  const typeOf = (text: string) =>
    readEventType(new Headers({ "ES-EventType": text }));
  assertEquals(typeOf("plain"), "plain");
  assertEquals(typeOf("\xc3\xbc"), "ü");
  assertEquals(typeOf("\xfc"), "ü");
  assertEquals(typeOf(""), "");
  assertEquals(readEventType(new Headers()), undefined);
});

Deno.test("flags are true or false in any case, in both spellings", () => {
  const resolves = (name: string, value: string) =>
    readResolveLinks(new Headers({ [name]: value }));
  assertEquals(readResolveLinks(new Headers()), true);
  assertEquals(resolves("ES-ResolveLinkTos", "False"), false);
  assertEquals(resolves("ES-ResolveLinkTo", "false"), false);
  assertEquals(resolves("ES-ResolveLinkTos", "TRUE"), true);
  assertEquals(
    refusalOf(() => resolves("ES-ResolveLinkTo", "yes")),
    "ES-ResolveLinkTos header in wrong format.",
  );
  assertEquals(readHardDelete(new Headers()), false);
  assertEquals(readHardDelete(new Headers({ "ES-HardDelete": "TRUE" })), true);
  for (const name of ["ES-RequireMaster", "ES-RequiresMaster"]) {
    checkRequireMaster(new Headers({ [name]: "True" }));
    assertEquals(
      refusalOf(() => checkRequireMaster(new Headers({ [name]: "1" }))),
      "ES-RequireMaster header in wrong format.",
    );
  }
});

Deno.test("readLongPollMs() reads seconds and bounds them", () => {
  const read = (text: string) =>
    readLongPollMs(new Headers({ "ES-LongPoll": text }));
  assertEquals(readLongPollMs(new Headers()), 0);
  assertEquals(read("1"), 1000);
  assertEquals(read("119"), 119_000);
  assertEquals(read("120"), 120_000);
  assertEquals(read("121"), 120_000);
  assertEquals(read("1000000"), 120_000);
  for (const text of ["0", "-1", "x", "1.5", ""]) {
    assertEquals(
      refusalOf(() => read(text)),
      "ES-LongPoll header in wrong format.",
      text,
    );
  }
});

Deno.test("isKnownToClient() compares ETags weakly, in lists and with *", () => {
  const table: [text: string, isKnown: boolean][] = [
    ['"29;248368668"', true],
    ["29;248368668", true],
    [' "29;248368668" ', true],
    ['W/"29;248368668"', true],
    ['"x", "29;248368668"', true],
    ['W/"x" ,\tW/"29;248368668","y"', true],
    ["*", true],
    [" * ", true],
    ['"-29;248368668"', false],
    ['"29;-1296467268"', false],
    ['"29"', false],
    ['"29;248368668;0"', false],
    ['"x", "y"', false],
    ['"*"', false],
    ["", false],
  ];
  for (const [text, isKnown] of table) {
    const headers = new Headers({ "If-None-Match": text });
    assertEquals(isKnownToClient(headers, '"29;248368668"'), isKnown, text);
  }
  assertEquals(isKnownToClient(new Headers(), '"29;248368668"'), false);
});
