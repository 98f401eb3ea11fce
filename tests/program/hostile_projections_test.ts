/**
 * Projections that take more than they may, in a server: each is faulted with
 * the limit that it hit, while others count and clients are answered.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type RunningServer, startServer } from "../support/program.ts";

const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };
const JSON_TYPE = { "Content-Type": "application/json" };

/** The body of a handler, and the reason that the statistics show. */
const HOSTILE: Readonly<Record<string, readonly [string, RegExp]>> = {
  loop: ["for(;;);", /Timeout expired\.$/],
  expression: ["/^(a+)+$/.test('a'.repeat(40)+'b')", /Timeout expired\.$/],
  array: ["new Array(1e9).fill(0)", /Array is too long: 1000000000$/],
  memory: ["let a=[];for(;;)a.push(new ArrayBuffer(1e6))", /out of memory$/],
  large: ["s.x='y'.repeat(1e8)", /out of memory$/],
  recursion: ["(function f(){return 1+f()})()", /stack overflow$/],
  state: ["s.x='y'.repeat(2e6)", /The state is longer than \d+ characters$/],
  emits: [
    "for(let i=0;i<1e6;i++) emit('o','t',{i})",
    /More than 10000 events are emitted for one event$/,
  ],
};

async function ask(
  { url }: RunningServer,
  path: string,
  init: RequestInit = {},
): Promise<string> {
  const response = await fetch(url + path, {
    ...init,
    headers: { ...ADMIN, ...JSON_TYPE, ...init.headers },
  });
  const body = await response.text();
  assert(response.ok, `${path}: ${response.status} ${body}`);
  return body;
}

/** Asks again until the answer is as wanted; the test ends what hangs. */
async function askUntil(
  server: RunningServer,
  path: string,
  isWanted: (body: string) => boolean,
): Promise<string> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const body = await ask(server, path);
    if (isWanted(body)) return body;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${path} stays as it is: ${await ask(server, path)}`);
}

async function append(
  server: RunningServer,
  count: number,
): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    eventId: crypto.randomUUID(),
    eventType: "evt",
    data: {},
  }));
  await ask(server, "/streams/s", {
    method: "POST",
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: JSON.stringify(events),
  });
}

Deno.test("hostile projections are faulted with their limits, and nothing else is held up", async () => {
  await using server = await startServer(["--mem-db"]);
  await append(server, 3);
  const create = (name: string, handler: string) =>
    ask(server, `/projections/continuous?name=${name}&emit=yes`, {
      method: "POST",
      body: "fromStream('s').when({$init:()=>({n:0}), evt(s,e){" +
        `s.n++; if (s.n < 3) return;\n${handler}\n}})`,
    });
  await create("count", "return s");
  for (const [name, [body]] of Object.entries(HOSTILE)) {
    await create(name, body);
  }
  for (const [name, [, reason]] of Object.entries(HOSTILE)) {
    const body = await askUntil(
      server,
      `/projection/${name}`,
      (text) => JSON.parse(text).status.startsWith("Faulted"),
    );
    assertMatch(JSON.parse(body).stateReason, reason);
    assertEquals(await ask(server, `/projection/${name}/state`), '{"n":2}');
  }
  await append(server, 10);
  const counted = await askUntil(
    server,
    "/projection/count/state",
    (state) => state === '{"n":13}',
  );
  assertEquals(counted, '{"n":13}');
});
