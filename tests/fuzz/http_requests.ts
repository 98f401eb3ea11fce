/**
 * Requests that nobody should send, and some that everybody does: made by
 * chance, from a seed.
 *
 * @module
 */

import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { ROUTES } from "../../lib/http/routes/table.ts";
import type { Random } from "../support/random.ts";
import {
  HEADER_VALUES,
  METHODS,
  NAMES,
  NUMBERS,
  ODD_JSON,
  QUERIES,
  RAW_SEGMENTS,
  TYPES,
} from "./odd_values.ts";

/** A request as it goes to the app. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query, as they would be sent. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** What the requests may know of the server. */
export interface FuzzSurroundings {
  readonly authorizations: readonly string[];
}

/** Codings that bodies really have, and not only say so. */
const CODINGS = [
  { name: "gzip", encode: (body: Uint8Array) => gzipSync(body) },
  { name: "deflate", encode: (body: Uint8Array) => deflateSync(body) },
  { name: "deflate", encode: (body: Uint8Array) => deflateRawSync(body) },
  {
    name: "gzip, deflate",
    encode: (body: Uint8Array) => deflateSync(gzipSync(body)),
  },
] as const;

const EVENT_ID = "12345678-1234-4234-8234-1234567890";

/** Where most is read and written. */
const STREAM_ROUTES = ROUTES.filter(({ template }) =>
  template.startsWith("/streams/{stream}") && !template.endsWith("/")
);

/** Routes by which events come in, and show in every form. */
const EVENT_ROUTES = STREAM_ROUTES.filter(({ handler }) =>
  [
    "appendEvents",
    "writeMetadata",
    "readEvent",
    "readHeadPage",
    "readForwardPage",
  ]
    .includes(handler.name)
);

/** Routes of groups, which few of the others would find. */
const SUBSCRIPTION_ROUTES = ROUTES.filter(({ template }) =>
  template.startsWith("/subscriptions/{stream}/{group}")
);

/** Makes the next request: one that is odd all over, or hardly at all. */
export function nextRequest(
  random: Random,
  surroundings: FuzzSurroundings,
): FuzzRequest {
  if (random.chance(0.15)) return nextSubscriptionRequest(random, surroundings);
  return random.chance(0.5)
    ? nextOddRequest(random, surroundings)
    : nextPlainRequest(random, surroundings);
}

function nextOddRequest(
  random: Random,
  surroundings: FuzzSurroundings,
): FuzzRequest {
  const route = random.chance(0.4)
    ? random.pick(STREAM_ROUTES)
    : random.pick(ROUTES);
  const method = random.chance(0.8) ? route.method : random.pick(METHODS);
  const isRead = method === "GET" || method === "HEAD";
  const { type, body } = isRead
    ? { type: undefined, body: undefined }
    : nextBody(random);
  const coding = body !== undefined && random.chance(0.1)
    ? random.pick(CODINGS)
    : undefined;
  const sent = body && coding ? new Uint8Array(coding.encode(body)) : body;
  const headers = nextHeaders(random, surroundings, { type, body: sent });
  return {
    method,
    target: nextPath(random, route.template) + nextQuery(random),
    headers: coding
      ? [...headers, ["Content-Encoding", coding.name] as const]
      : headers,
    body: sent,
  };
}

/** Writes and reads few streams, so that what is written is read again. */
function nextPlainRequest(
  random: Random,
  { authorizations }: FuzzSurroundings,
): FuzzRequest {
  const route = random.pick(EVENT_ROUTES);
  const headers: [string, string][] = [
    ["Host", "127.0.0.1:2113"],
    ["Authorization", authorizations[0] ?? ""],
  ];
  const target = route.template
    .replace("{stream}", random.pick(["s", "orders-1", "%24settings"]))
    .replace("{event}", random.pick(["0", "1", "5", "head"]))
    .replace("{count}", random.pick(["1", "20"]));
  if (route.method === "GET") {
    headers.push(["Accept", random.pick(TYPES)]);
    const query = random.chance(0.5) ? "" : "?" + random.pick(QUERIES);
    return { method: "GET", target: target + query, headers, body: undefined };
  }
  const { type, body } = nextBody(random);
  headers.push(["Content-Type", type], ["Content-Length", `${body.length}`]);
  if (!type.includes("events+")) {
    const eventType = route.handler.name === "appendEvents" ? "t" : "$metadata";
    headers.push(["ES-EventId", nextEventId(random)]);
    headers.push(["ES-EventType", eventType]);
  }
  return { method: route.method, target, headers, body };
}

