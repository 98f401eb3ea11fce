/**
 * Whatever name a stream or a user has, every address that the server gives it
 * leads to exactly that one: `Location`, redirects, and all links of feeds,
 * entries, pages and documents.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Client } from "../../lib/client/mod.ts";
import { usersOfServer } from "../../lib/cli/server_client.ts";
import type { ShownUser } from "../../lib/users/offline_users.ts";
import { testUuid } from "../support/events.ts";
import { createRandom, type Random } from "../support/random.ts";
import { ADMIN, openSecuredApp } from "../support/secured_app.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  type TestApp,
} from "../support/test_app.ts";

const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ATOM_XML = "application/atom+xml";

const NAMES = [
  ...[".", "..", "...", "/", "//", "a/b", "/a", "a/", "a//b", "./..", "../a"],
  ...["%", "%2", "%2F", "%2f", "%2e", "%2E%2E", "%41", "x%41", "%25", "%2525"],
  ...["%252F", "%C3%A9", "%C3", "%ff/", "a%", "%zz", "é%A9", "%EF%BB%BF"],
  ...[
    "?",
    "#",
    "a?b=c#d",
    ";",
    "a;b",
    "+",
    "a+b",
    "&",
    "=",
    ":",
    "@",
    "http://x",
  ],
  ...[" ", " a", "a ", "\\", "a\\b", "\t", "\n", "\u0000", "\u007f", "\u0085"],
  ...["é", "e\u0301", "日本", "👍", "\ufeff", "\ufeffa", "a\ufeff", "\ufffd"],
  ...["\ufffe", "\uffff", "\u{10ffff}", "\u200b", "\u202e", "\u2028", '<">'],
  ...["metadata", "incoming", "head", "0", "{stream}", "streams", "''"],
];

Deno.test("every link of a stream leads back to it, whatever its name", async (test) => {
  for (const name of [...NAMES, ...randomNames(createRandom(12), 120)]) {
    await test.step(JSON.stringify(name), async () => {
      await using app = openTestApp();
      await followStream(app, name);
    });
  }
});

Deno.test("every link of a user leads back to it, whatever its login", async () => {
  await using app = await openSecuredApp();
  let met = 0;
  for (const loginName of NAMES) {
    const user = { loginName, fullName: "x", groups: [], password: "s3cret-9" };
    const created = await app.sendJson("/users/", user, { headers: ADMIN });
    // Not every text is a login; what is one has an address.
    if (created.status !== 201) continue;
    met++;
    const location = created.headers.get("Location") ?? "";
    const found = await app.get(pathOf(location), undefined, ADMIN);
    assertEquals(
      found.status,
      200,
      `${JSON.stringify(loginName)}: ${location}`,
    );
    const { data } = JSON.parse(found.body);
    assertEquals(data.loginName, loginName);
    for (const { href, rel } of data.links) {
      const base = href.replace(/\/command\/[a-z-]+$/, "");
      const same = await app.get(pathOf(base), undefined, ADMIN);
      assertEquals(JSON.parse(same.body).data?.loginName, loginName, rel);
    }
  }
  assert(met > 5, `only ${met} logins were taken`);
});

Deno.test("quipu user changes exactly the user that it names, whatever its login", async () => {
  await using app = await openSecuredApp();
  const client = new Client({
    url: TEST_BASE_URL,
    async fetch(input, init = {}) {
      // As `fetch()` does: dots alone are a step in the path.
      const { href } = new URL(String(input));
      const { status, body } = await app.send(pathOf(href), {
        method: init.method ?? "GET",
        headers: { ...Object.fromEntries(new Headers(init.headers)), ...ADMIN },
        ...(typeof init.body === "string" && { body: init.body }),
      });
      return new Response(body, { status });
    },
  });
  const users = usersOfServer(client.users);
  const logins: string[] = [];
  for (const login of [...NAMES, "xA"]) {
    const user = { login, fullName: "x", groups: [], password: "s3cret-9" };
    const kind = await users.add(user).catch(() => "refused");
    if (kind === "success") logins.push(login);
  }
  assert(logins.length > 5, `only ${logins.length} logins were taken`);
  for (const login of logins) {
    const before = disabledIn(await users.list());
    assertEquals(await users.disable(login), "success", login);
    assertEquals(disabledIn(await users.list()), [...before, login].sort());
  }
});

function disabledIn(users: readonly ShownUser[]): string[] {
  return users.filter(({ isDisabled }) => isDisabled).map(({ login }) => login)
    .sort();
}

/** Appends to the stream, reads it in every form, and follows what they say. */
async function followStream(app: TestApp, name: string): Promise<void> {
  const event = { eventId: testUuid(1), eventType: "t", data: { name } };
  const written = await app.append(name, [event]);
  assertEquals(written.status, 201, written.body);
  const location = written.headers.get("Location") ?? "";
  const first = await app.get(pathOf(location), ATOM_JSON);
  assertEquals(first.status, 200, location);
  assertEquals(JSON.parse(first.body).content.eventStreamId, name);

  const streamUri = location.replace(/\/0$/, "");
  const redirects = [
    await app.send(pathOf(streamUri), {
      headers: { "Content-Type": "application/json", "ES-EventType": "t" },
      body: "{}",
    }),
    await app.get(pathOf(streamUri) + "/", ATOM_JSON),
  ];
  for (const { status, headers } of redirects) {
    assertEquals(status, 307);
    const to = (headers.get("Location") ?? "").replace(
      /\/incoming\/[^/]*$/,
      "",
    );
    const there = await app.get(pathOf(to), ATOM_JSON);
    assertEquals(JSON.parse(there.body).streamId, name, to);
  }

  const seen = new Set<string>();
  const list = `$et-t`;
  for (
    const from of [
      streamUri,
      `${TEST_BASE_URL}/streams/%24streams`,
      `${TEST_BASE_URL}/streams/${list}`,
    ]
  ) {
    const page = await app.get(pathOf(from) + "?embed=body", ATOM_JSON);
    const feed = JSON.parse(page.body);
    assertEquals(feed.entries.at(-1).streamId, name, "links are resolved");
    for (const uri of linksOf(page.body)) seen.add(uri);
    for (const type of [ATOM_XML, "text/html"]) {
      const { body, status } = await app.get(pathOf(from), type);
      assertEquals(status, 200, type);
      for (const uri of linksOf(body)) seen.add(uri);
    }
  }
  for (const uri of linksOf(first.body)) seen.add(uri);
  for (const uri of seen) {
    if (!uri.startsWith(`${TEST_BASE_URL}/streams/`)) continue;
    // A page of a list, or of the one stream that there is.
    const isOfList = /\/streams\/(?:\$|%24)(?:streams|et-t|all)(?:[/?]|$)/.test(
      uri,
    );
    if (isOfList) continue;
    assertEquals(new URL(uri).href, uri, "nothing is left to normalise");
    assert(uri.startsWith(streamUri), `${uri} is no address of ${streamUri}`);
    const answer = await app.get(pathOf(uri), ATOM_JSON);
    assertEquals(answer.status, 200, uri);
    if (!answer.body.startsWith('{\n  "title"')) continue;
    const document = JSON.parse(answer.body);
    const streamId = document.streamId ?? document.content?.eventStreamId;
    assert([name, `$$${name}`].includes(streamId), uri);
  }
  assert(seen.size >= 4);
}

/** Addresses in a document of any kind. */
function linksOf(body: string): string[] {
  const found = body.matchAll(
    /(?:"(?:uri|id|selfUrl|href)": "|href="|<(?:atom:)?id>)(http[^"<]*)/g,
  );
  return [...found].map(([, uri = ""]) =>
    uri.replaceAll("&amp;", "&").replace(/\?.*$/, "")
  );
}

/** As a client sends it, normalised as clients do. */
function pathOf(uri: string): string {
  const { pathname, search } = new URL(uri);
  return pathname + search;
}

/** Names of characters that paths, XML and UTF-8 treat in odd ways. */
function* randomNames(random: Random, count: number): Generator<string> {
  const characters = [..."%/.?#;+& 2Fe0aé\ufeff\ufffe👍\\"];
  for (let made = 0; made < count; made++) {
    const length = random.integer(1, 6);
    let name = "";
    while ([...name].length < length) name += random.pick(characters);
    yield name;
  }
}
