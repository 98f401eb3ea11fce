/**
 * Projections as clients see them: the interface over the real service, whose
 * runs stand where a test puts them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EventSourceReader } from "../support/event_source.ts";
import {
  openProjectionFixture,
  type ProjectionFixture,
} from "../support/projection_service.ts";
import {
  ADMIN,
  JSON_TYPE,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../support/secured_app.ts";
import {
  TEST_BASE_URL,
  TEST_INFO,
  type TestAnswer,
  type TestAppOptions,
  type TestRequest,
} from "../support/test_app.ts";

type Headers = Readonly<Record<string, string>>;

const QUERY = "fromStream('s')";
const SCRIPT_TYPE = { "Content-Type": "application/javascript" };

interface ProjectionApp extends SecuredApp {
  readonly fixture: ProjectionFixture;
  /** Creates a projection as the administrator. */
  create(
    name: string,
    parameters?: string,
    headers?: Headers,
  ): Promise<TestAnswer>;
}

async function openApp(
  options: TestAppOptions = {},
): Promise<ProjectionApp> {
  let fixture: ProjectionFixture | undefined;
  const app = await openSecuredApp({
    ...options,
    async openProjections(parts) {
      fixture = await openProjectionFixture(parts);
      return fixture.service;
    },
  });
  if (fixture === undefined) throw new Error("There are no projections");
  return {
    ...app,
    fixture,
    create: (name, parameters = "", headers = ADMIN) =>
      app.send(
        `/projections/continuous?name=${encodeURIComponent(name)}${parameters}`,
        { headers: { ...SCRIPT_TYPE, ...headers }, body: QUERY },
      ),
  };
}

/** Routes, and what a request to each of them is. */
const READS = [
  "/projections/any",
  "/projections/all-non-transient",
  "/projections/transient",
  "/projections/onetime",
  "/projections/continuous",
  "/projection/p",
  "/projection/p/statistics",
  "/projection/p/query",
  "/projection/p/query?config=yes",
  "/projection/p/query%3Fconfig=yes",
  "/projection/p/config",
];
const PRIVATE_READS = [
  "/projection/p/state",
  "/projection/p/state?partition=x",
  "/projection/p/result",
  "/projection/p/log",
];

interface Change extends TestRequest {
  readonly method: string;
  readonly path: string;
}

const COMMANDS: readonly Change[] = [
  ...["enable", "disable", "reset", "abort"].map((command) => ({
    method: "POST",
    path: `/projection/p/command/${command}`,
  })),
  {
    method: "PUT",
    path: "/projection/p/query",
    headers: SCRIPT_TYPE,
    body: QUERY,
  },
  {
    method: "PUT",
    path: "/projection/p/config",
    headers: JSON_TYPE,
    body: "{}",
  },
  { method: "DELETE", path: "/projection/p" },
];

function creation(mode: string): Change {
  return {
    method: "POST",
    path: `/projections/${mode}?name=new`,
    headers: SCRIPT_TYPE,
    body: QUERY,
  };
}

/**
 * Sends a change to an app of its own, in which `maker` has made a projection
 * of a mode.
 */
async function statusOfChange(
  { path, ...change }: Change,
  who: (app: SecuredApp, maker: Headers) => Promise<Headers> | Headers,
  mode?: "transient" | "continuous",
): Promise<number> {
  await using app = await openApp();
  const maker = await app.createUser("maker", {
    groups: mode === "continuous" ? ["$admins"] : [],
  });
  if (mode !== undefined) {
    const made = await app.send(`/projections/${mode}?name=p&enabled=no`, {
      headers: { ...SCRIPT_TYPE, ...maker },
      body: QUERY,
    });
    assertEquals(made.status, 201, made.body);
  }
  if (mode === "continuous") {
    const former = { fullName: "maker", groups: [] };
    const put = { method: "PUT", headers: ADMIN };
    const { status } = await app.sendJson("/users/maker", former, put);
    assertEquals(status, 200);
  }
  const headers = { ...change.headers, ...await who(app, maker) };
  return (await app.send(path, { ...change, headers })).status;
}

const PEOPLE = {
  anonymous: () => ({}),
  "a user": (app: SecuredApp) => app.createUser("anna"),
  "an operator": () => OPS,
  "an administrator": () => ADMIN,
} as const;