/** Makes, reads and answers few groups, so that messages are in flight. */
function nextSubscriptionRequest(
  random: Random,
  { authorizations }: FuzzSurroundings,
): FuzzRequest {
  const { method, template, request } = random.pick(SUBSCRIPTION_ROUTES);
  const target = template
    .replace("{stream}", random.pick(["s", "orders-1", "$all", "%24ce-orders"]))
    .replace("{group}", random.pick(["g", "h"]))
    .replace("{count}", random.pick(["1", "5", "100", ...NUMBERS]))
    .replace(
      "{messageid}",
      random.chance(0.9) ? nextEventId(random) : random.pick(RAW_SEGMENTS),
    );
  const queries = [
    `ids=${nextEventId(random)},${nextEventId(random)}`,
    `action=${random.pick(["Park", "Retry", "Skip", "Stop", "%00"])}`,
    "embed=" + random.pick(["body", "rich", "content", "tryharder"]),
    "format=sse&buffer=" + random.pick(NUMBERS),
    "stopAt=" + random.pick(NUMBERS),
    "",
  ];
  const query = random.pick(queries) + "&" + random.pick(queries);
  const headers: [string, string][] = [
    ["Host", "127.0.0.1:2113"],
    [
      "Authorization",
      random.chance(0.8)
        ? authorizations[0] ?? ""
        : random.pick(authorizations),
    ],
    ["Accept", random.pick(["*/*", COMPETING_JSON, COMPETING_JSON, ...TYPES])],
  ];
  if (request === undefined) {
    return { method, target: `${target}?${query}`, headers, body: undefined };
  }
  const body = mutate(random, UTF8.encode(nextSettings(random)));
  headers.push(
    ["Content-Type", random.chance(0.9) ? "application/json" : "text/xml"],
    ["Content-Length", `${body.length}`],
  );
  return { method, target, headers, body };
}

const COMPETING_JSON = "application/vnd.eventstore.competingatom+json";

/** Settings of a subscription, right and wrong. */
function nextSettings(random: Random): string {
  if (random.chance(0.2)) return random.pick(["", "{}", ...ODD_JSON]);
  const number = () =>
    random.pick<unknown>([0, 1, 5, 20, 500, -1, "7", 2 ** 31, 1.5, null, "x"]);
  const settings = {
    startFrom: number(),
    resolveLinktos: random.pick<unknown>([true, false, "true", 1]),
    maxRetryCount: number(),
    bufferSize: number(),
    readBatchSize: number(),
    messageTimeoutMilliseconds: number(),
    maxCheckPointCount: number(),
    maxSubscriberCount: number(),
    namedConsumerStrategy: random.pick(["RoundRobin", "Pinned", "pinned", ""]),
    filterType: random.pick(["t", "t*", "*", "", "$*"]),
    filterStream: random.pick(NAMES),
  };
  const names = Object.keys(settings).filter(() => random.chance(0.2));
  return JSON.stringify(settings, names);
}

