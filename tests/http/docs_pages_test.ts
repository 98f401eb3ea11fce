/**
 * The documents as pages of the server: all of them are there, their links lead
 * somewhere, and the search finds what is in them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DOCUMENTS } from "../../lib/web/docs/documents.ts";
import { API, navigation, START } from "../../lib/web/docs/library.ts";
import { openTestApp, type TestApp } from "../support/test_app.ts";

const NAMES = [...DOCUMENTS.keys()];

function pathOf(name: string): string {
  return name === START ? "/docs" : `/docs/${name}`;
}

async function mainOf(app: TestApp, path: string): Promise<string> {
  const { status, headers, body } = await app.get(path, "text/html");
  assertEquals(status, 200, path);
  const policy = headers.get("Content-Security-Policy") ?? "";
  assert(policy.startsWith("default-src 'none'; style-src 'self'"), policy);
  return body.slice(body.indexOf("<main"));
}

Deno.test("the program holds every document, and the start page names it", () => {
  const files = [...Deno.readDirSync("docs")].map(({ name }) => name)
    .filter((name) => name.endsWith(".md")).map((name) => name.slice(0, -3));
  assertEquals(
    NAMES.toSorted(),
    files.filter((name) => name !== API).toSorted(),
  );
  const named = navigation().flatMap(({ pages }) => pages)
    .map(({ name }) => name);
  assertEquals(
    named.toSorted(),
    files.filter((name) => name !== START).toSorted(),
  );
});

Deno.test("every document is a page, without scripts and without marks", async () => {
  await using app = openTestApp();
  for (const name of NAMES) {
    const main = await mainOf(app, pathOf(name));
    assertEquals(main.match(/<h1/g)?.length, 1, name);
    assert(!/<script|<!--|\son\w+=/.test(main), name);
    const words = main.replace(
      /<pre[\s\S]*?<\/pre>|<code>[\s\S]*?<\/code>/g,
      "",
    );
    assert(!/\]\(|\*\*|```/.test(words), name);
  }
});

Deno.test("every link of every document leads somewhere", async () => {
  await using app = openTestApp();
  const anchors = new Map<string, ReadonlySet<string>>();
  const links: { readonly from: string; readonly href: string }[] = [];
  for (const path of ["/docs/api", ...NAMES.map(pathOf)]) {
    const main = await mainOf(app, path);
    const ids = [...main.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id);
    assertEquals(new Set(ids).size, ids.length, `${path} has an id twice`);
    anchors.set(path, new Set(ids));
    for (const [, href = ""] of main.matchAll(/<a [^>]*?href="([^"]+)"/g)) {
      links.push({ from: path, href });
    }
  }
  for (const { from, href } of links) {
    if (/^https?:/.test(href)) continue;
    const [path, anchor] = href.split("#");
    const to = path === "" || path === undefined ? from : path;
    const what = `${from} → ${href}`;
    if (to.startsWith("/docs")) {
      const ids = anchors.get(to);
      assert(ids !== undefined, what);
      assert(anchor === undefined || ids.has(anchor), what);
    } else if (!to.startsWith("/streams/")) {
      // Streams are there once a reader has written them.
      const { status } = await app.get(to, "text/html,*/*;q=0.8");
      assert(status < 400 || status === 401, `${what}: ${status}`);
    }
  }
});

Deno.test("GET /docs?q= finds the parts that have all words", async () => {
  await using app = openTestApp();
  const found = await mainOf(app, "/docs?q=Expected+version");
  assertStringIncludes(found, "/docs/tour#expected-versions");
  assertStringIncludes(found, "<mark>");
  const none = await mainOf(app, "/docs?q=zebra+crossing");
  assertStringIncludes(none, "0 places");
  assertStringIncludes(await mainOf(app, "/docs?q=+"), "<h1");
});

Deno.test("GET /docs?q= shows what was searched as text", async () => {
  await using app = openTestApp();
  const main = await mainOf(
    app,
    "/docs?q=" + encodeURIComponent('"><img src=x onerror=alert(1)>'),
  );
  assert(!main.includes("<img"), main);
  assertStringIncludes(main, "&lt;img src=x");
});

Deno.test("documents have addresses without an ending, and no others", async () => {
  await using app = openTestApp();
  const file = await app.get("/docs/tour.md", "text/html");
  assertEquals(file.status, 303);
  assertEquals(file.headers.get("Location"), "/docs/tour");
  assertEquals((await app.get("/docs/", "text/html")).status, 307);
  for (const name of ["none", "constructor", "..%2Flib", "index.md.md"]) {
    assertEquals((await app.get(`/docs/${name}`, "text/html")).status, 404);
  }
});
