/**
 * `/users` as a client sees it.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ADMIN, openSecuredApp, OPS } from "../../support/secured_app.ts";
import { basic } from "../../support/test_auth.ts";

const ANNA = {
  loginName: "anna",
  fullName: "Anna A",
  groups: ["readers", "writers"],
  password: "Pa55!",
};

const AS_ANNA = { Authorization: basic("anna", "Pa55!") };

for (const path of ["/users/", "/users"]) {
  Deno.test(`POST ${path} is 201 with a result and the user's address`, async () => {
    await using app = await openSecuredApp();
    const answer = await app.sendJson(path, ANNA, { headers: ADMIN });

    assertEquals(answer.status, 201);
    assertEquals(
      answer.headers.get("Location"),
      "http://127.0.0.1:2113/users/anna",
    );
    assertEquals(
      answer.body,
      '{\n  "loginName": "anna",\n  "success": true,\n' +
        '  "error": "Success",\n  "msgTypeId": 50\n}',
    );
    assertEquals((await app.get("/users/anna", "*/*", AS_ANNA)).status, 200);
  });

  Deno.test(`GET ${path} is 200 with all users in order`, async () => {
    await using app = await openSecuredApp();
    await app.sendJson(path, { ...ANNA, loginName: "bert" }, {
      headers: ADMIN,
    });
    await app.sendJson(path, ANNA, { headers: ADMIN });
    const { status, body } = await app.get(path, undefined, OPS);

    assertEquals(status, 200);
    const { data, success, error } = JSON.parse(body);
    assertEquals({ success, error }, { success: true, error: "Success" });
    assertEquals(
      data.map((user: { loginName: string }) => user.loginName),
      ["admin", "anna", "bert", "operator", "ops"],
    );
  });
}

Deno.test("GET /users/{login} shows links to what can be done", async () => {
  await using app = await openSecuredApp();
  await app.sendJson("/users/", ANNA, { headers: ADMIN });
  const read = async () => {
    const { body } = await app.get("/users/anna", undefined, ADMIN);
    return JSON.parse(body).data;
  };
  const { links, ...rest } = await read();

  assertEquals(rest, {
    loginName: "anna",
    fullName: "Anna A",
    groups: ["readers", "writers"],
    disabled: false,
  });
  const base = "http://127.0.0.1:2113/users/anna";
  assertEquals(links, [
    { href: `${base}/command/reset-password`, rel: "reset-password" },
    { href: `${base}/command/change-password`, rel: "change-password" },
    { href: base, rel: "edit" },
    { href: base, rel: "delete" },
    { href: `${base}/command/disable`, rel: "disable" },
  ]);
  await app.send("/users/anna/command/disable", {
    method: "POST",
    headers: ADMIN,
  });
  const disabled = await read();
  assertEquals(disabled.disabled, true);
  assertEquals(disabled.links[4], {
    href: `${base}/command/enable`,
    rel: "enable",
  });
});

Deno.test("GET /users/$current shows the caller, without links", async () => {
  await using app = await openSecuredApp();
  await app.sendJson("/users/", ANNA, { headers: ADMIN });
  const { status, body } = await app.get("/users/$current", "*/*", AS_ANNA);

  assertEquals(status, 200);
  const { data, ...end } = JSON.parse(body);
  assertEquals(Object.keys(data), [
    "loginName",
    "fullName",
    "groups",
    "dateLastUpdated",
    "disabled",
  ]);
  assert(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/.test(data.dateLastUpdated));
  assertEquals(end, { success: true, error: "Success", msgTypeId: 53 });
  assertEquals((await app.get("/users/$current")).status, 401);
});

Deno.test("PUT /users/{login} overwrites both: what is missing is cleared", async () => {
  await using app = await openSecuredApp();
  await app.sendJson("/users/", ANNA, { headers: ADMIN });
  const answer = await app.sendJson("/users/anna", { FULLNAME: "New" }, {
    method: "PUT",
    headers: ADMIN,
  });
  assertEquals(answer.status, 200);
  const { body } = await app.get("/users/anna", undefined, ADMIN);
  const { fullName, groups } = JSON.parse(body).data;
  assertEquals({ fullName, groups }, { fullName: "New", groups: undefined });
});

Deno.test("a user that is made twice is 201 with its password, 409 with another", async () => {
  await using app = await openSecuredApp();
  const create = async (user: unknown) =>
    (await app.sendJson("/users/", user, { headers: ADMIN })).status;
  assertEquals(await create(ANNA), 201);
  assertEquals(await create({ ...ANNA, fullName: "Else" }), 201);
  assertEquals(await create({ ...ANNA, password: "other" }), 409);
  const { body } = await app.get("/users/anna", undefined, ADMIN);
  assertEquals(JSON.parse(body).data.fullName, "Anna A");
});