function nextPath(random: Random, template: string): string {
  const segments = template.slice(1).split("/").map((segment) => {
    if (!segment.startsWith("{")) return encode(random, segment);
    if (segment === "{event}" || segment === "{count}") {
      return random.pick(NUMBERS);
    }
    if (segment === "{position}") {
      return random.chance(0.5)
        ? "0".repeat(32)
        : random.pick(["head", "f".repeat(32), "x"]);
    }
    if (segment === "{guid}") {
      return random.chance(0.8) ? nextEventId(random) : "nonsense";
    }
    return encode(random, random.pick(NAMES));
  });
  if (random.chance(0.05)) {
    segments[random.integer(0, segments.length - 1)] = random.pick(
      RAW_SEGMENTS,
    );
  }
  if (random.chance(0.03)) segments.push(random.pick(RAW_SEGMENTS));
  if (random.chance(0.02)) segments.shift();
  return "/" + segments.join("/");
}

/** Once, twice, or not at all where a request line could hold it. */
function encode(random: Random, text: string): string {
  const once = encodeURIComponent(text);
  if (random.chance(0.05)) return encodeURIComponent(once);
  const isPlain = /^[\x21-\x7e]*$/.test(text) && !/[?#/]/.test(text);
  return isPlain && random.chance(0.5) ? text : once;
}

function nextQuery(random: Random): string {
  if (random.chance(0.6)) return "";
  const parts = Array.from(
    { length: random.integer(1, 3) },
    () => random.pick(QUERIES),
  );
  return "?" + parts.join("&");
}

function nextHeaders(
  random: Random,
  { authorizations }: FuzzSurroundings,
  { type, body }: {
    readonly type: string | undefined;
    readonly body: Uint8Array | undefined;
  },
): FuzzRequest["headers"] {
  const headers: (readonly [string, string])[] = [];
  if (random.chance(0.9)) headers.push(["Host", "127.0.0.1:2113"]);
  if (random.chance(0.8)) {
    headers.push(["Authorization", random.pick(authorizations)]);
  }
  if (body !== undefined && random.chance(0.9)) {
    headers.push(["Content-Length", String(body.length)]);
  }
  const isTyped = type !== undefined && random.chance(0.8);
  if (isTyped) headers.push(["Content-Type", type]);
  for (const [name, values] of Object.entries(HEADER_VALUES)) {
    if (isTyped && name === "Content-Type") continue;
    if (random.chance(0.08)) headers.push([name, random.pick(values)]);
  }
  return headers;
}

const UTF8 = new TextEncoder();

function nextBody(random: Random): {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
} {
  const [type, text] = random.pick<() => readonly [string, string]>([
    () => [EVENTS_JSON, nextEventsJson(random)],
    () => [EVENTS_JSON, nextEventsJson(random)],
    () => [EVENTS_XML, nextEventsXml(random)],
    () => ["application/json", JSON.stringify(nextJson(random, 0))],
    () => ["application/json", JSON.stringify(nextMetadata(random))],
    () => ["application/json", random.pick(ODD_JSON)],
    () => ["application/json", nextUser(random)],
    () => ["text/xml", nextEventsXml(random)],
    () => ["application/octet-stream", ""],
  ])();
  if (random.chance(0.05)) {
    return { type, body: random.bytes(random.integer(0, 200)) };
  }
  return { type, body: mutate(random, UTF8.encode(text)) };
}

const EVENTS_JSON = "application/vnd.eventstore.events+json";
const EVENTS_XML = "application/vnd.eventstore.events+xml";

/** A body for users and tokens. */
function nextUser(random: Random): string {
  const user = {
    loginName: random.pick(NAMES),
    fullName: random.pick(NAMES),
    groups: [random.pick(NAMES)],
    password: "p",
    newPassword: "p",
    currentPassword: "p",
    label: random.pick(NAMES),
    readOnly: random.chance(0.5),
    expiresInSeconds: random.pick([1, 0, -1, 3600, 2 ** 40]),
  };
  return JSON.stringify(user);
}

/** Most stay as they are. */
function mutate(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0 || random.chance(0.6)) return bytes;
  const changed = bytes.slice(
    0,
    random.chance(0.3) ? random.integer(0, bytes.length) : bytes.length,
  );
  for (let count = random.integer(0, 3); count > 0; count--) {
    changed[random.integer(0, changed.length)] = random.integer(0, 255);
  }
  return changed;
}

