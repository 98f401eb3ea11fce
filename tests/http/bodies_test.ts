/**
 * Bodies as they come: their encoding and their codings, on every route that
 * takes one.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import {
  isXml,
  type MediaType,
  OCTET_STREAM,
  STREAM_DESCRIPTION,
} from "../../lib/http/negotiation.ts";
import type { Route } from "../../lib/http/route.ts";
import { ROUTES } from "../../lib/http/routes/table.ts";
import { requestTypesOf } from "../support/request_types.ts";
import { testUuid } from "../support/events.ts";
import { ADMIN, openSecuredApp } from "../support/secured_app.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestAnswer,
  type TestApp,
} from "../support/test_app.ts";
import { openMaintenancePlace } from "../support/maintenance_place.ts";

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const EVENTS_XML = "application/vnd.eventstore.events+xml";
const NOT_UTF8 = "Request body invalid: it is not UTF-8";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function utf16(text: string, isLittle: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) {
    view.setUint16(index * 2, text.charCodeAt(index), isLittle);
  }
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Every route with a body, and every type that it may have. */
const TAKERS = ROUTES.flatMap((route) =>
  route.handler.name === "redirectToUnslashed"
    ? []
    : requestTypesOf(route.request)
      .filter((type) => type !== STREAM_DESCRIPTION)
      .map((type) => ({ route, type }))
);

function isOfMaintenance({ handler }: Route): boolean {
  return ["downloadNewBackup", "importLines"].includes(handler.name);
}

