/**
 * Who may do what: every operation on every kind of stream by every kind of
 * client (spec: streams §10). What is expected is worked out here once more,
 * from the lists that each kind of stream ends up with.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  ADMIN,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../../support/secured_app.ts";
import { TEST_BASE_URL, TEST_INFO } from "../../support/test_app.ts";
import { basic } from "../../support/test_auth.ts";

type Right = "$r" | "$w" | "$d" | "$mr" | "$mw";
type Lists = Readonly<Record<Right, readonly string[]>>;

const RIGHTS: readonly Right[] = ["$r", "$w", "$d", "$mr", "$mw"];

function allRights(...roles: string[]): Lists {
  return { $r: roles, $w: roles, $d: roles, $mr: roles, $mw: roles };
}

const OF_USER_STREAMS = allRights("$all");
const OF_SYSTEM_STREAMS = allRights("$admins");

/** A kind of stream, and the lists that hold for it. */
interface Kind {
  readonly name: string;
  /** Name of the stream, made unique by a number behind it. */
  readonly prefix: string;
  readonly acl?: unknown;
  /** What `$settings` hold. */
  readonly settings?: unknown;
  readonly lists: Lists;
}

const ACL_OF_GROUP = {
  $r: "readers",
  $w: ["writers"],
  $d: ["writers", "anna"],
  $mr: ["readers", "writers"],
  $mw: "anna",
};

const LISTS_OF_GROUP: Lists = {
  $r: ["readers"],
  $w: ["writers"],
  $d: ["writers", "anna"],
  $mr: ["readers", "writers"],
  $mw: ["anna"],
};

const SETTINGS = {
  $userStreamAcl: { $r: "readers", $w: ["anna"], $mw: [] },
  $systemStreamAcl: { $r: ["$all"], $w: "$ops", $mr: "$ops" },
};

const KINDS: readonly Kind[] = [
  { name: "a stream", prefix: "plain-", lists: OF_USER_STREAMS },
  {
    name: "a stream for groups and single users",
    prefix: "groups-",
    acl: ACL_OF_GROUP,
    lists: LISTS_OF_GROUP,
  },
  {
    name: "a stream that names only its readers",
    prefix: "partly-",
    acl: { $r: "anna" },
    lists: { ...OF_USER_STREAMS, $r: ["anna"] },
  },
  {
    name: "a stream for nobody",
    prefix: "nobody-",
    acl: { $r: [], $w: [], $d: "", $mr: "", $mw: [] },
    lists: allRights(),
  },
  {
    name: "a stream for administrators",
    prefix: "admins-",
    acl: { $r: "$admins", $w: "$admins", $d: "$admins", $mr: "$admins" },
    lists: { ...allRights("$admins"), $mw: ["$all"] },
  },
  { name: "a system stream", prefix: "$system-", lists: OF_SYSTEM_STREAMS },
  {
    name: "a system stream for operators",
    prefix: "$operators-",
    acl: { $r: "$ops", $w: ["$ops"] },
    lists: { ...OF_SYSTEM_STREAMS, $r: ["$ops"], $w: ["$ops"] },
  },
  {
    name: "a system stream for everybody",
    prefix: "$open-",
    acl: allRights("$all"),
    lists: allRights("$all"),
  },
  {
    name: "a stream under $settings",
    prefix: "default-",
    settings: SETTINGS,
    lists: {
      ...OF_USER_STREAMS,
      $r: ["readers"],
      $w: ["anna"],
      $mw: [],
    },
  },
  {
    name: "a stream of its own under $settings",
    prefix: "own-",
    acl: { $r: "writers" },
    settings: SETTINGS,
    lists: { ...OF_USER_STREAMS, $r: ["writers"], $w: ["anna"], $mw: [] },
  },
  {
    name: "a system stream under $settings",
    prefix: "$default-",
    settings: SETTINGS,
    lists: {
      ...OF_SYSTEM_STREAMS,
      $r: ["$all"],
      $w: ["$ops"],
      $mr: ["$ops"],
    },
  },
  {
    name: "a stream under $settings of a wrong shape",
    prefix: "misled-",
    settings: { $userStreamAcl: { $r: 5 } },
    lists: OF_USER_STREAMS,
  },
];

