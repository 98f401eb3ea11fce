/**
 * What forms on pages do: they follow the rules of the interface for programs,
 * and say beside the form what was wrong.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { basic } from "../support/test_auth.ts";
import type { TestAnswer } from "../support/test_app.ts";
import { markIn, PAGE, postForm } from "../support/web_forms.ts";

const EVENT_ID = "11111111-1111-4111-8111-111111111111";

type Login = Readonly<Record<string, string>>;
type Fields = Readonly<Record<string, string>>;

/** Opens a page and sends a form with its mark, as a browser does. */
async function submit(
  app: SecuredApp,
  { page, to, fields, login = ADMIN }: {
    readonly page: string;
    readonly to: string;
    readonly fields: Fields;
    readonly login?: Login;
  },
): Promise<TestAnswer> {
  const shown = await app.get(page, PAGE, login);
  assertEquals(shown.status, 200, shown.body);
  return await postForm(app, to, { csrf: markIn(shown), ...fields }, login);
}

function append(app: SecuredApp, fields: Fields, login: Login = ADMIN) {
  return submit(app, {
    page: "/web/append",
    to: "/web/append",
    login,
    fields: {
      stream: "orders-1",
      type: "Placed",
      id: EVENT_ID,
      data: '{"n":  1.50}',
      metadata: "",
      expected: "any",
      version: "",
      ...fields,
    },
  });
}

Deno.test("POST /web/append writes an event as programs do, once for its id", async () => {
  await using app = await openSecuredApp();
  for (let times = 0; times < 2; times++) {
    const answer = await append(app, { metadata: '{"by":"me"}' });
    assertEquals(answer.status, 303, answer.body);
    assertEquals(answer.headers.get("Location"), "/streams/orders-1/0");
  }
  const { body } = await app.get("/streams/orders-1/0", "application/json");
  assertEquals(body, '{\n  "n": 1.50\n}');
  assertEquals((await app.get("/streams/orders-1/1")).status, 404);
});

Deno.test("POST /web/append shows the form again with what is wrong", async () => {
  await using app = await openSecuredApp();
  const rows: readonly (readonly [Fields, string])[] = [
    [{ data: '{"n":1},"eventType":"x"' }, "The data is no JSON"],
    [{ data: "{" }, "The data is no JSON"],
    [{ metadata: "nothing" }, "The metadata is no JSON"],
    [{ stream: " " }, "Name a stream"],
    [{ type: "" }, "Empty eventType"],
    [{ id: "x" }, "Write request body invalid"],
    [{ expected: "version" }, "Say which event number"],
    [{ expected: "version", version: "7" }, "it does not exist"],
    [{ stream: "$ce-a" }, "$ce-a"],
  ];
  for (const [fields, text] of rows) {
    const answer = await append(app, fields);
    assertEquals(answer.status, 400, JSON.stringify(fields));
    assertStringIncludes(answer.body, text);
    assertStringIncludes(answer.body, `value="${EVENT_ID}`.slice(0, 6));
  }
  assertEquals((await app.get("/streams/orders-1")).status, 404);
  const taken = await append(app, {});
  assertEquals(taken.status, 303);
  const late = await append(app, {
    expected: "noStream",
    id: EVENT_ID.replace("1", "2"),
  });
  assertStringIncludes(late.body, "its last event is number 0");
});

Deno.test("forms do nothing that the caller may not, and none without their mark", async () => {
  await using app = await openSecuredApp();
  const user = await app.createUser("eve");
  await append(app, {});
  await app.writeAcl("orders-1", { $w: "$admins", $d: "$admins" });
  const later = { id: EVENT_ID.replace("1", "3") };
  assertEquals((await append(app, later, user)).status, 401);
  const deletion = { stream: "orders-1", confirm: "orders-1", mode: "soft" };
  const page = "/web/delete?stream=orders-1";
  const refused = await submit(app, {
    page,
    to: "/web/delete",
    login: user,
    fields: deletion,
  });
  assertEquals(refused.status, 401);
  const unmarked = await submit(app, {
    page,
    to: "/web/delete",
    fields: { ...deletion, csrf: "x" },
  });
  assertEquals(unmarked.status, 403);
  assertEquals((await app.get("/streams/orders-1")).status, 200);
});

Deno.test("POST /web/delete wants the name typed, and deletes softly or for ever", async () => {
  await using app = await openSecuredApp();
  await append(app, {});
  const page = "/web/delete?stream=orders-1";
  const send = (confirm: string, mode: string) =>
    submit(app, {
      page,
      to: "/web/delete",
      fields: { stream: "orders-1", confirm, mode },
    });
  assertEquals((await send("orders", "soft")).status, 400);
  assertEquals((await app.get("/streams/orders-1")).status, 200);
  assertEquals((await send("orders-1", "soft")).status, 303);
  assertEquals((await app.get("/streams/orders-1")).status, 404);
  await append(app, { id: EVENT_ID.replace("1", "4") });
  assertEquals((await send("orders-1", "hard")).status, 303);
  assertEquals((await app.get("/streams/orders-1")).status, 410);
});

