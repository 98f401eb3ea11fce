/**
 * The programs that `docs/subscriptions.md` shows: each takes what the server
 * pushes, and acknowledges it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../support/program.ts";

const SHOWN_ORIGIN = "http://127.0.0.1:2113";
const DOCUMENT = Deno.readTextFileSync(
  new URL("../../docs/subscriptions.md", import.meta.url),
);

const LOGIN = { Authorization: "Basic " + btoa("admin:changeit") };
const GROUP = "/subscriptions/orders/billing";
const ORDERS = [1, 2, 3].map((order) => ({
  eventId: crypto.randomUUID(),
  eventType: "OrderPlaced",
  data: { order },
}));

const PROGRAMS = [
  { name: "in Deno", program: blockOf("js") },
  {
    name: "in a page of a browser",
    program: /<script>([^]*)<\/script>/.exec(blockOf("html"))?.[1] ?? "",
  },
];

for (const { name, program } of PROGRAMS) {
  Deno.test(`docs/subscriptions.md: the consumer ${name}`, async () => {
    await using server = await startServer(["--mem-db"]);
    await send(server.url, "/streams/orders", {
      method: "POST",
      type: "application/vnd.eventstore.events+json",
      body: ORDERS,
    });
    await send(server.url, GROUP, {
      method: "PUT",
      type: "application/json",
      body: { minCheckPointCount: 1 },
    });
    const child = start(
      program.replaceAll(SHOWN_ORIGIN, server.url),
      `${server.url}/`,
    );
    try {
      const lines = await linesOf(child, ORDERS.length);
      assertEquals(
        lines,
        ORDERS.map(({ data }) => `OrderPlaced { order: ${data.order} }`),
      );
      await untilNothingIsInFlight(server.url);
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  });
}

function blockOf(language: string): string {
  const block = DOCUMENT.match(new RegExp("```" + language + "\n([^]*?)\n```"));
  assert(block?.[1] !== undefined, language);
  return block[1];
}

async function send(
  url: string,
  path: string,
  { method, type, body }: {
    readonly method: string;
    readonly type: string;
    readonly body: unknown;
  },
): Promise<void> {
  const response = await fetch(url + path, {
    method,
    headers: { ...LOGIN, "Content-Type": type },
    body: JSON.stringify(body),
  });
  assertEquals([response.status, await response.body?.cancel()], [
    201,
    undefined,
  ]);
}

/** @param location Of the page that the program is part of. */
function start(program: string, location: string): Deno.ChildProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", `--location=${location}`, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  writer.write(new TextEncoder().encode(program))
    .then(() => writer.close())
    .catch(() => {});
  return child;
}

/** The first lines that a program writes. */
async function linesOf(
  { stdout }: Deno.ChildProcess,
  count: number,
): Promise<string[]> {
  const lines: string[] = [];
  let text = "";
  for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    lines.push(...whole);
    if (lines.length >= count) break;
  }
  return lines;
}

/** Everything was acknowledged, or this waits until the test is given up. */
async function untilNothingIsInFlight(url: string): Promise<void> {
  for (;;) {
    const info = await (await fetch(`${url}${GROUP}/info`)).json();
    if (info.totalInFlightMessages === 0) {
      assertEquals(info.totalItemsProcessed, ORDERS.length);
      return;
    }
  }
}