Deno.test("who may create: users transient ones, administrators all", async (t) => {
  for (const [name, who] of Object.entries(PEOPLE)) {
    await t.step(name, async () => {
      const statuses = [];
      for (const mode of ["transient", "onetime", "continuous"]) {
        statuses.push(await statusOfChange(creation(mode), who));
      }
      assertEquals(
        statuses,
        name === "an administrator"
          ? [201, 201, 201]
          : name === "anonymous"
          ? [401, 401, 401]
          : [201, 401, 401],
      );
    });
  }
});

Deno.test("who may change: administrators, and of transient ones their creators", async (t) => {
  const people = {
    ...PEOPLE,
    "the creator": (_app: SecuredApp, maker: Headers) => maker,
  };
  for (const [name, who] of Object.entries(people)) {
    for (const change of COMMANDS) {
      await t.step(`${name}: ${change.method} ${change.path}`, async () => {
        const mayAll = name === "an administrator";
        assertEquals(
          await statusOfChange(change, who, "continuous"),
          mayAll ? 200 : 401,
        );
        assertEquals(
          await statusOfChange(change, who, "transient"),
          mayAll || name === "the creator" ? 200 : 401,
        );
      });
    }
  }
});

Deno.test("every read needs a login; state, result and log a right", async (t) => {
  await using app = await openApp();
  const creator = await app.createUser("creator", { groups: ["$admins"] });
  assertEquals((await app.create("p", "", creator)).status, 201);
  // It stays the creator when it is an administrator no more.
  const changed = await app.sendJson("/users/creator", {
    fullName: "creator",
    groups: [],
  }, { method: "PUT", headers: ADMIN });
  assertEquals(changed.status, 200, changed.body);
  const people: Record<string, Headers> = {
    anonymous: {},
    "a user": await app.createUser("anna"),
    "an operator": OPS,
    "a reader of the result stream": await app.createUser("reader", {
      groups: ["readers"],
    }),
    "the creator": creator,
    "an administrator": ADMIN,
  };
  await app.writeAcl("$projections-p-result", { $r: ["readers"] });
  for (const [name, headers] of Object.entries(people)) {
    await t.step(name, async () => {
      const isAnonymous = name === "anonymous";
      for (const path of READS) {
        const { status } = await app.send(path, { headers });
        assertEquals([path, status], [path, isAnonymous ? 401 : 200]);
      }
      const may = !isAnonymous && name !== "a user" && name !== "an operator";
      for (const path of PRIVATE_READS) {
        const { status } = await app.send(path, { headers });
        assertEquals([path, status], [path, may ? 200 : 401]);
        if (path.endsWith("/log")) continue;
        const live = { ...headers, Accept: "text/event-stream" };
        const response = await app.app(
          new Request(TEST_BASE_URL + path, {
            headers: { Host: "127.0.0.1:2113", ...live },
          }),
          TEST_INFO,
        );
        await response.body?.cancel();
        assertEquals([path, response.status], [path, may ? 200 : 401]);
      }
    });
  }
});

Deno.test("a server without projections has nothing under their addresses", async () => {
  await using app = await openSecuredApp();
  for (const path of ["/projections", ...READS, ...PRIVATE_READS]) {
    const { status } = await app.send(path, { headers: ADMIN });
    assertEquals([path, status], [path, 404]);
  }
  const changes = [
    ...COMMANDS,
    ...["transient", "onetime", "continuous"].map(creation),
  ];
  for (const { path, ...change } of changes) {
    const headers = { ...change.headers, ...ADMIN };
    const { status } = await app.send(path, { ...change, headers });
    assertEquals([path, status], [path, 404]);
  }
});

Deno.test("what is not there is 404, for administrators and others", async () => {
  await using app = await openApp();
  for (const path of [...READS, ...PRIVATE_READS]) {
    if (path.startsWith("/projections")) continue;
    const { status } = await app.send(path, { headers: ADMIN });
    assertEquals([path, status], [path, 404]);
  }
  for (const { path, ...change } of COMMANDS) {
    const answer = await app.send(path, change);
    assertEquals([path, answer.status], [path, 404]);
    assertEquals(answer.body, "Not Found");
  }
});