Deno.test("POST /web/metadata writes what the form says and keeps further members", async () => {
  await using app = await openSecuredApp();
  await append(app, {});
  const page = "/streams/orders-1/metadata";
  const write = (fields: Fields) =>
    submit(app, {
      page,
      to: "/web/metadata",
      fields: { stream: "orders-1", ...fields },
    });
  const saved = await write({
    version: "-1",
    $maxCount: "5",
    $maxAge: "",
    $r: "$all, ada",
    further: '{ "team": "shop", "big": 12345678901234567890 }',
  });
  assertEquals(saved.status, 303, saved.body);
  const read = async () =>
    (await app.get(page, "application/json", ADMIN)).body.replace(/\s/g, "");
  const written = await read();
  assertEquals(
    written,
    '{"$maxCount":5,"$acl":{"$r":["$all","ada"]},"team":"shop",' +
      '"big":12345678901234567890}',
  );
  const shown = await app.get(`${page}?done=saved`, PAGE, ADMIN);
  assertStringIncludes(shown.body, 'name="$r" value="$all, ada"');
  assertStringIncludes(shown.body, "12345678901234567890");
  assertStringIncludes(shown.body, "The metadata is saved");

  // Somebody else was quicker, or it makes no sense.
  for (
    const fields of [
      { version: "-1" },
      { version: "0", $maxCount: "x" },
      { version: "0", further: "[1]" },
    ]
  ) assertEquals((await write(fields)).status, 400, JSON.stringify(fields));
  assertEquals(await read(), written);
});

Deno.test("users are made, changed and deleted by forms of administrators alone", async () => {
  await using app = await openSecuredApp();
  const made = await submit(app, {
    page: "/users/",
    to: "/web/users",
    fields: { login: "ada", fullName: "Ada", groups: "a, b", password: "pass" },
  });
  assertEquals(made.status, 303, made.body);
  const act = (action: string, fields: Fields, login: Login = ADMIN) =>
    submit(app, {
      page: "/users/ada",
      to: `/web/users/ada/${action}`,
      fields,
      login,
    });
  const ada = { Authorization: basic("ada", "pass") };
  assertEquals((await act("disable", {}, ada)).status, 400);
  const wrong = await act("password", { current: "x", password: "y" }, ada);
  assertStringIncludes(wrong.body, "The present password is another one");
  const update = await act("update", { fullName: "Ada L", groups: "c" });
  assertEquals(update.status, 303);
  const shown = await app.get("/users/ada?done=updated", PAGE, ADMIN);
  assertStringIncludes(shown.body, "<bdi>Ada L</bdi>");
  assertStringIncludes(shown.body, "The user is changed.");
  assertEquals((await act("delete", { confirm: "eve" })).status, 400);
  assertEquals((await act("disable", {})).status, 303);
  assertEquals((await app.get("/users/", PAGE, ada)).status, 401);
  assertEquals((await act("delete", { confirm: "ada" })).status, 303);
  assertEquals((await app.get("/users/ada", PAGE, ADMIN)).status, 404);
});

Deno.test("a token is made with the password again, shown once, and revoked", async () => {
  await using app = await openSecuredApp();
  const page = "/users/$current";
  const make = (fields: Fields) =>
    submit(app, { page, to: "/web/users/admin/token", fields });
  const refused = await make({ password: "wrong", days: "1" });
  assertEquals(refused.status, 400);
  for (const days of ["0", "x", "100000"]) {
    const answer = await make({ password: "admin's password", days });
    assertEquals(answer.status, 400, days);
  }
  const made = await make({
    password: "admin's password",
    label: "<b>ci</b>",
    days: "1",
    scope: "read",
  });
  assertEquals(made.status, 200, made.body);
  const token = /<pre id="secret">([^<]+)<\/pre>/.exec(made.body)?.[1] ?? "";
  const bearer = { Authorization: `Bearer ${token}` };
  assertEquals((await app.get("/users/", undefined, bearer)).status, 200);
  const list = await app.get(page, PAGE, ADMIN);
  assert(!list.body.includes(token));
  assertStringIncludes(list.body, "&lt;b&gt;ci&lt;/b&gt;");
  const id = /name="token" value="([^"]+)"/.exec(list.body)?.[1] ?? "";
  const revoked = await submit(app, {
    page,
    to: "/web/users/admin/revoke",
    fields: { token: id },
  });
  assertEquals(revoked.status, 303);
  assertEquals((await app.get("/users/", undefined, bearer)).status, 401);
});
