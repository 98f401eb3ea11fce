/**
 * `--read-only` from outside: a damaged store that is refused otherwise.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { createStoreDirectory, flipBit } from "../support/store_directory.ts";

Deno.test("serve --read-only serves what is whole of a damaged store, and says why it writes nothing", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(12, 1 << 20);
  flipBit(directory.segmentPath(0), 200);
  const before = Deno.readFileSync(directory.segmentPath(0));
  const args = [`--db=${directory.path}`];
  const refused = await runProgram(["serve", "--port=0", ...args]);
  assertEquals(refused.exitCode, 3);
  assertStringIncludes(refused.log, "CORRUPT_COMMITTED");

  await using server = await startServer([...args, "--read-only"]);
  const get = async (path: string) => {
    const response = await fetch(server.url + path, {
      headers: { Accept: "application/json" },
    });
    return { status: response.status, text: await response.text() };
  };
  const statuses: number[] = [];
  for (const stream of ["cart-0", "cart-1", "cart-2"]) {
    for (let number = 0; number < 4; number++) {
      statuses.push((await get(`/streams/${stream}/${number}`)).status);
    }
  }
  // One event is damaged: it is refused, and all others are there.
  assertEquals(statuses.filter((status) => status === 200).length, 11);
  assertEquals(statuses.filter((status) => status === 500).length, 1);
  const append = await fetch(`${server.url}/streams/cart-1`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "ES-EventType": "t" },
    body: "{}",
  });
  assertEquals(append.status, 503);
  assertStringIncludes(await append.text(), "--read-only");
  const health = await get("/health");
  assertEquals(health.status, 503);
  assertStringIncludes(
    JSON.parse(health.text).reason,
    "badHeader in segment 0",
  );
  assertStringIncludes((await get("/info")).text, "readOnlyReason");
  assertEquals(Deno.readFileSync(directory.segmentPath(0)), before);
});

Deno.test("of what operators may ask, serve --read-only refuses what would change the store", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(12, 1 << 20);
  const namesBefore = await namesIn(directory.path);
  {
    await using server = await startServer([
      `--db=${directory.path}`,
      "--read-only",
      "--enable-trusted-auth",
      "--trusted-proxy=127.0.0.1",
    ]);
    const ask = async (method: string, path: string, body?: string) => {
      const response = await fetch(server.url + path, {
        method,
        headers: {
          "ES-TrustedAuth": "admin; $admins",
          Accept: "application/json",
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        ...(body !== undefined && { body }),
      });
      return { status: response.status, text: await response.text() };
    };
    const scavenge = await ask("POST", "/admin/scavenge");
    assertEquals(scavenge.status, 503);
    assertStringIncludes(scavenge.text, "--read-only");
    const state = JSON.parse(
      (await ask("GET", "/admin/scavenge/current")).text,
    );
    assertEquals(state, { job: "scavenge", state: "none" });
    const user = { loginName: "x", fullName: "X", password: "long enough" };
    const made = await ask("POST", "/users/", JSON.stringify(user));
    assertEquals(made.status, 503);
    // What only reads is done.
    assertEquals((await ask("POST", "/admin/verify")).status, 202);
    assertEquals(
      (await ask("POST", "/admin/log-level", '{"level":"info"}')).status,
      200,
    );
    assertEquals((await ask("GET", "/admin/backup")).status, 200);
    let verified: { state: string; result: unknown };
    do verified = JSON.parse((await ask("GET", "/admin/verify")).text); while (
      verified.state === "running"
    );
    assertEquals(verified.state, "done");
    assertEquals((await ask("POST", "/admin/shutdown")).status, 200);
    assertEquals((await server.end).exitCode, 0);
  }
  assertEquals(await namesIn(directory.path), namesBefore);
});

async function namesIn(path: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  return names.sort();
}
