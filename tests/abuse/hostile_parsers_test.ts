/**
 * The worst input of each parser, as long as a request may be, to a server with
 * a small heap: it is answered, and nobody else has to wait for it.
 *
 * @module
 */

import { assert, assertLess } from "@std/assert";
import { gzipSync } from "node:zlib";
import { LIMITS } from "../../lib/model/limits.ts";
import { type RunningServer, startServer } from "../support/program.ts";
import { EVENTS_JSON, EVENTS_XML } from "./hostile_request.ts";
import type { PingReport, PingTask } from "./pinging_worker.ts";

/** Longest time that another client may have to wait. */
const PING_MS_MAX = 250;
/** A machine with other work, too, makes anyone wait; but not each time. */
const ATTEMPTS_MAX = 5;
const HEAP_MIB = 256;

/** Leaves room for what stands around it. */
const LENGTH = LIMITS.requestBytesMax - 1024;
const EVENT_ID = "fbf4a1a1-b4a3-4dfe-a01f-ec52c34e16e4";

function filled(unit: string, length = LENGTH): string {
  const bytes = new TextEncoder().encode(unit).length;
  return unit.repeat(Math.floor(length / bytes));
}

function numbered(count: number, item: (name: string) => string): string {
  return Array.from({ length: count }, (_, index) => item(index.toString(36)))
    .join("");
}

function jsonEvent(data: string, members = ""): string {
  return `[{"eventId":"${EVENT_ID}","eventType":"t"${members},"data":${data}}]`;
}

function xmlEvent(data: string): string {
  return `<e><x><eventId>${EVENT_ID}</eventId><eventType>t</eventType>` +
    `<data>${data}</data></x></e>`;
}

const JSON_BODIES: Readonly<Record<string, () => string>> = {
  "a string": () => jsonEvent(`"${filled("x")}"`),
  "escapes of four digits": () => jsonEvent(`"${filled("\\u0041")}"`),
  "short escapes": () => jsonEvent(`"${filled("\\n")}"`),
  "characters that are escaped": () => jsonEvent(`{"a":"${filled("\u2028")}"}`),
  "numbers": () => jsonEvent(`[${filled("0,")}0]`),
  "one number": () => jsonEvent(filled("1")),
  "empty arrays": () => jsonEvent(`[${filled("[],")}0]`),
  "empty names": () => jsonEvent(`{${filled('"":0,')}"":0}`),
  "names": () => jsonEvent(`{${numbered(1.2e6, (n) => `"${n}":0,`)}"":0}`),
  "nested arrays": () =>
    jsonEvent(`[${filled("[".repeat(190) + "]".repeat(190) + ",")}0]`),
  "members that nobody knows": () => jsonEvent("0", filled(',"x":0')),
  "the same member": () => jsonEvent("0", filled(',"data":[0,0,0]')),
  "comments": () => jsonEvent(filled("/**/") + "0"),
  "odd blanks": () => jsonEvent(filled("\u00a0") + "0"),
  "a name without quotes": () => jsonEvent(`{${filled("x")}:0}`),
  "nulls": () => `[${filled("null,")}null]`,
  "events": () => `[${filled("{},")}{}]`,
};

const XML_BODIES: Readonly<Record<string, () => string>> = {
  "attributes": () => xmlEvent(`<a ${numbered(1.4e6, (n) => `a${n}="" `)}/>`),
  "elements with many attributes": () =>
    xmlEvent(
      `<a ${numbered(9_999, (n) => `a${n}="" `)}/>`.repeat(150),
    ),
  "elements": () => xmlEvent(filled("<a/>")),
  "names": () => xmlEvent(numbered(1.5e6, (n) => `<a${n}/>`)),
  "nested elements": () =>
    xmlEvent(filled("<a>".repeat(190) + "</a>".repeat(190))),
  "mixed content": () => xmlEvent(filled("<a/>x")),
  "references": () => xmlEvent(filled("&lt;")),
  "references in an attribute": () => xmlEvent(`<a b="${filled("&#65;")}"/>`),
  "text": () => xmlEvent(filled("x")),
  "line breaks": () => xmlEvent(filled("\r")),
  "sections of text": () => xmlEvent(filled("<![CDATA[]]>")),
  "brackets": () => xmlEvent(`<![CDATA[${filled("]")}]]>`),
  "comments": () => xmlEvent(filled("<!---->")),
  "instructions": () => xmlEvent(filled("<?a?>")),
  "one name": () => xmlEvent(`<${filled("a")}/>`),
  "characters that JSON escapes": () => xmlEvent(`<a>${filled("\u2028")}</a>`),
  "events": () => `<e>${filled("<x/>")}</e>`,
};