Deno.test("methods that an address does not have are 405, and it says which it has", async (t) => {
  await using app = await openApp();
  const table: [path: string, allowed: string][] = [
    ["/projections", "GET, OPTIONS"],
    ["/projections/any", "GET, OPTIONS"],
    ["/projections/all-non-transient", "GET, OPTIONS"],
    ["/projections/transient", "GET, POST, OPTIONS"],
    ["/projections/onetime", "GET, POST, OPTIONS"],
    ["/projections/continuous", "GET, POST, OPTIONS"],
    ["/projections/read-events", "POST, OPTIONS"],
    ["/projections/debug", "POST, OPTIONS"],
    ["/projection/p", "GET, DELETE, OPTIONS"],
    ["/projection/p/statistics", "GET, OPTIONS"],
    ["/projection/p/state", "GET, OPTIONS"],
    ["/projection/p/result", "GET, OPTIONS"],
    ["/projection/p/log", "GET, OPTIONS"],
    ["/projection/p/query", "GET, PUT, OPTIONS"],
    ["/projection/p/query%3Fconfig=yes", "GET, PUT, OPTIONS"],
    ["/projection/p/config", "GET, PUT, OPTIONS"],
    ["/projection/p/command/enable", "POST, OPTIONS"],
    ["/projection/p/command/abort", "POST, OPTIONS"],
  ];
  for (const [path, allowed] of table) {
    await t.step(path, async () => {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
        if (allowed.includes(method)) continue;
        const answer = await app.send(path, { method, headers: ADMIN });
        assertEquals([method, answer.status], [method, 405]);
        assertEquals(
          answer.headers.get("Access-Control-Allow-Methods"),
          allowed,
        );
      }
      const { status } = await app.send(path, { method: "OPTIONS" });
      assertEquals(status, 200);
    });
  }
});

Deno.test("words of addresses are told apart by case", async () => {
  await using app = await openApp();
  await app.create("p");
  for (
    const path of [
      "/projection/p/command/Enable",
      "/projection/p/command/nothing",
      "/projection/p/nothing",
      "/projections/Any",
      "/projections/",
      "/projection",
      "/projection/",
      "/projection/P",
    ]
  ) {
    const { status } = await app.send(path, { headers: ADMIN });
    assertEquals([path, status], [path, 404]);
  }
});

Deno.test("a created projection is where its answer says", async () => {
  await using app = await openApp();
  const answer = await app.create("p", "&emit=yes");
  assertEquals(answer.status, 201);
  assertEquals(
    answer.headers.get("Location"),
    `${TEST_BASE_URL}/projection/p`,
  );
  assertEquals(JSON.parse(answer.body), { msgTypeId: 288, name: "p" });
  assertEquals(answer.headers.get("Cache-Control"), null);
  const again = await app.create("p");
  assertEquals([again.status, again.body], [
    409,
    "Duplicate projection name: p",
  ]);
});

Deno.test("names may hold anything, and every address leads back to its name", async (t) => {
  const names = [
    "a b",
    " a",
    "a/b",
    "a%2Fb",
    "a%b",
    "a?b=c&d#e",
    "a+b",
    "..",
    ".",
    "ü 型 \u{1f600}",
    "$x",
    "$by_category2",
    "__proto__",
    "constructor",
    "'\"<script>alert(1)</script>",
    "a\r\nX-Injected: yes",
    "a\u0000b",
    "a\\..\\b",
    "query%3Fconfig=yes",
    "C:1/P:1",
  ];
  await using app = await openApp();
  for (const name of names) {
    await t.step(JSON.stringify(name), async () => {
      const made = await app.create(name);
      assertEquals(made.status, 201, made.body);
      assertEquals(made.headers.get("X-Injected"), null);
      assertEquals(JSON.parse(made.body).name, name);
      const location = made.headers.get("Location") ?? "";
      assert(/^[\x21-\x7e]+$/.test(location), location);
      const shown = await app.send(location, { headers: ADMIN });
      assertEquals(shown.status, 200, location);
      const statistics = JSON.parse(shown.body);
      assertEquals(statistics.name, name);
      for (const member of ["statusUrl", "stateUrl", "resultUrl", "queryUrl"]) {
        const there = await app.send(statistics[member], { headers: ADMIN });
        assertEquals([member, there.status], [member, 200]);
      }
      const disabled = await app.send(statistics.disableCommandUrl, {
        method: "POST",
        headers: ADMIN,
      });
      assertEquals(disabled.status, 200);
    });
  }
  const listed = await app.send("/projections/any", { headers: ADMIN });
  const { projections } = JSON.parse(listed.body);
  for (const name of names) {
    assert(
      projections.some((one: { name: string }) => one.name === name),
      name,
    );
  }
});

