/**
 * Lists of streams on pages, and where the box in the header leads.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { PAGE } from "../support/web_forms.ts";

let eventCount = 0;

async function append(app: SecuredApp, name: string): Promise<void> {
  const event = { eventId: testUuid(++eventCount), eventType: "Placed" };
  assertEquals((await app.append(name, [event], ADMIN)).status, 201, name);
}

/** Names on a page, and where it goes on. */
async function list(app: SecuredApp, path: string, login = {}) {
  const { status, body } = await app.get(path, PAGE, login);
  assertEquals(status, 200, body);
  const names = [...body.matchAll(/<td class="wide"><a [^>]*><bdi>([^<]*)/g)];
  const next = /href="([^"]*after=[^"]*)"/.exec(body)?.[1];
  return {
    names: names.map(([, name]) => name),
    next: next?.replaceAll("&amp;", "&"),
    body,
  };
}

async function complete(app: SecuredApp, prefix: string, login = {}) {
  const path = `/web/names?prefix=${encodeURIComponent(prefix)}`;
  const { status, body } = await app.get(path, "application/json", login);
  assertEquals(status, 200);
  return JSON.parse(body);
}

Deno.test("GET /web/streams lists by name, a page at a time", async () => {
  await using app = await openSecuredApp();
  const names = Array.from(
    { length: 120 },
    (_, number) => `order-${String(number).padStart(3, "0")}`,
  );
  for (const name of names) await append(app, name);
  const found: (string | undefined)[] = [];
  let path: string | undefined = "/web/streams";
  for (let count = 0; path !== undefined && count < 5; count++) {
    const page: Awaited<ReturnType<typeof list>> = await list(app, path);
    found.push(...page.names);
    path = page.next;
  }
  assertEquals(found, names);
  const some = await list(app, "/web/streams?prefix=order-11");
  assertEquals(some.names, names.slice(110));
  const none = await list(app, "/web/streams?prefix=%3Cb%3E");
  assertStringIncludes(none.body, "begin with <bdi>&lt;b&gt;</bdi>");
});

Deno.test("lists leave out what the caller may not read, and the system's unless asked for", async () => {
  await using app = await openSecuredApp();
  for (const name of ["!first", "a-1", "secret-1", "z-1"]) {
    await append(app, name);
  }
  await app.writeAcl("secret-1", { $r: "$admins" });
  const everybody = ["!first", "a-1", "z-1"];
  assertEquals((await list(app, "/web/streams")).names, everybody);
  assertEquals(await complete(app, ""), everybody);
  assertEquals(await complete(app, "sec"), []);
  assertEquals(await complete(app, "sec", ADMIN), ["secret-1"]);
  const recent = await list(app, "/web/streams?by=recent");
  assertEquals(recent.names, ["z-1", "a-1", "!first"]);
  const users = await complete(app, "$user-", ADMIN);
  assertEquals(users.includes("$user-admin"), true);
  assertEquals(await complete(app, "$user-"), []);
});

Deno.test("lists by category and type lead to the lists of the system", async () => {
  await using app = await openSecuredApp();
  await append(app, "order-1");
  const categories = await list(app, "/web/streams?by=category", ADMIN);
  assertEquals(categories.names, ["order"]);
  assertStringIncludes(categories.body, 'href="/streams/%24ce-order"');
  const types = await list(app, "/web/streams?by=type", ADMIN);
  assertEquals(types.names, ["Placed"]);
  assertStringIncludes(types.body, 'href="/streams/%24et-Placed"');
});

Deno.test("GET /web/go leads to a stream or an event, and nowhere else", async () => {
  await using app = await openSecuredApp();
  const rows = [
    ["order-1", "/streams/order-1"],
    ["5@order-1", "/streams/order-1/5"],
    ["@x", "/streams/%40x"],
    ["//evil.example", "/streams/%252F%252Fevil.example"],
    ["..", "/streams/%252E%252E"],
    ["", "/web/streams"],
  ];
  for (const [to = "", location] of rows) {
    const answer = await app.get(`/web/go?to=${encodeURIComponent(to)}`, PAGE);
    assertEquals(answer.status, 303);
    assertEquals(answer.headers.get("Location"), location, to);
  }
});