Deno.test("commands change what logs in, at once", async () => {
  await using app = await openSecuredApp();
  await app.sendJson("/users/", ANNA, { headers: ADMIN });
  const statusAs = async (password: string) => {
    const headers = { Authorization: basic("anna", password) };
    return (await app.get("/users/$current", undefined, headers)).status;
  };
  const command = async (name: string, json: unknown, headers = ADMIN) =>
    (await app.sendJson(`/users/anna/command/${name}`, json, { headers }))
      .status;

  assertEquals(await statusAs("Pa55!"), 200);
  assertEquals(await command("disable", {}), 200);
  assertEquals(await statusAs("Pa55!"), 401);
  assertEquals(await command("enable", {}), 200);
  assertEquals(await statusAs("Pa55!"), 200);
  assertEquals(await command("reset-password", { newPassword: "b" }), 200);
  assertEquals([await statusAs("Pa55!"), await statusAs("b")], [401, 200]);
  const change = { currentPassword: "b", newPassword: "c" };
  assertEquals(await command("change-password", change, { ...AS_ANNA }), 401);
  assertEquals(
    (await app.sendJson("/users/anna/command/change-password", change)).status,
    200,
  );
  assertEquals([await statusAs("b"), await statusAs("c")], [401, 200]);
  const wrong = { currentPassword: "b", newPassword: "d" };
  const refused = await app.sendJson(
    "/users/anna/command/change-password",
    wrong,
  );
  assertEquals(refused.status, 401);
  assertEquals(JSON.parse(refused.body).error, "Unauthorized");
  assertEquals(
    (await app.send("/users/anna", { method: "DELETE", headers: ADMIN }))
      .status,
    200,
  );
  assertEquals(await statusAs("c"), 401);
});

/** Everything that changes users, and what it needs besides its rights. */
const CHANGES: readonly (readonly [string, string, unknown])[] = [
  ["POST", "/users/", { ...ANNA, loginName: "new" }],
  ["PUT", "/users/anna", { fullName: "x" }],
  ["DELETE", "/users/anna", undefined],
  ["POST", "/users/anna/command/enable", undefined],
  ["POST", "/users/anna/command/disable", undefined],
  ["POST", "/users/anna/command/reset-password", { newPassword: "x" }],
];

for (const [method, path, json] of CHANGES) {
  Deno.test(`${method} ${path} is 401 for all but administrators`, async () => {
    await using app = await openSecuredApp();
    await app.sendJson("/users/", ANNA, { headers: ADMIN });
    const before = (await app.store.readEnd()).lastPosition;
    for (const headers of [{}, OPS, AS_ANNA]) {
      const answer = json === undefined
        ? await app.send(path, { method, headers })
        : await app.sendJson(path, json, { method, headers });
      assertEquals(answer.status, 401);
      assertEquals(answer.headers.get("WWW-Authenticate"), 'Basic realm="ES"');
      assertEquals(JSON.parse(answer.body).error, "Unauthorized");
    }
    assertEquals((await app.store.readEnd()).lastPosition, before);
  });
}

Deno.test("whoever is not there is 404, for reads and every change", async () => {
  await using app = await openSecuredApp();
  const read = await app.get("/users/nobody", undefined, ADMIN);
  assertEquals(read.status, 404);
  assertEquals(JSON.parse(read.body), {
    success: false,
    error: "NotFound",
    msgTypeId: 51,
  });
  for (const [method, path, json] of CHANGES.slice(1)) {
    const nobody = path.replace("anna", "nobody");
    const answer = json === undefined
      ? await app.send(nobody, { method, headers: ADMIN })
      : await app.sendJson(nobody, json, { method, headers: ADMIN });
    assertEquals(answer.status, 404, nobody);
    assertEquals(JSON.parse(answer.body).loginName, "nobody");
  }
});

Deno.test("reading users needs a login", async () => {
  await using app = await openSecuredApp();
  for (const path of ["/users", "/users/", "/users/admin"]) {
    assertEquals((await app.get(path)).status, 401, path);
    assertEquals((await app.get(path, undefined, OPS)).status, 200, path);
  }
});

Deno.test("a body that is no user is 400 and says why", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['"garbage"', "it is not a JSON object"],
    ["{", "it is not JSON"],
    ["[]", "it is not a JSON object"],
    ["", "loginName is missing"],
    ['{"fullName":"x"}', "loginName is missing"],
    ['{"loginName":"x"}', "password is missing"],
    ['{"loginName":1,"password":"x"}', "loginName must be a text"],
    [
      '{"loginName":"x","password":"x","groups":"g"}',
      "groups must be a list of texts",
    ],
    ['{"loginName":"","password":"x"}', "a login has"],
    ['{"loginName":"a\\r\\nb","password":"x"}', "a login has"],
    ['{"loginName":"x","password":""}', "a password has"],
  ];
  await using app = await openSecuredApp();
  const before = (await app.store.readEnd()).lastPosition;
  for (const [body, reason] of cases) {
    const answer = await app.send("/users/", {
      method: "POST",
      headers: { ...ADMIN, "Content-Type": "application/json" },
      body,
    });
    assertEquals(answer.status, 400, body);
    assertStringIncludes(answer.body, reason);
  }
  assertEquals((await app.store.readEnd()).lastPosition, before);
});

