/**
 * The programs for browsers that documents show, and their like for Deno: each
 * takes what the server pushes, and acknowledges it where it must.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../support/program.ts";
import { blocksOf } from "./blocks.ts";

const SHOWN_ORIGIN = "http://127.0.0.1:2113";

const LOGIN = { Authorization: "Basic " + btoa("admin:changeit") };
const GROUP = "/subscriptions/orders/billing";
const ORDERS = [1, 2, 3].map((order) => ({
  eventId: crypto.randomUUID(),
  eventType: "OrderPlaced",
  data: { order },
}));

/** As much of a page as the programs need: what they add to it is printed. */
const PAGE = `
globalThis.document = {
  createElement: () => ({
    append(text) {
      this.text = text;
    },
  }),
  querySelector: () => ({
    append: (item) => console.log((item.text ?? item).trim()),
  }),
};
`;

const CONSUMERS = [
  { name: "in Deno", program: blockOf("docs/subscriptions.md", "js") },
  {
    name: "in a page of a browser",
    program: scriptOf("docs/subscriptions.md"),
  },
];

for (const { name, program } of CONSUMERS) {
  Deno.test(`docs/subscriptions.md: the consumer ${name}`, async () => {
    await using server = await startServer(["--mem-db"]);
    await appendOrders(server.url, "orders");
    await send(server.url, GROUP, {
      method: "PUT",
      type: "application/json",
      body: { minCheckPointCount: 1 },
    });
    await using child = start(program, server.url);
    assertEquals(
      await linesOf(child.process, ORDERS.length),
      ORDERS.map(({ data }) => `OrderPlaced { order: ${data.order} }`),
    );
    await untilNothingIsInFlight(server.url);
  });
}

Deno.test("docs/tour.md: the page that follows a stream", async () => {
  await using server = await startServer(["--mem-db"]);
  await appendOrders(server.url, "orders-1");
  await using child = start(PAGE + scriptOf("docs/tour.md"), server.url);
  const lines = [
    ...ORDERS.flatMap(({ data }, number) =>
      `${number}: OrderPlaced ${JSON.stringify(data, null, 2)}`.split("\n")
    ),
    "caught up",
  ];
  assertEquals(await linesOf(child.process, lines.length), lines);
});

Deno.test("docs/browser-apps.md: the page that follows and appends", async () => {
  await using server = await startServer(["--mem-db"]);
  const { token } = await send(server.url, "/users/admin/tokens", {
    method: "POST",
    type: "application/json",
    body: { scopes: ["read", "append"] },
  });
  const page = `sessionStorage.setItem("token", ${JSON.stringify(token)});` +
    PAGE + scriptOf("docs/browser-apps.md");
  await using child = start(page, server.url);
  assertEquals(await linesOf(child.process, 1), ["OrderPlaced: 4200 cents"]);
});

function scriptOf(path: string): string {
  return /<script[^>]*>([^]*)<\/script>/.exec(blockOf(path, "html"))?.[1] ?? "";
}

function blockOf(path: string, language: string): string {
  const block = blocksOf(path).find((block) => block.language === language);
  assert(block !== undefined, `${path}: ${language}`);
  return block.text;
}

async function appendOrders(url: string, stream: string): Promise<void> {
  await send(url, `/streams/${stream}`, {
    method: "POST",
    type: "application/vnd.eventstore.events+json",
    body: ORDERS,
  });
}

/** Sends a request as the administrator. @returns The answer's JSON, if any. */
async function send(
  url: string,
  path: string,
  { method, type, body }: {
    readonly method: string;
    readonly type: string;
    readonly body: unknown;
  },
) {
  const response = await fetch(url + path, {
    method,
    headers: { ...LOGIN, "Content-Type": type, Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  assertEquals(response.status, 201, text);
  return text === "" ? {} : JSON.parse(text);
}

/** Starts a program as part of a page of the server. */
function start(program: string, url: string) {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net", `--location=${url}/`, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  const text = program.replaceAll(SHOWN_ORIGIN, url);
  writer.write(new TextEncoder().encode(text))
    .then(() => writer.close())
    .catch(() => {});
  return {
    process,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
    },
  };
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
