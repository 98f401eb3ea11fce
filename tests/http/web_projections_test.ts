/**
 * Pages of projections and their forms.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { openProjectionFixture } from "../support/projection_service.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { markIn, PAGE, postForm } from "../support/web_forms.ts";

type Fields = Readonly<Record<string, string>>;

function openApp(): Promise<SecuredApp> {
  return openSecuredApp({
    openProjections: async (parts) =>
      (await openProjectionFixture(parts)).service,
  });
}

/** Sends a form of the administrator's. */
async function post(
  app: SecuredApp,
  path: string,
  fields: Fields = {},
  headers: Fields = ADMIN,
) {
  const csrf = markIn(await app.get("/web/projections", PAGE, headers));
  return await postForm(app, path, { csrf, ...fields }, headers);
}

const NEW = { name: "p<b>", mode: "Continuous", query: "fromStream('s')" };
const PATH = "/projection/p%3Cb%3E";

async function openWithProjection(): Promise<SecuredApp> {
  const app = await openApp();
  const made = await post(app, "/web/projections", { ...NEW, emits: "true" });
  assertEquals(made.headers.get("Location"), `${PATH}?done=created`, made.body);
  return app;
}

async function queryOf(app: SecuredApp) {
  const { body } = await app.get(
    `${PATH}/query?config=yes`,
    "application/json",
    ADMIN,
  );
  return JSON.parse(body);
}

Deno.test("a projection is made, changed, stopped and deleted by forms", async () => {
  await using app = await openWithProjection();
  assertEquals((await queryOf(app)).emitEnabled, true);
  const page = await app.get(`${PATH}?done=created`, PAGE, ADMIN);
  assertEquals(page.status, 200);
  assertStringIncludes(page.body, "The projection is made.");
  assertStringIncludes(page.body, "<bdi>p&lt;b&gt;</bdi>");

  const query = "fromStream('s')\r\n  .when({})";
  const saved = await post(app, `/web${PATH}/query`, { query });
  assertEquals(saved.headers.get("Location"), `${PATH}?done=query_updated`);
  assertEquals((await queryOf(app)).query, query.replace("\r", ""));
  assertEquals((await queryOf(app)).emitEnabled, undefined);

  const early = await post(app, `/web${PATH}/delete`, { confirm: "p<b>" });
  assertEquals(early.status, 400);
  assertStringIncludes(early.body, "stopped or faulted");
  const stopped = await post(app, `/web${PATH}/command/disable`);
  assertEquals(stopped.headers.get("Location"), `${PATH}?done=disabled`);
  const settings = await post(app, `/web${PATH}/config`, {
    checkpointHandledThreshold: "7",
  });
  assertEquals(settings.headers.get("Location"), `${PATH}?done=config_updated`);
  const wrong = await post(app, `/web${PATH}/delete`, { confirm: "p" });
  assertEquals(wrong.status, 400);
  const gone = await post(app, `/web${PATH}/delete`, { confirm: "p<b>" });
  assertEquals(gone.headers.get("Location"), "/web/projections", gone.body);
  assertEquals((await app.get(PATH, PAGE, ADMIN)).status, 404);
});

Deno.test("what cannot be made shows the form again, as typed", async () => {
  await using app = await openWithProjection();
  const twice = await post(app, "/web/projections", NEW);
  assertEquals(twice.status, 409);
  assertStringIncludes(twice.body, "Duplicate projection name");
  assertStringIncludes(twice.body, `value="p&lt;b&gt;"`);
  const nameless = await post(app, "/web/projections", { ...NEW, name: "" });
  assertEquals(nameless.status, 400);
  assertStringIncludes(nameless.body, `role="alert"`);
  const unknown = await post(app, `/web${PATH}/command/explode`);
  assertEquals(unknown.status, 404);
  const config = await post(app, `/web${PATH}/config`, {
    maxWriteBatchLength: "0",
  });
  assertEquals(config.status, 400);
});

Deno.test("pages of projections need a login, and forms the right and their mark", async () => {
  await using app = await openWithProjection();
  const user = await app.createUser("ann");
  for (const path of ["/web/projections", PATH]) {
    assertEquals((await app.get(path, PAGE)).status, 401, path);
    assertEquals((await app.get(path, PAGE, user)).status, 200, path);
  }
  const seen = await app.get(PATH, PAGE, user);
  assertStringIncludes(seen.body, "For the login that made it");
  for (
    const [path, fields] of [
      ["/web/projections", { ...NEW, name: "q" }],
      [`/web${PATH}/command/disable`, {}],
      [`/web${PATH}/query`, { query: "fromAll()" }],
      [`/web${PATH}/config`, { checkpointHandledThreshold: "1" }],
      [`/web${PATH}/delete`, { confirm: "p<b>" }],
    ] as const
  ) {
    assertEquals((await post(app, path, fields, user)).status, 401, path);
    assertEquals((await postForm(app, path, fields, ADMIN)).status, 403, path);
  }
  assertEquals((await queryOf(app)).query, NEW.query);
});

Deno.test("the original's address leads to the list, and the editor is a script", async () => {
  await using app = await openApp();
  const moved = await app.get("/web/projections.htm", PAGE);
  assertEquals(moved.status, 302);
  const location = moved.headers.get("Location") ?? "";
  assert(location.endsWith("/web/projections"), location);
  const editor = await app.get("/web/editor.js");
  const list = await app.get("/web/projections", PAGE, ADMIN);
  if (editor.status === 404) {
    assert(!list.body.includes("data-editor"), "The editor was not built");
  } else {
    assertStringIncludes(
      editor.headers.get("Content-Type") ?? "",
      "javascript",
    );
    assertStringIncludes(list.body, `data-editor="/web/editor.js?v=`);
  }
});

Deno.test("a query is stepped over events by a form, and goes on", async () => {
  await using app = await openApp();
  for (let n = 1; n <= 12; n++) {
    const event = {
      eventId: testUuid(n),
      eventType: "Paid",
      data: { amount: n },
    };
    assertEquals((await app.append("orders-1", [event])).status, 201);
  }
  const user = await app.createUser("ann");
  const path = "/web/projections/debug";
  assertEquals((await app.get(path, PAGE)).status, 401);
  const query = "fromStream('orders-1').when({$init: () => ({sum: 0}), " +
    "Paid(s, e) { s.sum += e.data.amount; emit('<out>', 'Sum', s); }})";
  const first = await post(app, path, { query, count: "10", from: "start" }, {
    ...user,
  });
  assertEquals(first.status, 200);
  assertStringIncludes(first.body, "9@orders-1");
  assertStringIncludes(first.body, "&quot;sum&quot;: 55");
  assertStringIncludes(first.body, "&lt;out&gt;");

  const hidden = (name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(first.body)?.[1]
      ?.replaceAll("&quot;", '"') ?? "";
  const next = await post(app, path, {
    query,
    count: "10",
    from: "next",
    position: hidden("position"),
    states: hidden("states"),
  }, user);
  assertStringIncludes(next.body, "11@orders-1");
  assertStringIncludes(next.body, "&quot;sum&quot;: 78");
  // Nothing was written.
  assertEquals((await app.get("/streams/%3Cout%3E")).status, 404);

  for (
    const fields of [
      { query: "fromAll(" },
      { query, from: "next", position: "[]", states: "{}" },
      { query, from: "next", position: `{"$s":{}}`, states: "x" },
    ]
  ) {
    const wrong = await post(app, path, fields, user);
    assertStringIncludes(wrong.body, `role="alert"`);
  }
});
