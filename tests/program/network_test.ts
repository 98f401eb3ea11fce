/**
 * The program from outside: which hosts it answers for, whose forwarded headers
 * it believes, and whose pages may write.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { type RawAnswer, RawConnection } from "../support/raw_http.ts";

async function ask(
  url: string,
  head: readonly string[],
  body = "",
): Promise<RawAnswer> {
  using connection = await RawConnection.open(url);
  const lines = [...head, `Content-Length: ${body.length}`, "", body];
  await connection.write(lines.join("\r\n"));
  return await connection.readAnswer();
}

async function statusFor(url: string, host: string): Promise<number> {
  return (await ask(url, ["GET /ping HTTP/1.1", `Host: ${host}`])).status;
}

function append(headers: readonly string[]): readonly [string[], string] {
  const event = { eventId: crypto.randomUUID(), eventType: "t" };
  return [
    [
      "POST /streams/s HTTP/1.1",
      ...headers,
      "Content-Type: application/vnd.eventstore.events+json",
    ],
    JSON.stringify([event]),
  ];
}

Deno.test("a server on loopback answers for loopback and named hosts alone", async () => {
  await using server = await startServer([
    "--mem-db",
    "--public-url=https://events.example.org/x",
    "--allowed-host=a.example",
    "--allowed-host=b.example:1,c.example",
  ]);
  const { host } = new URL(server.url);
  const answered = [host, "localhost", "[::1]:7", "events.example.org"];
  answered.push("a.example", "A.example:5", "b.example:1", "c.example");
  for (const name of answered) {
    assertEquals(await statusFor(server.url, name), 200, name);
  }
  for (const name of ["evil.example", "b.example:2", "0.0.0.0", "10.0.0.1"]) {
    assertEquals(await statusFor(server.url, name), 400, name);
  }
  const refused = await ask(server.url, ...append(["Host: evil.example"]));
  assertEquals(refused.status, 400);
  assertMatch(refused.body, /--allowed-host or --public-url$/);
  assertEquals(refused.header("Content-Type"), "text/plain; charset=utf-8");
  const read = ["GET /streams/s HTTP/1.1", `Host: ${host}`];
  assertEquals((await ask(server.url, read)).status, 404);
});

Deno.test("a server on every address answers for any host, or for named ones", async () => {
  for (
    const [options, status] of [[[], 200], [["--allowed-host=a"], 400]] as const
  ) {
    await using server = await startServer([
      "--mem-db",
      "--host=0.0.0.0",
      ...options,
    ]);
    const url = `http://127.0.0.1:${new URL(server.url).port}`;
    assertEquals(await statusFor(url, "events.example.org"), status);
    assertEquals(await statusFor(url, "a"), 200);
    assertEquals(await statusFor(url, "localhost"), 200);
  }
});

Deno.test("forwarded headers count from loopback, or from --trusted-proxy alone", async () => {
  for (
    const [options, isBelieved] of [
      [[], true],
      [["--trusted-proxy=127.0.0.0/8"], true],
      [["--trusted-proxy=10.0.0.0/8"], false],
    ] as const
  ) {
    const args = ["--mem-db", "--log-requests", ...options];
    await using server = await startServer(args);
    const { host } = new URL(server.url);
    const answer = await ask(server.url, [
      "GET /web HTTP/1.1",
      `Host: ${host}`,
      "X-Forwarded-Host: events.example.org:8443",
      "X-Forwarded-Proto: https",
      "X-Forwarded-For: 192.0.2.7",
    ]);
    assertEquals(
      answer.header("Location"),
      `${
        isBelieved ? "https://events.example.org:8443" : server.url
      }/web/index.html`,
    );
    server.kill("SIGTERM");
    const { log } = await server.end;
    const client = isBelieved ? "192.0.2.7" : "127.0.0.1";
    assertMatch(log, new RegExp(`request.answered .*client=${client}\n`));
  }
});

Deno.test("--cors-origin says whose pages may read and write", async () => {
  const named = "https://app.example.org";
  const other = "https://evil.example";
  /** Option → what each origin may read, as the answer says, and write. */
  const table: readonly (readonly [
    string | undefined,
    string,
    readonly [allowed: string | undefined, status: number],
  ])[] = [
    [undefined, named, ["*", 403]],
    ["none", named, [undefined, 403]],
    [named, named, [named, 201]],
    [named, other, [undefined, 403]],
    ["*", other, ["*", 201]],
  ];
  for (const [option, origin, wanted] of table) {
    const options = option === undefined ? [] : [`--cors-origin=${option}`];
    await using server = await startServer(["--mem-db", ...options]);
    const headers = [
      `Host: ${new URL(server.url).host}`,
      `Origin: ${origin}`,
      "Sec-Fetch-Site: cross-site",
    ];
    const preflight = await ask(server.url, [
      "OPTIONS /streams/s HTTP/1.1",
      ...headers,
    ]);
    const allowed = preflight.header("Access-Control-Allow-Origin");
    const { status } = await ask(server.url, ...append(headers));
    assertEquals([allowed, status], wanted, `${option} ${origin}`);
  }
});

Deno.test("hosts and origins that are none end the start with 2", async () => {
  for (
    const [option, wanted] of [
      ["--allowed-host=http://a", /Bad value "http:\/\/a" for --allowed-host/],
      ["--allowed-host=", /Bad value "" for --allowed-host/],
      ["--cors-origin=*,none", /Bad value "\*,none" for --cors-origin/],
    ] as const
  ) {
    const { exitCode, log } = await runProgram(["serve", "--mem-db", option]);
    assertEquals(exitCode, 2);
    assertMatch(log, wanted);
  }
});