function nextEventId(random: Random): string {
  return EVENT_ID + random.integer(10, 99);
}

function nextEventsJson(random: Random): string {
  const events = Array.from({ length: random.integer(0, 3) }, () => {
    const event: Record<string, unknown> = {
      eventId: random.chance(0.9) ? nextEventId(random) : random.pick(NAMES),
      eventType: random.pick(["t", "$metadata", "$>", "$@", ...NAMES]),
      data: random.chance(0.3) ? nextMetadata(random) : nextJson(random, 0),
    };
    if (random.chance(0.3)) event["metadata"] = nextJson(random, 0);
    if (random.chance(0.1)) delete event[random.pick(Object.keys(event))];
    return event;
  });
  const text = JSON.stringify(events);
  if (random.chance(0.02)) return "[".repeat(5000);
  if (random.chance(0.02)) return text.replace('"data":', '"__proto__":');
  if (random.chance(0.2)) {
    return `[{eventId:'${nextEventId(random)}',eventType:${
      random.pick(["'t'", "1.50", "true", "null", "{}", '"\\u0000"'])
    },data:${random.pick(ODD_JSON)},metadata:${random.pick(ODD_JSON)}}]`;
  }
  return text;
}

/** Metadata and settings, right and wrong. */
function nextMetadata(random: Random): unknown {
  const roles = random.pick([
    ["$all"],
    "readers",
    [],
    "",
    5,
    null,
    [1],
    "$all",
  ]);
  const count = random.pick([0, 1, -1, 2 ** 53, "1", null, 1e300, 0.5]);
  return random.pick<unknown>([
    { $acl: { $r: roles, $w: roles } },
    { $acl: roles },
    { $maxCount: count },
    { $maxAge: count },
    { $tb: count },
    { $cacheControl: count },
    { $userStreamAcl: { $r: roles }, $systemStreamAcl: roles },
  ]);
}

function nextJson(random: Random, depth: number): unknown {
  switch (random.integer(0, depth > 4 ? 5 : 8)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick([0, -0, 1e308, -1, 2 ** 53, 0.1]);
    case 3:
    case 4:
    case 5:
      return random.pick([
        ...NAMES,
        "0@s",
        "1@$$s",
        "@",
        "0@",
        "99@none",
        "\ud800x",
      ]);
    case 6:
      return Array.from(
        { length: random.integer(0, 3) },
        () => nextJson(random, depth + 1),
      );
    default:
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 4) }, () => [
          random.pick([...NAMES, "loginName", "password", "groups", "label"]),
          nextJson(random, depth + 1),
        ]),
      );
  }
}

function nextEventsXml(random: Random): string {
  const events = Array.from(
    { length: random.integer(0, 3) },
    () =>
      `<event><eventId>${nextEventId(random)}</eventId>` +
      `<eventType>${random.pick(["t", "&lt;", "<![CDATA[x]]>"])}</eventType>` +
      `<data>${
        random.pick([
          "<a>1</a>",
          "<a b='1'>&#xA;</a><a/>",
          "text",
          "<!-- c -->",
          "<?p i?>",
          "<n:a xmlns:n='u' n:b='1'/><n:c xmlns:n=''/>",
          "<a xmlns:json='http://james.newtonking.com/projects/json' json:Array='true'/>",
          "<a json:Array='true' xmlns='u' xmlns:json='v'/>",
          "<x:y z:a='1' :b='2' xml:lang='en'/>",
          "<_x0031_/><a.b-c/><ü>💥</ü>",
          "a<b/>c<![CDATA[d]]>e<b/>",
          "</data><data><a/></data><data>",
          "&#0;&#xFFFE;",
          "&undefined;",
          "<a".repeat(300),
          "<a>".repeat(300) + "</a>".repeat(300),
        ])
      }</data></event>`,
  );
  const prolog = random.pick([
    "",
    '<?xml version="1.0"?>',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
  ]);
  return `${prolog}<events>${events.join("")}</events>`;
}
