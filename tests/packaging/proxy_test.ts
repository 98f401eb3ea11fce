/**
 * The proxy of the compose example, in front of a running server with its cache
 * on: what it may keep it keeps, and nothing else.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../packaging/project.ts";
import { outputOf } from "../../packaging/run_command.ts";
import { startServer } from "../support/program.ts";
import { findTool, freePort, testWhere } from "./ways.ts";

const nginx = findTool("nginx");
const JSON_EVENTS = "application/vnd.eventstore.events+json";
/** Through a proxy the published one does not count. */
const PASSWORD = "through a proxy";
const ADMIN = { Authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` };

/** nginx in front of a server. */
interface Proxy extends AsyncDisposable {
  readonly url: string;
}

async function startProxy(upstream: string): Promise<Proxy> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-nginx-" });
  const port = freePort();
  const file = join(directory, "nginx.conf");
  const config = Deno.readTextFileSync(
    join(ROOT, "packaging/compose/nginx.conf"),
  );
  const replacements = [
    ["server quipu:2113;", `server ${new URL(upstream).host};`],
    ["listen 8080;", `listen 127.0.0.1:${port};`],
    ["/var/cache/nginx", `${directory}/cache`],
    ["pid /tmp/nginx", `pid ${directory}/nginx`],
    ["client_body_temp_path /tmp", `client_body_temp_path ${directory}`],
    ["proxy_temp_path /tmp", `proxy_temp_path ${directory}`],
    // Root's workers would be another user, who may not enter the directory.
    ["events {", `${Deno.uid() === 0 ? "user root;\n" : ""}events {`],
  ] as const;
  let own = config;
  for (const [from, to] of replacements) {
    assertStringIncludes(own, from);
    own = own.replace(from, to);
  }
  await Deno.writeTextFile(file, own);
  const args = ["-p", directory, "-e", join(directory, "errors"), "-c", file];
  await outputOf([nginx ?? "", ...args, "-t"]);
  const child = new Deno.Command(nginx ?? "", {
    args: [...args, "-g", "daemon off;"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  const proxy = {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await (await fetch(`${url}/ping`)).body?.cancel();
      return proxy;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await proxy[Symbol.asyncDispose]();
  throw new Error("nginx does not answer");
}

async function append(url: string, stream: string): Promise<void> {
  const event = { eventId: crypto.randomUUID(), eventType: "one", data: {} };
  const { status, body } = await fetch(`${url}/streams/${stream}`, {
    method: "POST",
    headers: { "Content-Type": JSON_EVENTS, ...ADMIN },
    body: JSON.stringify([event]),
  });
  await body?.cancel();
  assertEquals(status, 201);
}

/** Status, what the cache did, and the body. */
async function get(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<[number, string | null, string]> {
  const response = await fetch(url, { headers });
  const text = await response.text();
  return [response.status, response.headers.get("X-Cache-Status"), text];
}

const JSON_ATOM = { Accept: "application/vnd.eventstore.atom+json" };
const XML_ATOM = { Accept: "application/atom+xml" };

testWhere(
  "the proxy of the compose example keeps what never changes, for all, and nothing else",
  nginx === undefined ? "nginx" : undefined,
  async (t) => {
    const directory = await Deno.makeTempDir();
    try {
      await using server = await startServer([`--db=${directory}`], {
        QUIPU_ADMIN_PASSWORD: PASSWORD,
      });
      await using proxy = await startProxy(server.url);
      await t.step(
        "events are kept, each form for itself",
        () => keepsEvents(proxy.url),
      );
      await t.step(
        "the newest page is always asked for",
        () => asksForHeads(proxy.url),
      );
      await t.step(
        "a private event is for its readers alone",
        () => keepsSecrets(proxy.url),
      );
      await t.step(
        "live feeds pass at once, and hold nobody up",
        () => passesLiveFeeds(proxy.url),
      );
      await t.step(
        "names of streams stay as they are",
        () => keepsNames(proxy.url),
      );
      await t.step("metrics are not for clients", async () => {
        const [status] = await get(`${proxy.url}/metrics`, ADMIN);
        assertEquals(status, 404);
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

async function keepsEvents(url: string): Promise<void> {
  await append(url, "kept");
  const [, first, text] = await get(`${url}/streams/kept/0`, JSON_ATOM);
  assertEquals(first, "MISS");
  assertStringIncludes(text, `"uri": "${url}/streams/kept/0"`);
  assertEquals(
    await get(`${url}/streams/kept/0`, JSON_ATOM),
    [200, "HIT", text],
  );
  const [, , xml] = await get(`${url}/streams/kept/0`, XML_ATOM);
  assertStringIncludes(xml, "<?xml");
  assertEquals(await get(`${url}/streams/kept/0`, XML_ATOM), [200, "HIT", xml]);
  assertEquals(
    await get(`${url}/streams/kept/0`, JSON_ATOM),
    [200, "HIT", text],
  );
}

async function asksForHeads(url: string): Promise<void> {
  for (let number = 0; number < 3; number++) {
    await append(url, "grows");
    const [status, cache, text] = await get(`${url}/streams/grows`, JSON_ATOM);
    assertEquals(status, 200);
    assert(cache !== "HIT");
    assertStringIncludes(text, `${number}@grows`);
  }
}

async function keepsSecrets(url: string): Promise<void> {
  await append(url, "secret");
  const { status, body } = await fetch(`${url}/streams/secret/metadata`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventId": crypto.randomUUID(),
      ...ADMIN,
    },
    body: '{"$acl": {"$r": "$admins"}}',
  });
  await body?.cancel();
  assertEquals(status, 201);
  for (let round = 0; round < 2; round++) {
    const headers = { ...JSON_ATOM, ...ADMIN };
    const [seen, cache] = await get(`${url}/streams/secret/0`, headers);
    assertEquals([seen, cache], [200, "MISS"]);
    const [refused] = await get(`${url}/streams/secret/0`, JSON_ATOM);
    assertEquals(refused, 401);
  }
}

async function passesLiveFeeds(url: string): Promise<void> {
  await append(url, "live");
  const response = await fetch(`${url}/streams/live`, {
    headers: { Accept: "text/event-stream" },
    signal: AbortSignal.timeout(20_000),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  const readUntil = async (mark: string) => {
    while (!text.includes(mark)) text += (await reader?.read())?.value ?? "";
  };
  await readUntil("caught-up");
  // The page has the same address: it must not wait for the feed.
  const [status] = await get(`${url}/streams/live`, JSON_ATOM);
  assertEquals(status, 200);
  await append(url, "live");
  await readUntil("id: 1\n");
  await reader?.cancel();
}

async function keepsNames(url: string): Promise<void> {
  // A slash in a name is escaped twice.
  const name = "a%252Fb%20%C3%B1";
  await append(url, name);
  const [status, , text] = await get(`${url}/streams/${name}/0`, JSON_ATOM);
  assertEquals(status, 200);
  assertStringIncludes(text, "0@a/b ñ");
}
