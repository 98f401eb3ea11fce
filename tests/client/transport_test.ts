/**
 * How the client asks servers: retries, back-off, several URLs, time limits,
 * errors.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Client,
  ClientError,
  type ClientOptions,
} from "../../lib/client/mod.ts";
import { listOf, notingFetch, openEmbedded } from "./embedded.ts";

const EVENT = { eventType: "t", data: {} };

/** A client of servers that answer as `answers` say, the last for ever. */
function scripted(
  answers: readonly (Response | Error)[],
  options: Partial<ClientOptions> = {},
) {
  const delays: number[] = [];
  const { fetch, asked } = notingFetch(
    () => Promise.reject(new Error("never sent")),
    (count) => {
      const answer = answers[Math.min(count, answers.length - 1)];
      return answer instanceof Response
        ? Promise.resolve(answer.clone())
        : Promise.reject(answer);
    },
  );
  const client = new Client({
    url: "http://one",
    fetch,
    ...options,
    retry: {
      triesMax: 4,
      firstDelayMs: 4,
      delayMsMax: 10,
      onRetry: (_, delayMs) => delays.push(delayMs),
      ...options.retry,
    },
  });
  return { client, asked, delays };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ClientError)).code;
}

Deno.test("each status is one error code, and only what may pass is tried again", async () => {
  const cases: [number, string, number][] = [
    [400, "invalid", 1],
    [401, "unauthorized", 1],
    [403, "forbidden", 1],
    [404, "notFound", 1],
    [405, "invalid", 1],
    [408, "unavailable", 4],
    [409, "alreadyExists", 1],
    [410, "deleted", 1],
    [413, "tooLarge", 1],
    [429, "unavailable", 4],
    [500, "unexpected", 1],
    [502, "unavailable", 4],
    [503, "unavailable", 4],
    [504, "unavailable", 4],
    [507, "storageFull", 1],
  ];
  for (const [status, code, tries] of cases) {
    const { client, asked } = scripted([new Response("why", { status })]);
    const error = await assertRejects(
      () => client.append("s", EVENT),
      ClientError,
      `The server answers ${status} to POST /streams/s: why`,
    );
    assertEquals([error.code, error.status, asked.length], [
      code,
      status,
      tries,
    ]);
    assertEquals(error.isInconclusive, status >= 500);
  }
});

Deno.test("waits grow up to their bound, and tries end", async () => {
  const { client, asked, delays } = scripted([new TypeError("refused")], {
    retry: { triesMax: 6 },
  });
  assertEquals(await codeOf(client.append("s", EVENT)), "unavailable");
  assertEquals(asked.length, 6);
  const bounds = [[2, 4], [4, 8], [5, 10], [5, 10], [5, 10]];
  for (const [at, [least = 0, most = 0]] of bounds.entries()) {
    const delay = delays[at] ?? -1;
    assert(delay >= least && delay <= most, `${at}: ${delay}`);
  }
});

Deno.test("each of several servers is tried as often before tries end", async () => {
  const { client, asked, delays } = scripted([new TypeError("refused")], {
    url: ["http://one", "http://two"],
    retry: { triesMax: 3 },
  });
  assertEquals(await codeOf(client.append("s", EVENT)), "unavailable");
  assertEquals(asked.length, 6);
  assertEquals(delays.length, 2);
});

Deno.test("a server that does not answer is left for the next, for good", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(
    embedded.fetch,
    (_, send, { url }) =>
      url.startsWith("http://one")
        ? Promise.reject(new TypeError("refused"))
        : send(),
  );
  const client = embedded.client({
    fetch,
    url: ["http://one", "http://two/", "http://three"],
  });
  await client.append("s", EVENT);
  assertEquals(client.url, "http://two");
  await client.append("s", EVENT);
  assertEquals(asked, [
    "POST http://one/streams/s",
    "POST http://two/streams/s",
    "POST http://two/streams/s",
  ]);
  assertEquals((await listOf(client.read("s"))).length, 2);
});

