import { assertEquals } from "@std/assert";
import {
  ATOM,
  ATOM_JSON,
  ATOM_OR_HTML,
  EVENT,
  type MediaTypeSet,
  negotiateRequest,
  negotiateResponse,
} from "./negotiation.ts";

const VENDOR = "application/vnd.eventstore.";
const JAVA_ACCEPT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";

function chosen(
  offered: MediaTypeSet,
  accept: string | null,
  format?: string,
): string | undefined {
  return negotiateResponse(offered, {
    accept,
    format,
    withoutAccept: undefined,
  })
    ?.name;
}

Deno.test("negotiateRequest() knows a type in any case, with blanks, and one charset", () => {
  const table: [contentType: string | null, name: string | undefined][] = [
    ["application/json", "application/json"],
    ["application/json; charset=utf-8", "application/json"],
    ["application/json;charset=UTF-8", "application/json"],
    ['application/json; charset="utf-8"', "application/json"],
    ["application/json; charset=latin1", undefined],
    ["application/json; charset=nonsense", undefined],
    ["application/xml; charset=latin1", undefined],
    ["application/xml; charset=ISO-8859-1", "application/xml"],
    [VENDOR + 'events+xml; charset="utf-16"', VENDOR + "events+xml"],
    ["text/xml; charset=us-ascii", "text/xml"],
    ["application/json; charset=us-ascii", undefined],
    ["application/json; boundary=x", "application/json"],
    ["application/json;", "application/json"],
    [VENDOR + "events+json", VENDOR + "events+json"],
    ["application/octet-stream", "application/octet-stream"],
    ["application/octet-stream; charset=utf-8", undefined],
    ["Application/JSON", "application/json"],
    [" application/json\t", "application/json"],
    ["application/json ; charset=utf-8", "application/json"],
    ["application/json ;\tCharset = UTF-8 ; x = y", "application/json"],
    ["APPLICATION/VND.EVENTSTORE.EVENTS+JSON", VENDOR + "events+json"],
    ["application/ json", undefined],
    ["application/json, text/xml", undefined],
    ["application/x-www-form-urlencoded", undefined],
    ["text/html", undefined],
    ["text", undefined],
    ["", undefined],
    [null, undefined],
  ];
  for (const [contentType, name] of table) {
    for (const time of ["first", "remembered"]) {
      assertEquals(
        negotiateRequest(ATOM, contentType)?.type.name,
        name,
        `${contentType}, ${time}`,
      );
    }
  }
});

Deno.test("negotiateResponse() follows Accept", () => {
  const table: [
    set: MediaTypeSet,
    accept: string | null,
    name: string | undefined,
  ][] = [
    [EVENT, null, "application/atom+xml"],
    [EVENT, "*/*", "application/atom+xml"],
    [EVENT, "application/*", "application/atom+xml"],
    [EVENT, "text/*", "text/xml"],
    [EVENT, "application/json", "application/json"],
    [EVENT, "APPLICATION/JSON", "application/json"],
    [EVENT, "application/json; charset=utf-8", "application/json"],
    [EVENT, "image/png, application/json", "application/json"],
    [EVENT, "image/png, */*;q=0.1", "application/atom+xml"],
    [
      EVENT,
      " text/xml ; q = 0.1 ,\tapplication/json\t;\tq=0.9 ",
      "application/json",
    ],
    [EVENT, ", ,text/xml,", "text/xml"],
    [EVENT, "text / xml", undefined],
    // What HttpURLConnection of Java sends by default.
    [EVENT, JAVA_ACCEPT, "text/html"],
    [ATOM, JAVA_ACCEPT, VENDOR + "streamdesc+json"],
    [EVENT, "text/xml;q=0.1,application/json;q=0.9", "application/json"],
    [EVENT, "text/xml,application/json", "text/xml"],
    [EVENT, "application/json,text/xml", "application/json"],
    [EVENT, "application/json;q=0", "application/json"],
    [EVENT, "application/json;q=0,text/xml;q=0.1", "text/xml"],
    [EVENT, "text/xml;q=,application/json", "text/xml"],
    [EVENT, "text/xml;q=x,application/json;q=0.5", "text/xml"],
    [EVENT, "garbage,text/xml", "text/xml"],
    [EVENT, "garbage", undefined],
    [EVENT, "image/png", undefined],
    [EVENT, VENDOR + "events+json", undefined],
    [EVENT, "", "application/atom+xml"],
    [EVENT, " , ,\t", "application/atom+xml"],
    [ATOM_OR_HTML, "*/*;q=0.5", VENDOR + "streamdesc+json"],
    [ATOM_OR_HTML, VENDOR + "events+json", VENDOR + "events+json"],
    [ATOM_OR_HTML, "application/octet-stream", undefined],
    [
      ATOM_OR_HTML,
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "text/html",
    ],
    [ATOM, "text/html", undefined],
  ];
  for (const [set, accept, name] of table) {
    for (const time of ["first", "remembered"]) {
      assertEquals(chosen(set, accept), name, `${accept}, ${time}`);
    }
  }
});

Deno.test("negotiateResponse() lets format alone decide", () => {
  const table: [
    set: MediaTypeSet,
    format: string,
    name: string | undefined,
  ][] = [
    [EVENT, "json", "application/json"],
    [EVENT, "xml", "text/xml"],
    [EVENT, "atom", "application/atom+xml"],
    [EVENT, "atomxj", VENDOR + "atom+json"],
    [EVENT, "html", "text/html"],
    [ATOM, "html", undefined],
    [EVENT, "text", undefined],
    [EVENT, "atomsvc", undefined],
    [EVENT, "bogus", undefined],
    [EVENT, "", undefined],
  ];
  for (const [set, format, name] of table) {
    assertEquals(chosen(set, "image/png", format), name, format);
  }
});

Deno.test("negotiateResponse() serves a route's own default where no type is named", () => {
  const nameFor = (accept: string | null) =>
    negotiateResponse(ATOM_OR_HTML, {
      accept,
      format: undefined,
      withoutAccept: ATOM_JSON,
    })?.name;
  assertEquals(nameFor(null), ATOM_JSON.name);
  assertEquals(nameFor(""), ATOM_JSON.name);
  assertEquals(nameFor(" , "), ATOM_JSON.name);
  assertEquals(nameFor("*/*"), ATOM_JSON.name);
  assertEquals(nameFor("image/png, */*"), ATOM_JSON.name);
  // Only the range by itself is what says nothing, as recorded.
  assertEquals(nameFor("*/*;q=0.1"), VENDOR + "streamdesc+json");
  assertEquals(nameFor("text/html;q=0.1, */*"), ATOM_JSON.name);
  assertEquals(nameFor("application/*"), VENDOR + "streamdesc+json");
});

Deno.test("negotiateResponse() remembers no more than it can hold", () => {
  for (let index = 0; index < 1000; index++) {
    assertEquals(
      chosen(EVENT, `text/xml;x=${index}`),
      "text/xml",
    );
  }
  assertEquals(chosen(EVENT, "image/png;" + "x".repeat(10_000)), undefined);
});