async function sendTo(
  { route, type }: { readonly route: Route; readonly type: MediaType },
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestAnswer> {
  const path = route.template
    .replace("{stream}", "s")
    .replace("{guid}", testUuid(1))
    .replace("{login}", "admin");
  const request = {
    method: route.method,
    headers: {
      "Content-Type": type.name,
      "ES-EventId": testUuid(1),
      ...(route.handler.name === "appendEvents" &&
        { "ES-EventType": "tested" }),
      ...headers,
    },
    body,
  };
  if (isOfMaintenance(route)) {
    await using place = await openMaintenancePlace();
    const login = { Authorization: TEST_LOGINS.admin };
    return await place.test.send(path, {
      ...request,
      headers: { ...request.headers, ...login },
    });
  }
  await using app = await openSecuredApp();
  return await app.send(path, {
    ...request,
    headers: { ...request.headers, ...ADMIN },
  });
}

Deno.test("a body that is not in its encoding is 400 on every route, in every type of text", async () => {
  for (const taker of TAKERS) {
    if (taker.type === OCTET_STREAM) continue;
    const name = `${taker.route.template} ${taker.type.name}`;
    const answer = await sendTo(taker, latin1('[{"a":"\xfc"}]'));
    assertEquals([name, answer.status], [name, 400]);
    const text = isXml(taker.type) ? "it is not in its encoding" : "not UTF-8";
    assertStringIncludes(answer.body, text, name);
  }
});

Deno.test("a coding that is not known is 415 on every route, and says which are", async () => {
  for (const taker of TAKERS) {
    for (const coding of ["br", "gzip, zstd", "x".repeat(1000)]) {
      const name = `${taker.route.template} ${taker.type.name} ${coding}`;
      const answer = await sendTo(taker, bytesOf("{}"), {
        "Content-Encoding": coding,
      });
      assertEquals([name, answer.status], [name, 415]);
      assertEquals(answer.headers.get("Accept-Encoding"), "gzip, deflate");
    }
  }
});

Deno.test("what is gzipped is answered as what is not, on every route", async () => {
  for (const taker of TAKERS) {
    for (const body of ["{}", "[", "<a", '{"level":"info"}']) {
      const name = `${taker.route.template} ${taker.type.name} ${body}`;
      const plain = await sendTo(taker, bytesOf(body));
      const coded = await sendTo(taker, new Uint8Array(gzipSync(body)), {
        "Content-Encoding": "gzip",
      });
      const wanted = [name, plain.status, withoutChance(plain.body)];
      const got = [name, coded.status, withoutChance(coded.body)];
      assertEquals(got, wanted);
    }
  }
});

/** Of a backup, which tells when it was taken, only that there is one. */
function withoutChance(body: string): string {
  return body.length > 1000
    ? "long"
    : body.replaceAll(/"(token|tokenId)": "[^"]+"/g, "");
}

async function storedOf(
  app: TestApp,
  options: {
    readonly type: string;
    readonly body: Uint8Array<ArrayBuffer>;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<[status: number, text: string]> {
  const { type, body, headers = {} } = options;
  const written = await app.send("/streams/s", {
    headers: {
      "Content-Type": type,
      "ES-EventId": testUuid(1),
      "ES-EventType": "tested",
      ...headers,
    },
    body,
  });
  if (written.status !== 201) return [written.status, written.body];
  const stored = await app.store.readEvent("s", 0);
  return [201, new TextDecoder().decode(stored?.event.data)];
}

const MARK = new Uint8Array([0xef, 0xbb, 0xbf]);
const LITTLE = new Uint8Array([0xff, 0xfe]);
const BIG = new Uint8Array([0xfe, 0xff]);
const UNKNOWN = "Encoding of XML not supported. Supported are UTF-8, UTF-16 " +
  "with a byte order mark, ISO-8859-1 and US-ASCII";
const NOT_ITS = "Request body invalid: it is not in its encoding";

function xml(encoding: string | undefined, text: string): string {
  const declared = encoding === undefined
    ? ""
    : `<?xml version="1.0" encoding="${encoding}"?>`;
  return `${declared}<e><x><eventId>${testUuid(1)}</eventId>` +
    `<eventType>t</eventType><data>${text}</data></x></e>`;
}

Deno.test("XML is read in the encoding that it declares", async (test) => {
  const u = "utf-8";
  const table: [
    name: string,
    type: string,
    body: Uint8Array<ArrayBuffer>,
    status: number,
    text: string,
  ][] = [
    ["UTF-8", EVENTS_XML, bytesOf(xml(undefined, "ü水👍")), 201, "ü水👍"],
    ["its mark", EVENTS_XML, join(MARK, bytesOf(xml(u, "ü"))), 201, "ü"],
    [
      "UTF-16LE",
      EVENTS_XML,
      join(LITTLE, utf16(xml("utf-16", "ü水👍"), true)),
      201,
      "ü水👍",
    ],
    [
      "UTF-16BE",
      EVENTS_XML,
      join(BIG, utf16(xml(undefined, "ü水👍"), false)),
      201,
      "ü水👍",
    ],
    [
      "ISO-8859-1",
      EVENTS_XML,
      latin1(xml("ISO-8859-1", "ü\x80")),
      201,
      "ü\x80",
    ],
    [
      "in quotes",
      EVENTS_XML,
      latin1(xml("iso-8859-1", "ü").replaceAll('"', "'")),
      201,
      "ü",
    ],
    ["US-ASCII", EVENTS_XML, bytesOf(xml("us-ascii", "u")), 201, "u"],
    [
      "US-ASCII with more",
      EVENTS_XML,
      latin1(xml("US-ASCII", "ü")),
      400,
      NOT_ITS,
    ],
    [
      "half of UTF-16",
      EVENTS_XML,
      join(LITTLE, utf16(xml("utf-16", "ü"), true), LITTLE.subarray(1)),
      400,
      NOT_ITS,
    ],
    [
      "a lone surrogate",
      EVENTS_XML,
      join(BIG, utf16(xml("utf-16", "\ud800"), false)),
      400,
      NOT_ITS,
    ],
    [
      "UTF-16 without a mark",
      EVENTS_XML,
      utf16(xml("utf-16", "ü"), true),
      415,
      UNKNOWN,
    ],
    [
      "UTF-8 that says UTF-16",
      EVENTS_XML,
      bytesOf(xml("utf-16", "u")),
      415,
      UNKNOWN,
    ],
    [
      "windows-1252",
      EVENTS_XML,
      latin1(xml("windows-1252", "ü")),
      415,
      UNKNOWN,
    ],
    ["no name at all", EVENTS_XML, latin1(xml("", "u")), 415, UNKNOWN],
    // What came with the document counts more than its declaration.
    [
      "a charset",
      EVENTS_XML + "; charset=ISO-8859-1",
      latin1(xml(u, "ü")),
      201,
      "ü",
    ],
    [
      "UTF-8 for UTF-16",
      EVENTS_XML + ";charset=utf-8",
      bytesOf(xml("utf-16", "ü")),
      201,
      "ü",
    ],
    [
      "UTF-16BE by name",
      EVENTS_XML + ";charset=utf-16be",
      utf16(xml(undefined, "ü"), false),
      201,
      "ü",
    ],
    [
      "a mark against it",
      EVENTS_XML + ";charset=utf-8",
      join(LITTLE, utf16(xml(u, "ü"), true)),
      201,
      "ü",
    ],
    [
      "UTF-16 of unknown order",
      EVENTS_XML + ";charset=utf-16",
      utf16(xml(undefined, "ü"), false),
      415,
      UNKNOWN,
    ],
    [
      "another charset",
      EVENTS_XML + ";charset=koi8-r",
      bytesOf(xml(u, "u")),
      415,
      "Invalid or missing Content-Type",
    ],
    [
      "one event",
      "text/xml",
      latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>ü</a>'),
      201,
      '<?xml version="1.0" encoding="ISO-8859-1"?><a>ü</a>',
    ],
  ];
  for (const [name, type, body, status, text] of table) {
    await test.step(name, async () => {
      await using app = openTestApp();
      assertEquals(await storedOf(app, { type, body }), [status, text]);
    });
  }
});

Deno.test("a mark at the start of a body is dropped, and no other", async (test) => {
  const event = (data: string) =>
    bytesOf(`[{"eventId":"${testUuid(1)}","eventType":"t","data":"${data}"}]`);
  const table: [string, string, Uint8Array<ArrayBuffer>, string][] = [
    ["events", EVENTS_JSON, join(MARK, event("\ufeffa")), "\ufeffa"],
    [
      "events in XML",
      EVENTS_XML,
      join(MARK, bytesOf(xml(undefined, "\ufeffa"))),
      "\ufeffa",
    ],
    ["JSON", "application/json", join(MARK, bytesOf("{}")), "{}"],
    [
      "two of them",
      "application/json",
      join(MARK, MARK, bytesOf("{}")),
      "\ufeff{}",
    ],
    ["XML", "application/xml", join(MARK, bytesOf("<a/>")), "<a/>"],
    ["bytes", "application/octet-stream", join(MARK, bytesOf("x")), "\ufeffx"],
  ];
  for (const [name, type, body, text] of table) {
    await test.step(name, async () => {
      await using app = openTestApp();
      const written = await storedOf(app, { type, body });
      assertEquals(written[0], 201, written[1]);
      const stored = await app.store.readEvent("s", 0);
      assertEquals(stored?.event.data, bytesOf(text));
    });
  }
});

Deno.test("bytes that are no UTF-8 are refused wherever they stand, and nothing is written", async () => {
  const bad: [string, number[]][] = [
    ["a lone byte", [0xff]],
    ["a lone continuation", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
    ["half a character", [0xe6, 0xb0]],
  ];
  const json = `[{"eventId":"${
    testUuid(1)
  }","eventType":"t@","data":{"@":"@"}}]`;
  for (const [name, bytes] of bad) {
    for (const place of [0, 1, 2]) {
      const [start = "", ...rest] = json.split("@");
      const parts = [bytesOf(start)];
      for (const [index, part] of rest.entries()) {
        if (index === place) parts.push(Uint8Array.from(bytes));
        parts.push(bytesOf(part));
      }
      await using app = openTestApp();
      const answer = await storedOf(app, {
        type: EVENTS_JSON,
        body: join(...parts),
      });
      assertEquals([name, ...answer], [name, 400, NOT_UTF8]);
      assertEquals((await app.store.readState("s")).head, -1);
    }
  }
});

Deno.test("Content-Encoding names what is undone, the last one first", async (test) => {
  const body = bytesOf('{"a":1}');
  const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
  const deflate = (bytes: Uint8Array) => new Uint8Array(deflateSync(bytes));
  const both = join(gzip(bytesOf('{"a"')), gzip(bytesOf(":1}")));
  const table: [string, Uint8Array<ArrayBuffer>, number, string][] = [
    ["gzip", gzip(body), 201, '{"a":1}'],
    ["GZip", gzip(body), 201, '{"a":1}'],
    ["x-gzip", gzip(body), 201, '{"a":1}'],
    ["deflate", deflate(body), 201, '{"a":1}'],
    // As .NET's DeflateStream makes it.
    ["deflate", new Uint8Array(deflateRawSync(body)), 201, '{"a":1}'],
    ["identity", body, 201, '{"a":1}'],
    ["", body, 201, '{"a":1}'],
    [" identity , gzip,", gzip(body), 201, '{"a":1}'],
    ["deflate, gzip", gzip(deflate(body)), 201, '{"a":1}'],
    ["gzip, deflate", deflate(gzip(body)), 201, '{"a":1}'],
    ["gzip", both, 201, '{"a":1}'],
    ["gzip", gzip(join(MARK, body)), 201, '{"a":1}'],
    ["gzip", new Uint8Array(0), 201, ""],
    [
      "gzip, deflate",
      gzip(deflate(body)),
      400,
      "Request body invalid: it is not deflate",
    ],
    ["gzip", body, 400, "Request body invalid: it is not gzip"],
    [
      "gzip",
      gzip(body).subarray(0, 15),
      400,
      "Request body invalid: it is not gzip",
    ],
    [
      "gzip",
      join(gzip(body), body),
      400,
      "Request body invalid: it is not gzip",
    ],
    ["gzip", gzip(latin1("\xfc")), 400, NOT_UTF8],
    [
      "gzip,".repeat(5),
      gzip(body),
      415,
      "Content-Encoding not supported. Supported are gzip, deflate",
    ],
  ];
  for (const [coding, sent, status, text] of table) {
    await test.step(`${coding}: ${status}`, async () => {
      await using app = openTestApp();
      const answer = await storedOf(app, {
        type: "application/json",
        body: sent,
        headers: { "Content-Encoding": coding },
      });
      assertEquals(answer, [status, text]);
    });
  }
});

Deno.test("what inflates beyond the limit is 413", async () => {
  const most = bytesOf(`"${"x".repeat(998)}"`);
  const over = bytesOf(`"${"x".repeat(999)}"`);
  const bomb = new Uint8Array(gzipSync(gzipSync(new Uint8Array(1e7))));
  const table: [string, Uint8Array<ArrayBuffer>, number][] = [
    ["gzip", new Uint8Array(gzipSync(most)), 201],
    ["gzip", new Uint8Array(gzipSync(over)), 413],
    ["gzip, gzip", bomb, 413],
    // It comes to nothing, but it is sent.
    ["gzip", join(...Array(100).fill(gzipSync(""))), 413],
  ];
  for (const [coding, body, status] of table) {
    await using app = openTestApp({ limits: { requestBytesMax: 1000 } });
    const answer = await storedOf(app, {
      type: "application/json",
      body,
      headers: { "Content-Encoding": coding },
    });
    assertEquals(answer[0], status, answer[1]);
  }
});

Deno.test("a length said twice counts once; two lengths are 400", async () => {
  await using app = openTestApp();
  const post = async (headers: Record<string, string>) => {
    const response = await app.app(
      new Request("http://h/streams/s", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "ES-EventId": testUuid(1),
          "ES-EventType": "tested",
          ...headers,
        },
        body: bytesOf("{}"),
      }),
      INFO,
    );
    return [response.status, await response.text()];
  };
  const wrong = [400, "Content-Length header in wrong format."];
  assertEquals(await post({ "Content-Length": "2, 2" }), [201, ""]);
  assertEquals(await post({ "Content-Length": "2, 3" }), wrong);
  assertEquals(await post({ "Content-Length": "two" }), wrong);
  assertEquals(await post({ "Transfer-Encoding": "Chunked " }), [201, ""]);
  for (const coding of ["gzip, chunked", "identity", "chunked, chunked"]) {
    assertEquals(await post({ "Transfer-Encoding": coding }), [
      501,
      "Transfer-Encoding not supported. Only chunked is supported",
    ]);
  }
});

const INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50_000 },
  completed: Promise.resolve(),
};