Deno.test("names that no stream could have are refused", async () => {
  await using app = await openApp();
  for (const name of ["x".repeat(10_000), "a-checkpoint", "$all"]) {
    const answer = await app.create(name);
    assertEquals(answer.status, 400, name.slice(0, 20));
    assert(answer.body.length > 0);
  }
  const nameless = await app.send("/projections/continuous?name=", {
    headers: { ...ADMIN, ...SCRIPT_TYPE },
    body: QUERY,
  });
  assertEquals([nameless.status, nameless.body], [
    400,
    "Projection name is required",
  ]);
});

Deno.test("a transient or one-time projection without a name gets one", async () => {
  await using app = await openApp();
  for (const mode of ["transient", "onetime"]) {
    const answer = await app.send(`/projections/${mode}`, {
      headers: { ...ADMIN, ...SCRIPT_TYPE },
      body: QUERY,
    });
    assertEquals(answer.status, 201);
    const { name } = JSON.parse(answer.body);
    assert(/^[0-9a-f-]{36}$/.test(name), name);
  }
});

Deno.test("parameters of a creation: words for yes, and what is left out", async (t) => {
  const table: [parameters: string, isEnabled: boolean, canEmit: boolean][] = [
    ["", true, false],
    ["&enabled=&emit=", true, false],
    ["&enabled=no&emit=yes", false, true],
    ["&enabled=False&emit=TRUE", false, true],
    ["&enabled=1&emit=1", true, true],
    ["&enabled=maybe&emit=maybe", false, false],
    ["&Enabled=no&EMIT=yes", true, false],
  ];
  for (const [parameters, isEnabled, canEmit] of table) {
    await t.step(parameters, async () => {
      await using app = await openApp();
      assertEquals((await app.create("p", parameters)).status, 201);
      const record = await app.fixture.lastRecord();
      assertEquals([record["enabled"] ?? false, record["emitEnabled"]], [
        isEnabled,
        canEmit,
      ]);
    });
  }
});