Deno.test("what is sent once only is sent to a server that answers", async () => {
  await using embedded = await openEmbedded();
  const { fetch, asked } = notingFetch(
    embedded.fetch,
    (_, send, { url }) =>
      url.startsWith("http://one")
        ? Promise.reject(new TypeError("refused"))
        : send(),
  );
  const client = embedded.client({ fetch, url: ["http://one", "http://two"] });
  await client.subscriptions.create({ streamName: "s", groupName: "g" });
  assertEquals(asked, [
    "GET http://one/ping",
    "GET http://two/ping",
    "PUT http://two/subscriptions/s/g",
  ]);
});

Deno.test("a try that takes too long counts as none", async () => {
  const hanging: typeof fetch = (_, init) =>
    new Promise((_, reject) =>
      init?.signal?.addEventListener(
        "abort",
        () => reject(new TypeError("cut")),
      )
    );
  const client = new Client({
    url: "http://one",
    fetch: hanging,
    timeoutMs: 5,
    retry: { triesMax: 2, firstDelayMs: 1 },
  });
  await assertRejects(
    () => client.append("s", EVENT),
    ClientError,
    "Cannot reach http://one: no answer in time",
  );
});

Deno.test("the caller's signal ends a request and the waits between tries", async () => {
  const stopping = new AbortController();
  const { client, asked } = scripted([new TypeError("refused")], {
    retry: {
      firstDelayMs: 3_600_000,
      delayMsMax: 3_600_000,
      onRetry: () => queueMicrotask(() => stopping.abort("enough")),
    },
  });
  const { signal } = stopping;
  const error = await assertRejects(
    () => client.append("s", EVENT, { signal }),
    ClientError,
  );
  assertEquals([error.code, error.cause], ["aborted", "enough"]);
  assertEquals(await codeOf(client.append("s", EVENT, { signal })), "aborted");
  assertEquals(asked.length, 1);
});

Deno.test("an answer that is none is told as such", async () => {
  const { client } = scripted([new Response("<html>")]);
  assertEquals(await codeOf(listOf(client.read("s"))), "unexpected");
  assertEquals(await codeOf(client.append("s", EVENT)), "unexpected");
  const feed = scripted([Response.json({ entries: 1 })]).client.read("s");
  assertEquals(await codeOf(listOf(feed)), "unexpected");
});

Deno.test("a URL that is none, or has a login in it, is refused", () => {
  for (const url of ["", "localhost:2113", "ftp://x", "http://a:b@x", []]) {
    assertThrows(() => new Client({ url }), ClientError);
  }
});

Deno.test("users and tokens are made, used and taken away", async () => {
  await using embedded = await openEmbedded();
  const { users } = embedded.client();
  const anna = { login: "anna", password: "a password", groups: ["sales"] };
  await users.add(anna);
  await users.add(anna);
  assertEquals(
    await codeOf(users.add({ ...anna, password: "another" })),
    "alreadyExists",
  );
  const mine = embedded.client({ credentials: anna }).users;
  assertEquals((await mine.current()).groups, ["sales"]);
  const { token, tokenId } = await mine.createToken({ label: "test" });
  const byToken = embedded.client({ credentials: { token } }).users;
  assertEquals((await byToken.current()).login, "anna");
  assertEquals((await mine.listTokens()).length, 1);
  await mine.revokeToken(tokenId);
  assertEquals(await codeOf(byToken.current()), "unauthorized");
  await users.update({ login: "anna", fullName: "Anna", groups: [] });
  await users.resetPassword("anna", "third password");
  await users.disable("anna");
  assertEquals(await codeOf(mine.current()), "unauthorized");
  await users.enable("anna");
  const shown = (await users.list()).find(({ login }) => login === "anna");
  assertEquals(shown?.fullName, "Anna");
  await users.delete("anna");
  assertEquals(await codeOf(users.disable("anna")), "notFound");
  assertEquals(
    await codeOf(embedded.client({ credentials: undefined }).users.list()),
    "unauthorized",
  );
});
