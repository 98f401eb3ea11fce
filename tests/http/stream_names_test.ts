/**
 * Names of streams of every kind, in paths, links and documents.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../lib/model/limits.ts";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_LOGINS,
} from "../support/test_app.ts";

const ONE = [{ eventId: testUuid(1), eventType: "tested", data: { n: 1 } }];

Deno.test("GET /streams/{stream} finds what POST wrote, by the path in its links", async (test) => {
  const names: [name: string, inLinks: string][] = [
    ["plain", "plain"],
    ["with space", "with%20space"],
    ["ünï", "%C3%BCn%C3%AF"],
    ["日本", "%E6%97%A5%E6%9C%AC"],
    ["👍", "%F0%9F%91%8D"],
    ["plus+plus", "plus%2Bplus"],
    ["at@x", "at%40x"],
    ["100%", "100%25"],
    ["a&b=c;d", "a%26b%3Dc%3Bd"],
    ["quote'x\"", "quote%27x%22"],
    ["<b>&amp;", "%3Cb%3E%26amp%3B"],
    ["star*(x)!~", "star%2A%28x%29%21~"],
    ["back\\slash", "back%5Cslash"],
    ["hash#question?", "hash%23question%3F"],
    ["..", "%252E%252E"],
    [".", "%252E"],
    ["a/b", "a%252Fb"],
    ["x%41", "x%252541"],
    ["%2e", "%25252e"],
    ["\ufeffmark", "%EF%BB%BFmark"],
    ["metadata", "metadata"],
    ["incoming", "incoming"],
    ["0", "0"],
    ["a\nb", "a%0Ab"],
    ["x".repeat(1024), "x".repeat(1024)],
  ];
  for (const [name, inLinks] of names) {
    await test.step(name.slice(0, 30), async () => {
      await using app = openTestApp();
      const written = await app.append(name, ONE);
      assertEquals(written.status, 201, written.body);
      const uri = `${TEST_BASE_URL}/streams/${inLinks}`;
      assertEquals(written.headers.get("Location"), uri + "/0");
      for (const path of [uri, uri + "/head/backward/5"]) {
        const feed = await app.get(
          path,
          "application/vnd.eventstore.atom+json",
        );
        assertEquals(feed.status, 200);
        const { streamId, id, entries } = JSON.parse(feed.body);
        assertEquals([streamId, id, entries[0].id], [name, uri, uri + "/0"]);
      }
      const event = await app.get(uri + "/0", "application/json");
      assertEquals(event.body, '{\n  "n": 1\n}');
    });
  }
});

Deno.test("metadata of metadata is refused to everybody: $$$$…", async () => {
  const login = { Authorization: TEST_LOGINS.admin };
  for (const name of ["$$$$", "$$$$s", "$$$$$s", "$$$$$$s"]) {
    await using app = openTestApp();
    const path = `/streams/${encodeURIComponent(name)}`;
    const answers = [
      await app.append(name, ONE, login),
      await app.get(path, "application/json", login),
      await app.get(path + "/0", "application/json", login),
      await app.send(path, { method: "DELETE", headers: login }),
    ];
    assertEquals(answers.map(({ status }) => status), [401, 401, 401, 401]);
  }
  await using app = openTestApp();
  assertEquals((await app.append("$$$s", ONE, login)).status, 201);
});

Deno.test("GET /streams/a%2Fb takes the escaped slash for a slash", async () => {
  await using app = openTestApp();
  const read = await app.get("/streams/a%2Fb", "application/json");
  assertEquals([read.status, read.body], [
    400,
    "'b' is not valid event number",
  ]);
  const written = await app.send("/streams/a%2Fb", {
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  assertEquals(written.status, 405);
});

Deno.test("GET of a path with broken escapes is 400", async () => {
  await using app = openTestApp();
  for (const escape of ["%", "%zz", "%FF"]) {
    assertEquals((await app.get(`/streams/${escape}`)).status, 400, escape);
  }
});

Deno.test("a name above the limit is 414 for every method", async () => {
  await using app = openTestApp();
  const largest = "ü".repeat(LIMITS.storedStreamNameBytesMax / 2);
  assertEquals((await app.append(largest, ONE)).status, 201);
  assertEquals((await app.append(largest + "x", ONE)).status, 414);
  for (const rest of ["", "/0", "/metadata", "/0/forward/20"]) {
    const path = `/streams/${
      "x".repeat(LIMITS.storedStreamNameBytesMax + 1)
    }${rest}`;
    assertEquals((await app.get(path)).status, 414, rest);
  }
});

Deno.test("tricks with paths and hosts reach nothing", async () => {
  await using app = openTestApp();
  const paths = [
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/web/..%2f..%2fetc/passwd",
    "/\\..\\..\\etc",
    "//evil.example/streams",
    "/info;x=1",
    "/info%00",
  ];
  for (const path of paths) {
    assertEquals((await app.get(path, "application/json")).status, 404, path);
  }
  const upwards = await app.get("/streams/../info", "application/json");
  assertEquals(upwards.body, "'info' is not valid event number");
  const absolute = await app.get("http://evil.example:9/streams/s/", "*/*");
  assertEquals(absolute.headers.get("Location"), `${TEST_BASE_URL}/streams/s`);
});