Deno.test("a query is a text of any type, but of some type", async () => {
  await using app = await openApp();
  const create = (name: string, headers: Headers, body: string | Uint8Array) =>
    app.send(`/projections/continuous?name=${name}`, {
      headers: { ...ADMIN, ...headers },
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
  for (
    const type of [
      "application/x-www-form-urlencoded",
      "text/plain; charset=utf-8",
      "application/json",
      "whatever/it+is",
    ]
  ) {
    const name = type.replaceAll(/\W/g, "");
    const { status } = await create(name, { "Content-Type": type }, QUERY);
    assertEquals([type, status], [type, 201]);
  }
  for (const type of ["", "javascript", "/", "a/", "a b/c"]) {
    const { status } = await create("x", { "Content-Type": type }, QUERY);
    assertEquals([type, status], [type, 415]);
  }
  const marked = "\ufeff" + QUERY;
  assertEquals((await create("marked", SCRIPT_TYPE, marked)).status, 201);
  const query = await app.send("/projection/marked/query", { headers: ADMIN });
  assertEquals(query.body, QUERY);
  assertEquals(
    query.headers.get("Content-Type"),
    "application/javascript; charset=utf-8",
  );
  const broken = await create("x", SCRIPT_TYPE, new Uint8Array([0x28, 0xff]));
  assertEquals(broken.status, 400);
  const long = await create("x", SCRIPT_TYPE, `//${"x".repeat(600 * 1024)}`);
  assertEquals(long.status, 400);
  assertStringIncludes(long.body, "longer than");
  const huge = await create("x", SCRIPT_TYPE, "x".repeat(2 * 1024 * 1024));
  assertEquals(huge.status, 413);
});

Deno.test("documents are JSON alone, and say that they are not to be kept", async () => {
  await using app = await openApp();
  await app.create("p");
  const paths = [...READS, ...PRIVATE_READS].filter((path) =>
    !/query$|query\?/.test(path)
  );
  for (const path of paths) {
    for (const accept of ["text/xml", "text/html", "garbage"]) {
      const { status } = await app.send(path, {
        headers: { ...ADMIN, Accept: accept },
      });
      const hasPage = path === "/projection/p" && accept === "text/html";
      assertEquals([path, accept, status], [path, accept, hasPage ? 200 : 406]);
    }
    const { headers } = await app.send(path, {
      headers: { ...ADMIN, Accept: "*/*" },
    });
    assertEquals(
      headers.get("Content-Type"),
      "application/json; charset=utf-8",
    );
    assertEquals(
      headers.get("Cache-Control"),
      "max-age=0, no-cache, must-revalidate",
    );
    assertEquals(headers.get("Vary"), "Accept");
  }
  const statuses = [];
  for (const accept of ["text/xml", "image/png", "garbage"]) {
    const { status } = await app.send("/projection/p/query", {
      headers: { ...ADMIN, Accept: accept },
    });
    statuses.push(status);
  }
  assertEquals(statuses, [200, 200, 406]);
});

Deno.test("a configuration: members in any case, numbers as texts, the rest stays", async () => {
  await using app = await openApp();
  await app.create("p", "&enabled=no");
  const put = (body: string, headers: Headers = JSON_TYPE) =>
    app.send("/projection/p/config", {
      method: "PUT",
      headers: { ...ADMIN, ...headers },
      body,
    });
  const read = async () =>
    JSON.parse(
      (await app.send("/projection/p/config", { headers: ADMIN })).body,
    );
  const changed = await put(
    '{"EMITENABLED":true,"checkpointAfterMs":"500","unknown":{}}',
  );
  assertEquals(changed.status, 200, changed.body);
  const config = {
    msgTypeId: 303,
    emitEnabled: true,
    checkpointAfterMs: 500,
    checkpointHandledThreshold: 4000,
    checkpointUnhandledBytesThreshold: 10_000_000,
    pendingEventsThreshold: 5000,
    maxWriteBatchLength: 500,
  };
  assertEquals(await read(), config);
  for (
    const body of [
      "",
      "garbage",
      "[1]",
      "null",
      "42",
      '{"checkpointAfterMs":',
      '{"checkpointAfterMs":"soon"}',
      '{"checkpointAfterMs":-1}',
      '{"checkpointAfterMs":1.5}',
      '{"checkpointAfterMs":3000000000}',
      '{"maxWriteBatchLength":0}',
      '{"pendingEventsThreshold":0}',
      '{"emitEnabled":"yes"}',
      '{"emitEnabled":1}',
    ]
  ) {
    const answer = await put(body);
    assertEquals([body, answer.status], [body, 400]);
    assertStringIncludes(answer.body, "Failed to parse the projection config");
  }
  for (const type of [undefined, "text/xml"]) {
    const headers: Headers = type === undefined ? {} : { "Content-Type": type };
    assertEquals((await put("{}", headers)).status, 415);
  }
  assertEquals((await put(" ".repeat(600 * 1024))).status, 413);
  assertEquals(await read(), config);
});

Deno.test("a state has its position, and nothing where there is none", async () => {
  await using app = await openApp();
  await app.create("p");
  const run = app.fixture.runOf("p");
  run.become({});
  const read = (query: string) =>
    app.send(`/projection/p/state${query}`, { headers: ADMIN });
  assertEquals((await read("")).body, "");
  run.show('{"n":1}', "a+b?c&d");
  assertEquals((await read("?partition=a%2Bb%3Fc%26d")).body, '{"n":1}');
  assertEquals((await read("?partition=a+b%3Fc%26d")).body, '{"n":1}');
  for (
    const query of [
      "?partition=a%20b%3Fc%26d",
      "?Partition=a%2Bb%3Fc%26d",
      "?partition=a%2Bb%3Fc%26d&partition=a%2Bb%3Fc%26d",
      "?partition=%ZZ",
    ]
  ) {
    const { status, body } = await read(query);
    assertEquals([query, status, body], [query, 200, ""]);
  }
});

async function openFeed(
  app: SecuredApp,
  path: string,
  headers: Headers = ADMIN,
): Promise<Response> {
  const accept = path.includes("format=")
    ? {}
    : { Accept: "text/event-stream" };
  return await app.app(
    new Request(TEST_BASE_URL + path, {
      headers: { Host: "127.0.0.1:2113", ...headers, ...accept },
    }),
    TEST_INFO,
  );
}

Deno.test("a state that is followed: now, and after each change", async () => {
  await using app = await openApp();
  await app.create("p");
  const run = app.fixture.runOf("p");
  run.show('{"n":1}');
  const response = await openFeed(app, "/projection/p/state");
  assertEquals(response.status, 200);
  assertEquals(
    response.headers.get("Content-Type"),
    "text/event-stream; charset=utf-8",
  );
  assertEquals(response.headers.get("Cache-Control"), "no-store");
  await using events = new EventSourceReader(response.body);
  assertEquals((await events.next())?.data, '{"n":1}');
  run.show('{"n":2}');
  assertEquals((await events.next())?.data, '{"n":2}');
  // Of another partition: nothing of it is sent.
  run.show('{"other":1}', "x");
  run.show('{"n":3}');
  assertEquals((await events.next())?.data, '{"n":3}');
});

Deno.test("a partition's result can be followed, by ?format=sse and a token, too", async () => {
  await using app = await openApp();
  await app.create("p");
  app.fixture.runOf("p").show("[1]", "x");
  const made = await app.send("/users/$current/access-token", {
    method: "POST",
    headers: ADMIN,
  });
  assertEquals(made.status, 201, made.body);
  const { accessToken } = JSON.parse(made.body);
  const path = `/projection/p/result?partition=x&format=sse&access_token=`;
  const refused = await openFeed(app, path + "wrong", {});
  await refused.body?.cancel();
  assertEquals(refused.status, 401);
  const response = await openFeed(app, path + accessToken, {});
  assertEquals(response.status, 200);
  await using events = new EventSourceReader(response.body);
  assertEquals((await events.next())?.data, "[1]");
});

Deno.test("a feed of states ends with the projection, the login or the server", async (t) => {
  const ends: Record<string, (app: ProjectionApp) => Promise<unknown>> = {
    "it is deleted": async (app) => {
      await app.fixture.command("disable");
      const answer = await app.send("/projection/p", {
        method: "DELETE",
        headers: ADMIN,
      });
      assertEquals(answer.status, 200, answer.body);
    },
    "the login is disabled": (app) =>
      app.send("/users/anna/command/disable", {
        method: "POST",
        headers: ADMIN,
      }),
    "the server stops": (app) => Promise.resolve(app.app.endLongPolls()),
  };
  for (const [name, end] of Object.entries(ends)) {
    await t.step(name, async () => {
      await using app = await openApp();
      const login = await app.createUser("anna", { groups: ["$admins"] });
      await app.create("p");
      app.fixture.runOf("p").show("1");
      const response = await openFeed(app, "/projection/p/state", login);
      await using events = new EventSourceReader(response.body);
      assertEquals((await events.next())?.data, "1");
      await end(app);
      const last = await events.nextAny();
      assertStringIncludes(last?.data ?? "", "ended");
      assertEquals(await events.nextAny(), undefined);
    });
  }
});

Deno.test("feeds of states count as live feeds", async () => {
  await using app = await openApp({ limits: { liveFeedsMax: 1 } });
  await app.create("p");
  const first = await openFeed(app, "/projection/p/state");
  assertEquals(first.status, 200);
  const second = await openFeed(app, "/projection/p/state");
  await second.body?.cancel();
  assertEquals(second.status, 503);
  await first.body?.cancel();
});

Deno.test("each change is in the audit, and no refusal", async () => {
  await using app = await openApp();
  await app.create("p");
  await app.create("p");
  await app.fixture.timers.pass(0);
  for (const { path, ...change } of COMMANDS) {
    await app.send(path, {
      ...change,
      headers: { ...change.headers, ...OPS },
    });
    const headers = { ...change.headers, ...ADMIN };
    await app.send(path, { ...change, headers });
    await app.fixture.timers.pass(0);
  }
  const lines = app.auth.logged.filter(([event, { by }]) =>
    event.startsWith("projection.") && by !== undefined
  );
  assertEquals(
    lines.map(([event, { projection, by }]) => [event, projection, by]),
    [
      "created",
      "enabled",
      "disabled",
      "reset",
      "aborted",
      "query_updated",
      "config_updated",
      "deleted",
    ].map((event) => [`projection.${event}`, "p", "admin"]),
  );
});

Deno.test("POST /projections/debug: a query is stepped over events", async () => {
  await using app = await openApp();
  for (const n of [1, 2]) {
    await app.append("s", [
      { eventId: crypto.randomUUID(), eventType: "t", data: { n } },
    ], ADMIN);
  }
  const debug = (json: unknown, headers: Headers = ADMIN) =>
    app.sendJson("/projections/debug", json, { headers });
  const query = "fromStream('s').when({$init: () => ({n: 0}), t(s, e) {\n" +
    "s.n += e.data.n; linkTo('o', e); log('n', s.n);\n" +
    "if (s.n > 8) throw new Error('large') }})";
  const answer = await debug({ query });
  assertEquals(answer.status, 200, answer.body);
  const { readerPosition, events, log } = JSON.parse(answer.body);
  assertEquals([readerPosition, log], [{ $s: { s: 1 } }, []]);
  assertEquals(events[1], {
    eventStreamId: "s",
    eventNumber: 1,
    eventType: "t",
    readerPosition: { $s: { s: 1 } },
    partition: "",
    stateBefore: { n: 1 },
    state: { n: 3 },
    result: { n: 3 },
    emitted: [{ streamId: "o", eventType: "$>", isJson: false, data: "1@s" }],
    log: ["n 3"],
  });
  const on = await debug({
    query,
    position: { $s: { s: 0 } },
    states: { "": { n: 7 } },
    maxEvents: 1,
  });
  const failed = JSON.parse(on.body);
  assertEquals(failed.fault, { text: "Error: large", line: 3 });
  assertEquals(failed.readerPosition, { $s: { s: 0 } });
  assertEquals(failed.events[0].stateBefore, { n: 7 });
  const { fault } = JSON.parse((await debug({ query: "({})" })).body);
  assertEquals(fault, { text: "None of streams and categories are included" });
  assertEquals((await debug({ query }, {})).status, 401);
  for (
    const json of [
      {},
      { query: 1 },
      { query, position: { $s: { s: -2 } } },
      { query, maxEvents: 0 },
      { query, states: [] },
      { query: "fromStreamCatalog('c').foreachStream()" },
    ]
  ) {
    const { status, body } = await debug(json);
    assertEquals([JSON.stringify(json), status], [JSON.stringify(json), 400]);
    assert(body.length > 0);
  }
});

Deno.test("what reads events of a source must say: a source and a position", async () => {
  await using app = await openApp();
  await app.append("s", [
    { eventId: crypto.randomUUID(), eventType: "t", data: { n: 1 } },
  ], ADMIN);
  const read = (json: unknown, headers: Headers = ADMIN) =>
    app.sendJson("/projections/read-events", json, { headers });
  const query = { streams: ["s"], allEvents: true };
  const position = { $s: { s: -1 } };
  const answer = await read({ query, position });
  assertEquals(answer.status, 200, answer.body);
  const { events, readerPosition } = JSON.parse(answer.body);
  assertEquals(readerPosition, { $s: { s: 0 } });
  assertEquals(events, [{
    eventStreamId: "s",
    eventType: "t",
    data: { n: 1 },
    isJson: true,
    readerPosition: { $s: { s: 0 } },
  }]);
  for (
    const json of [
      {},
      [],
      { query },
      { position },
      { query: "s", position },
      { query: { streams: "s" }, position },
      { query: { streams: [1] }, position },
      { query: { allStreams: "yes" }, position },
      { query, position: { $s: { s: "0" } } },
      { query, position: { $s: { s: -2 } } },
      { query, position: { $s: [] } },
      { query, position: {} },
      { query, position: { $c: 1 } },
      { query, position, maxEvents: 0 },
      { query, position, maxEvents: 1e9 },
      { query, position, maxEvents: "ten" },
    ]
  ) {
    const { status } = await read(json);
    assertEquals([json, status], [json, 400]);
  }
  await app.writeAcl("s", { $r: "$admins" });
  for (const headers of [{}, OPS]) {
    assertEquals((await read({ query, position }, headers)).status, 401);
  }
});

Deno.test("/projections leads to their page", async () => {
  await using app = await openApp();
  const answer = await app.send("/projections");
  assertEquals(answer.status, 302);
  assertEquals(
    answer.headers.get("Location"),
    `${TEST_BASE_URL}/web/projections.htm`,
  );
});
