/**
 * The program from outside: HTTPS, who may come in at the first start, and
 * being shut down by an operator.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runProgram, startServer } from "../support/program.ts";
import { basic } from "../support/test_auth.ts";

const TLS = fromFileUrl(new URL("../support/tls/", import.meta.url));
const PAIR = [
  `--tls-cert=${TLS}server.cert.pem`,
  `--tls-key=${TLS}server.key.pem`,
];

async function statusOf(
  url: string,
  init: RequestInit & { readonly client?: Deno.HttpClient } = {},
): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

function as(login: string, password: string) {
  return { headers: { Authorization: basic(login, password) } };
}

Deno.test("--tls-cert and --tls-key make it HTTPS, HTTP/2 too, with links to it", async () => {
  await using server = await startServer(["--mem-db", ...PAIR]);
  const url = server.url.replace("http://", "https://");
  const caCerts = [Deno.readTextFileSync(TLS + "ca.pem")];
  for (const protocol of ["http1", "http2"] as const) {
    using client = Deno.createHttpClient({
      caCerts,
      http1: protocol === "http1",
      http2: protocol === "http2",
    });
    const created = await fetch(`${url}/streams/s-${protocol}`, {
      client,
      method: "POST",
      headers: {
        "Content-Type": "application/vnd.eventstore.events+json",
      },
      body: JSON.stringify([
        { eventId: crypto.randomUUID(), eventType: "t", data: { a: 1 } },
      ]),
    });
    await created.body?.cancel();
    assertEquals(created.status, 201);
    assertEquals(
      created.headers.get("Location"),
      `${url}/streams/s-${protocol}/0`,
    );
    const feed = await fetch(`${url}/streams/s-${protocol}?embed=body`, {
      client,
      headers: { Accept: "application/vnd.eventstore.atom+json" },
    });
    assert((await feed.text()).includes(`"${url}/streams/s-${protocol}"`));
  }
});

Deno.test("a wrong certificate or key ends the start with 1 and one line", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [
      [`--tls-cert=${TLS}none.pem`, `--tls-key=${TLS}server.key.pem`],
      /^quipu: Cannot read the certificate \S+: there is no such file\n$/,
    ],
    [
      [`--tls-cert=${TLS}server.cert.pem`, `--tls-key=${TLS}other.key.pem`],
      /^quipu: Cannot use the certificate \S+: the key \S+ belongs to another certificate\n$/,
    ],
  ];
  for (const [args, message] of cases) {
    const { exitCode, log } = await runProgram(
      ["serve", "--mem-db", "--log-level=error", "--port=0", ...args],
    );
    assertEquals(exitCode, 1);
    assertMatch(log, message);
  }
  const { exitCode, log } = await runProgram(
    ["serve", "--mem-db", `--tls-cert=${TLS}server.cert.pem`],
  );
  assertEquals(exitCode, 2);
  assertMatch(log, /Option --tls-cert needs --tls-key: give both/);
});

Deno.test("on loopback the default users come in, with a warning", async () => {
  await using server = await startServer(["--mem-db"]);
  const current = `${server.url}/users/$current`;
  assertEquals(await statusOf(current, as("admin", "changeit")), 200);
  assertEquals(await statusOf(current, as("ops", "changeit")), 200);
  const { headers } = as("admin", "changeit");
  const foreign = { headers: { ...headers, Origin: "https://evil.example" } };
  assertEquals(await statusOf(current, foreign), 401);

  server.kill("SIGTERM");
  const { log, output } = await server.end;
  assertMatch(log, /warn {2}user\.hasDefaultPassword login=admin/);
  assertEquals(output, "");
});

Deno.test("a server that others reach prints random passwords, once", async () => {
  const directory = await Deno.makeTempDir();
  const args = [`--db=${directory}`, "--public-url=https://events.example.org"];
  let password = "";
  {
    await using server = await startServer(args);
    const current = `${server.url}/users/$current`;
    assertEquals(await statusOf(current, as("admin", "changeit")), 401);
    server.kill("SIGTERM");
    const { log, output } = await server.end;
    const match = /^Password of admin, shown only now: (\S{16,})$/m.exec(
      output,
    );
    assert(match?.[1] !== undefined, output);
    password = match[1];
    assert(!log.includes(password));
    assertMatch(output, /^Password of ops, shown only now: \S{16,}$/m);
  }
  {
    await using server = await startServer(args);
    const current = `${server.url}/users/$current`;
    assertEquals(await statusOf(current, as("admin", password)), 200);
    server.kill("SIGTERM");
    assertEquals((await server.end).output, "");
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("QUIPU_ADMIN_PASSWORD is the administrator's, and is shown nowhere", async () => {
  const secret = "only-the-operator-knows";
  await using server = await startServer(
    ["--mem-db", "--trusted-proxy=127.0.0.1"],
    { QUIPU_ADMIN_PASSWORD: secret },
  );
  const admin = as("admin", secret);
  assertEquals(await statusOf(`${server.url}/users/$current`, admin), 200);
  const options = await fetch(`${server.url}/info/options`, admin);
  assertEquals(options.status, 200);
  assert(!(await options.text()).includes(secret));
  server.kill("SIGTERM");
  const { log, output } = await server.end;
  assert(!log.includes(secret) && !output.includes(secret));
});

Deno.test("POST /admin/shutdown stops the program cleanly, for operators alone", async () => {
  await using server = await startServer(["--mem-db"]);
  const url = `${server.url}/admin/shutdown`;
  const post = { method: "POST" };
  assertEquals(await statusOf(url, post), 401);
  assertEquals(await statusOf(url, { ...post, ...as("ops", "wrong") }), 401);
  assertEquals(await statusOf(url, { ...post, ...as("ops", "changeit") }), 200);
  const { exitCode, log } = await server.end;
  assertEquals(exitCode, 0);
  assertMatch(log, /node\.shutdown_requested by=ops from=127\.0\.0\.1/);
  assertMatch(log, /program\.stopped/);
});