Deno.test("members may be written in any case, and unknown ones mean nothing", async () => {
  await using app = await openSecuredApp();
  const user = {
    LOGINNAME: "anna",
    Password: "x",
    Groups: ["a"],
    "x-__proto__": 1,
    isAdmin: true,
  };
  const answer = await app.sendJson("/users/", user, { headers: ADMIN });
  assertEquals(answer.status, 201);
  const { body } = await app.get("/users/anna", undefined, ADMIN);
  assertEquals(JSON.parse(body).data.groups, ["a"]);
});

Deno.test("types: JSON and text/xml, anything else is 415 or 406", async () => {
  await using app = await openSecuredApp();
  const xml =
    "<User><LoginName>anna</LoginName><FullName>A &amp; B</FullName>" +
    "<Groups><string>g1</string><string>g2</string></Groups>" +
    "<Password>p</Password></User>";
  const created = await app.send("/users/", {
    headers: { ...ADMIN, "Content-Type": "text/xml", Accept: "text/xml" },
    body: xml,
  });
  assertEquals(created.status, 201);
  assertStringIncludes(created.body, "<LoginName>anna</LoginName>");
  const read = await app.get("/users/anna", "text/xml", ADMIN);
  assertEquals(
    read.headers.get("Content-Type"),
    "text/xml; charset=utf-8",
  );
  assertStringIncludes(read.body, "<FullName>A &amp; B</FullName>");
  assertStringIncludes(read.body, "<Item>g1</Item><Item>g2</Item>");

  assertEquals(
    (await app.get("/users/", "application/xml", ADMIN)).status,
    406,
  );
  const untyped = await app.send("/users/", { headers: ADMIN, body: "{}" });
  assertEquals(untyped.status, 415);
});

Deno.test("logins with odd characters are found at their addresses", async () => {
  await using app = await openSecuredApp();
  for (const login of ["a b", "a?b#c", "ünï", "a%41", "..", "a@b.c$"]) {
    const user = { ...ANNA, loginName: login };
    const created = await app.sendJson("/users/", user, { headers: ADMIN });
    const location = created.headers.get("Location") ?? "";
    const path = location.replace("http://127.0.0.1:2113", "");
    const { status, body } = await app.get(path, undefined, ADMIN);
    assertEquals(status, 200, login);
    const { links, loginName } = JSON.parse(body).data;
    assertEquals(loginName, login);
    const edit = links[2].href.replace("http://127.0.0.1:2113", "");
    assertEquals((await app.get(edit, undefined, ADMIN)).status, 200, login);
  }
});

Deno.test("an audit line says who did what from where, and no secret", async () => {
  await using app = await openSecuredApp();
  await app.sendJson("/users/", ANNA, { headers: ADMIN });
  await app.writeAcl("orders", { $r: "readers" });
  await app.sendJson("/users/anna/command/reset-password", {
    newPassword: "n3w-secret",
  }, { headers: ADMIN });
  await app.sendJson("/users/anna/tokens", {}, { headers: ADMIN });
  const lines = app.auth.logged.map(([event, fields]) => ({
    event,
    by: fields["by"],
    from: fields["from"],
  }));
  const by = { by: "admin", from: "127.0.0.1" };
  for (
    const event of [
      "user.created",
      "stream.rights_changed",
      "user.password_reset",
    ]
  ) {
    assertEquals(lines.find((line) => line.event === event), { event, ...by });
  }
  assert(lines.some(({ event }) => event.startsWith("token.")));
  const text = JSON.stringify(app.auth.logged);
  for (const secret of ["Pa55!", "n3w-secret", "quipu."]) {
    assert(!text.includes(secret), secret);
  }
});

Deno.test("metadata that takes an access list away is audited as well", async () => {
  await using app = await openSecuredApp();
  const rights = () =>
    app.auth.logged.filter(([event]) => event === "stream.rights_changed")
      .length;
  const write = (body: string, id: number) =>
    app.send("/streams/s/metadata", {
      headers: {
        ...ADMIN,
        "Content-Type": "application/json",
        "ES-EventId": `bbbbbbbb-0000-4000-8000-00000000000${id}`,
      },
      body,
    });
  await write('{"$maxCount":5}', 1);
  assertEquals(rights(), 0);
  await write('{"\\u0024acl":{"$r":"a"}}', 2);
  assertEquals(rights(), 1);
  await write('{"$maxCount":5}', 3);
  assertEquals(rights(), 2);
  await write('{"$maxCount":6}', 4);
  assertEquals(rights(), 2);
});