/** A kind of client: its roles, or undefined for an anonymous one. */
interface Client {
  readonly name: string;
  readonly roles: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const CLIENTS: readonly Client[] = [
  { name: "anonymous", roles: undefined, headers: {} },
  {
    name: "another scheme",
    roles: undefined,
    headers: { Authorization: "Digest x" },
  },
  { name: "a user without groups", roles: ["plain"], headers: as("plain") },
  { name: "anna", roles: ["anna"], headers: as("anna") },
  { name: "a reader", roles: ["rita", "readers"], headers: as("rita") },
  { name: "a writer", roles: ["wim", "writers"], headers: as("wim") },
  { name: "an operator", roles: ["operator", "$ops"], headers: OPS },
  { name: "an administrator", roles: ["admin", "$admins"], headers: ADMIN },
];

function as(login: string) {
  return { Authorization: basic(login, `${login}'s password`) };
}

function isAllowed({ roles }: Client, list: readonly string[]): boolean {
  if (list.includes("$all")) return true;
  if (roles === undefined) return false;
  return roles.includes("$admins") || roles.some((role) => list.includes(role));
}

/** An operation: the right that it needs, and its status when it is allowed. */
interface Operation {
  readonly name: string;
  readonly right: Right;
  readonly allowed: number;
  send(app: SecuredApp, place: Place): Promise<number>;
}

interface Place {
  /** Path of the stream. */
  readonly path: string;
  /** Path of its metastream. */
  readonly metaPath: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly newId: () => string;
}

const ATOM_JSON = "application/vnd.eventstore.atom+json";

function reads(
  name: string,
  pathOf: (place: Place) => string,
  options: {
    readonly right?: Right;
    readonly method?: string;
    readonly allowed?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Operation {
  const { right = "$r", allowed = 200, method = "GET" } = options;
  return {
    name,
    right,
    allowed,
    async send(app, place) {
      const headers = new Headers({
        Host: new URL(TEST_BASE_URL).host,
        Accept: ATOM_JSON,
        ...place.headers,
        ...options.headers,
      });
      const response = await app.app(
        new Request(TEST_BASE_URL + pathOf(place), { method, headers }),
        TEST_INFO,
      );
      await response.body?.cancel();
      return response.status;
    },
  };
}

function writes(
  name: string,
  pathOf: (place: Place) => string,
  options: {
    readonly right?: Right;
    readonly type?: string;
    readonly bodyOf: (id: string) => string;
    readonly hasIdHeader?: boolean;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Operation {
  return {
    name,
    right: options.right ?? "$w",
    allowed: 201,
    async send(app, place) {
      const id = place.newId();
      const { status } = await app.send(pathOf(place), {
        method: "POST",
        headers: {
          ...place.headers,
          "Content-Type": options.type ?? "application/json",
          ...options.headers,
          ...(options.hasIdHeader && { "ES-EventId": id }),
        },
        body: options.bodyOf(id),
      });
      return status;
    },
  };
}

const ONE_EVENT = (id: string) =>
  JSON.stringify([{ eventId: id, eventType: "t", data: { a: 1 } }]);
const ONE_XML = (id: string) =>
  `<e><e><eventId>${id}</eventId><eventType>t</eventType><data>x</data></e></e>`;

const OPERATIONS: readonly Operation[] = [
  reads("read the feed", ({ path }) => path),
  reads("read the feed as XML", ({ path }) => path, {
    headers: { Accept: "application/atom+xml" },
  }),
  reads("read the page", ({ path }) => path, {
    headers: { Accept: "text/html" },
  }),
  reads("ask for the head of the feed", ({ path }) => path, { method: "HEAD" }),
  reads("read a backward page", ({ path }) => `${path}/head/backward/5`),
  reads("read a forward page", ({ path }) => `${path}/0/forward/5`),
  reads("read a feed that has not changed", ({ path }) => path, {
    headers: { "If-None-Match": '"0;248368668"' },
    allowed: 304,
  }),
  reads("read an event", ({ path }) => `${path}/0`),
  reads("read an event's data", ({ path }) => `${path}/0`, {
    headers: { Accept: "application/json" },
  }),
  reads("read the newest event", ({ path }) => `${path}/head`),
  reads("ask for the head of an event", ({ path }) => `${path}/0`, {
    method: "HEAD",
  }),
  reads("read a link unresolved", ({ path }) => `${path}/0`, {
    headers: { "ES-ResolveLinkTos": "false" },
  }),
  reads("poll for long", ({ path }) => `${path}/0/forward/5`, {
    headers: { "ES-LongPoll": "1" },
  }),
  reads("open a live feed", ({ path }) => path, {
    headers: { Accept: "text/event-stream" },
  }),
  writes("append a batch", ({ path }) => path, {
    type: "application/vnd.eventstore.events+json",
    bodyOf: ONE_EVENT,
  }),
  writes("append XML", ({ path }) => path, {
    type: "application/vnd.eventstore.events+xml",
    bodyOf: ONE_XML,
  }),
  writes(
    "append to …/incoming/{id}",
    ({ path, newId }) => `${path}/incoming/${newId()}`,
    { bodyOf: () => "{}", headers: { "ES-EventType": "t" } },
  ),
  {
    name: "delete",
    right: "$d",
    allowed: 204,
    async send(app, { path, headers }) {
      return (await app.send(path, { method: "DELETE", headers })).status;
    },
  },
  {
    name: "delete for ever",
    right: "$d",
    allowed: 204,
    async send(app, { path, headers }) {
      const hard = { ...headers, "ES-HardDelete": "true" };
      return (await app.send(path, { method: "DELETE", headers: hard })).status;
    },
  },
  reads("read metadata", ({ path }) => `${path}/metadata`, { right: "$mr" }),
  reads("read metadata by number", ({ path }) => `${path}/metadata/0`, {
    right: "$mr",
  }),
  reads("read the metastream", ({ metaPath }) => metaPath, { right: "$mr" }),
  reads("read the feed of metadata", ({ path }) => `${path}/metadata/head/5`, {
    right: "$mr",
  }),
  writes("write metadata", ({ path }) => `${path}/metadata`, {
    right: "$mw",
    bodyOf: () => "{}",
    hasIdHeader: true,
  }),
  writes("append to the metastream", ({ metaPath }) => metaPath, {
    right: "$mw",
    type: "application/vnd.eventstore.events+json",
    bodyOf: (id) =>
      JSON.stringify([{ eventId: id, eventType: "$metadata", data: {} }]),
  }),
];

for (const kind of KINDS) {
  Deno.test(`who may do what with ${kind.name}`, async (test) => {
    await using app = await openSecuredApp();
    for (const { login, groups } of USERS) {
      await app.createUser(login, { groups });
    }
    const newId = createIds();
    const { settings } = kind;
    for (const [row, operation] of OPERATIONS.entries()) {
      await test.step(operation.name, async () => {
        for (const [index, client] of CLIENTS.entries()) {
          const name = `${kind.prefix}${row}-${index}`;
          await prepare(app, { name, kind, newId });
          if (settings !== undefined) await writeSettings(app, settings, newId);
          const before = (await app.store.readEnd()).lastPosition;
          const status = await operation.send(app, {
            path: `/streams/${encodeURIComponent(name)}`,
            metaPath: `/streams/${encodeURIComponent("$$" + name)}`,
            headers: client.headers,
            newId,
          });
          const may = isAllowed(client, kind.lists[operation.right]);
          assertEquals(status, may ? operation.allowed : 401, client.name);
          if (!may) {
            assertEquals((await app.store.readEnd()).lastPosition, before);
          }
        }
      });
    }
  });
}

const USERS = [
  { login: "plain", groups: [] },
  { login: "anna", groups: [] },
  { login: "rita", groups: ["readers"] },
  { login: "wim", groups: ["writers"] },
];

/** Writes one event and metadata to a new stream. */
async function prepare(
  app: SecuredApp,
  { name, kind, newId }: {
    readonly name: string;
    readonly kind: Kind;
    readonly newId: () => string;
  },
): Promise<void> {
  const metadata = kind.acl === undefined ? { a: 1 } : { $acl: kind.acl };
  const written = [
    await app.append(
      name,
      [{ eventId: newId(), eventType: "t", data: {} }],
      ADMIN,
    ),
    await app.append("$$" + name, [
      { eventId: newId(), eventType: "$metadata", data: metadata },
    ], ADMIN),
  ];
  assertEquals(written.map(({ status }) => status), [201, 201]);
}

async function writeSettings(
  app: SecuredApp,
  settings: unknown,
  newId: () => string,
): Promise<void> {
  const { status } = await app.append("$settings", [
    { eventId: newId(), eventType: "settings", data: settings },
  ], ADMIN);
  assertEquals(status, 201);
}

function createIds(): () => string {
  let count = 0;
  return () =>
    `ffffffff-0000-4000-8000-${(++count).toString(16).padStart(12, "0")}`;
}

Deno.test("$all is read by administrators, and written by nobody", async () => {
  await using app = await openSecuredApp();
  for (const { login, groups } of USERS) {
    await app.createUser(login, { groups });
  }
  const newId = createIds();
  for (const client of CLIENTS) {
    const { headers } = client;
    const isAdmin = client.roles?.includes("$admins") === true;
    for (
      const path of [
        "/streams/$all",
        "/streams/%24all/head/backward/5",
        `/streams/$all/${"0".repeat(32)}/forward/5`,
      ]
    ) {
      const { status } = await app.get(path, ATOM_JSON, headers);
      assertEquals(status, isAdmin ? 200 : 401, `${client.name}: ${path}`);
    }
    const event = { eventId: newId(), eventType: "t" };
    assertEquals(
      (await app.append("$all", [event], headers)).status >= 400,
      true,
    );
    const deleted = await app.send("/streams/$all", {
      method: "DELETE",
      headers,
    });
    assertEquals(deleted.status, 401, client.name);
  }
});

Deno.test("links lead nobody to what they may not read", async () => {
  await using app = await openSecuredApp();
  for (const { login, groups } of USERS) {
    await app.createUser(login, { groups });
  }
  const newId = createIds();
  await app.append("secret", [
    { eventId: newId(), eventType: "t", data: { word: "sesame" } },
  ]);
  await app.append("links", [
    { eventId: newId(), eventType: "$>", data: "0@secret" },
  ]);
  await app.writeAcl("secret", { $r: "readers" });
  for (const client of CLIENTS) {
    const may = isAllowed(client, ["readers"]);
    for (
      const path of [
        "/streams/links?embed=body",
        "/streams/%24et-t?embed=body",
      ]
    ) {
      const { body } = await app.get(path, ATOM_JSON, client.headers);
      const isShown = body.includes("sesame");
      assertEquals(isShown, may, `${client.name}: ${path}`);
    }
    const resolved = await app.get(
      "/streams/links/0",
      ATOM_JSON,
      client.headers,
    );
    assertEquals(resolved.status, may ? 200 : 401, client.name);
    const unresolved = await app.get("/streams/links/0", ATOM_JSON, {
      ...client.headers,
      "ES-ResolveLinkTos": "false",
    });
    assertEquals(unresolved.status, 200, client.name);
    assertEquals(unresolved.body.includes("sesame"), false);
  }
});

Deno.test("a right taken away ends a long poll with 401", async () => {
  await using app = await openSecuredApp();
  const anna = await app.createUser("anna");
  const newId = createIds();
  await app.append("s", [{ eventId: newId(), eventType: "t" }]);
  await app.writeAcl("s", { $r: "anna" });
  const poll = () =>
    app.get("/streams/s/1/forward/5", ATOM_JSON, {
      ...anna,
      "ES-LongPoll": "30",
    });
  const endings: readonly (() => Promise<unknown>)[] = [
    () => app.writeAcl("s", { $r: "others" }),
    () =>
      app.send("/users/anna/command/disable", {
        method: "POST",
        headers: ADMIN,
      }),
  ];
  for (const end of endings) {
    await app.writeAcl("s", { $r: "anna" });
    // Its login is remembered from here on, so that it is held at once.
    await app.get("/streams/s/0", undefined, anna);
    const held = poll();
    await new Promise((resolve) => setTimeout(resolve, 0));
    await end();
    assertEquals((await held).status, 401);
  }
});

Deno.test("every right is tried by some operation", () => {
  const tried = new Set(OPERATIONS.map(({ right }) => right));
  assertEquals([...tried].sort(), [...RIGHTS].sort());
});