interface Attack {
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly makeBody?: () => string | Uint8Array<ArrayBuffer>;
}

const APPEND = "/streams/victim";
const METADATA = "/streams/victim/metadata";
const ADMIN = { Authorization: "Basic " + btoa("admin:changeit") };

const ATTACKS: readonly Attack[] = [
  ...[APPEND, METADATA].flatMap((path) => [
    ...attacksOn(path, EVENTS_JSON, JSON_BODIES),
    ...attacksOn(path, EVENTS_XML, XML_BODIES),
  ]),
  ...["arrays", "names", "depth"].map((kind): Attack => ({
    name: `metadata of ${kind}`,
    path: METADATA,
    headers: { "Content-Type": "application/json", "ES-EventId": EVENT_ID },
    makeBody: () => metadataOf(kind, LIMITS.eventBytesMax - 64),
  })),
  ...["application/json", "text/xml"].map((type): Attack => ({
    name: `a user in ${type}`,
    path: "/users/",
    headers: { "Content-Type": type, ...ADMIN },
    makeBody: () =>
      type === "text/xml"
        ? `<u>${filled("<a/>", LIMITS.userBodyBytesMax - 64)}</u>`
        : metadataOf("arrays", LIMITS.userBodyBytesMax - 64),
  })),
  {
    name: "files that a backup has",
    path: "/admin/backup",
    headers: { "Content-Type": "application/json", ...ADMIN },
    makeBody: () => metadataOf("arrays", LENGTH),
  },
  {
    name: "a body that inflates",
    path: APPEND,
    headers: {
      "Content-Type": EVENTS_JSON,
      "Content-Encoding": "gzip, gzip",
    },
    makeBody: () => new Uint8Array(gzipSync(gzipSync(new Uint8Array(2 ** 28)))),
  },
  {
    name: "ranges of Accept",
    path: "/streams/victim",
    headers: { Accept: filled("a/b,", 60_000) },
  },
  {
    name: "parameters of a query",
    path: "/streams/victim?" + filled("a&", 60_000),
    headers: {},
  },
  {
    name: "a filter of stars",
    path: "/streams/$all?filter-type=" + filled("*", 60_000),
    headers: ADMIN,
  },
];

function attacksOn(
  path: string,
  type: string,
  bodies: Readonly<Record<string, () => string>>,
): Attack[] {
  return Object.entries(bodies).map(([name, makeBody]) => ({
    name: `${path} ${type}: ${name}`,
    path,
    headers: { "Content-Type": type },
    makeBody,
  }));
}

function metadataOf(kind: string, length: number): string {
  switch (kind) {
    case "arrays":
      return `{"a":[${filled("[],", length)}0]}`;
    case "names":
      return `{${numbered(length / 10, (n) => `"${n}":0,`)}"":0}`;
    default:
      return `{"a":${"[".repeat(length / 2)}${"]".repeat(length / 2)}}`;
  }
}

Deno.test("the worst input of each parser is answered, and nobody has to wait", async (test) => {
  await using server = await startServer(
    ["--mem-db"],
    {},
    0,
    { v8Flags: [`--max-old-space-size=${HEAP_MIB}`] },
  );
  for (const attack of ATTACKS) {
    await test.step(attack.name, async () => {
      let longestMs = Infinity;
      for (
        let count = 0;
        count < ATTEMPTS_MAX && longestMs >= PING_MS_MAX;
        count++
      ) longestMs = await longestPingDuring(server, attack);
      assertLess(longestMs, PING_MS_MAX);
    });
  }
});

/** @returns The longest time that a ping of another client took. */
async function longestPingDuring(
  server: RunningServer,
  attack: Attack,
): Promise<number> {
  const body = attack.makeBody?.();
  const client = new Worker(new URL("pinging_worker.ts", import.meta.url), {
    type: "module",
  });
  try {
    const { url, processId } = server;
    await told(client, { url, processId });
    const response = await fetch(url + attack.path, {
      method: body === undefined ? "GET" : "POST",
      headers: attack.headers,
      ...(body !== undefined && { body }),
    });
    await response.body?.cancel();
    assert(response.status < 500, `${response.status}`);
    return (await told(client, "end")).longestMs;
  } finally {
    client.terminate();
  }
}

/** Tells the client something and waits for its report. */
function told(
  client: Worker,
  message: PingTask | "end",
): Promise<PingReport> {
  const { promise, resolve, reject } = Promise.withResolvers<PingReport>();
  client.onmessage = ({ data }: MessageEvent<PingReport>) => resolve(data);
  client.onerror = ({ message }) => reject(new Error(message));
  client.postMessage(message);
  return promise;
}
