/**
 * Proxies in front: links, addresses, and who asks.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { parseIpRanges } from "../../../lib/text/addresses.ts";
import { openSecuredApp } from "../../support/secured_app.ts";
import { basic } from "../../support/test_auth.ts";

const PROXY = "10.0.0.1";
const isTrustedProxy = parseIpRanges("10.0.0.0/8") ?? (() => false);

function infoFrom(hostname: string): Deno.ServeHandlerInfo {
  return {
    remoteAddr: { transport: "tcp", hostname, port: 1 },
    completed: Promise.resolve(),
  };
}

function request(path: string, headers: Record<string, string>) {
  return new Request(`http://h:2113${path}`, {
    headers: { Host: "h:2113", Accept: "application/json", ...headers },
  });
}

Deno.test("ES-TrustedAuth counts from trusted proxies alone, when it is on", async () => {
  const cases:
    readonly (readonly [string, string | undefined, boolean, number])[] = [
      [PROXY, "anna; readers", true, 200],
      [PROXY, "anna;readers,$ops", true, 200],
      [PROXY, "anna; others", true, 401],
      [PROXY, "root; $admins", true, 200],
      [PROXY, "a;b;c", true, 401],
      [PROXY, "", true, 401],
      [PROXY, undefined, true, 401],
      ["203.0.113.9", "anna; readers", true, 401],
      [PROXY, "anna; readers", false, 401],
    ];
  for (const [peer, header, isOn, wanted] of cases) {
    await using app = await openSecuredApp({
      authOptions: isOn ? { isTrustedPeer: isTrustedProxy } : {},
      app: { isTrustedProxy },
    });
    await app.append("s", [{
      eventId: "eeeeeeee-0000-4000-8000-000000000001",
      eventType: "t",
    }]);
    await app.writeAcl("s", { $r: "readers" });
    const headers: Record<string, string> = header === undefined
      ? {}
      : { "ES-TrustedAuth": header };
    const response = await app.app(
      request("/streams/s", headers),
      infoFrom(peer),
    );
    assertEquals(response.status, wanted, `${header} from ${peer}`);
    await response.body?.cancel();
  }
});

Deno.test("Basic credentials win over ES-TrustedAuth", async () => {
  await using app = await openSecuredApp({
    authOptions: { isTrustedPeer: isTrustedProxy },
    app: { isTrustedProxy },
  });
  const anna = await app.createUser("anna");
  const headers = { ...anna, "ES-TrustedAuth": "root; $admins" };
  const answer = await app.app(
    request("/users/$current", headers),
    infoFrom(PROXY),
  );
  assertEquals((await answer.json()).data.loginName, "anna");
});

/** Peer → whether its X-Forwarded-* headers count by default. */
const DEFAULT_TRUST: readonly (readonly [string, boolean])[] = [
  ["127.0.0.1", true],
  ["127.0.0.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["10.0.0.7", false],
  ["192.168.1.1", false],
  ["203.0.113.9", false],
  ["fe80::1", false],
];

Deno.test("X-Forwarded-* make links only when they come from a trusted proxy", async () => {
  const idOf = async (
    peer: string,
    trust?: typeof isTrustedProxy,
    publicUrl?: string,
  ) => {
    await using app = await openSecuredApp({
      app: { ...(trust && { isTrustedProxy: trust }), publicUrl },
    });
    await app.append("s", [{
      eventId: "eeeeeeee-0000-4000-8000-000000000001",
      eventType: "t",
    }]);
    const response = await app.app(
      request("/streams/s", {
        "X-Forwarded-Host": "events.example.org",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "443",
      }),
      infoFrom(peer),
    );
    return (await response.json()).id;
  };
  const forwarded = "https://events.example.org/streams/s";
  assertEquals(await idOf(PROXY, isTrustedProxy), forwarded);
  assertEquals(
    await idOf("203.0.113.9", isTrustedProxy),
    "http://h:2113/streams/s",
  );
  const plain = "http://h:2113/streams/s";
  assertEquals(await idOf("127.0.0.1", isTrustedProxy), plain);
  for (const [peer, id] of DEFAULT_TRUST) {
    assertEquals(await idOf(peer), id ? forwarded : plain, peer);
  }
  assertEquals(
    await idOf(PROXY, isTrustedProxy, "https://public.example/events"),
    "https://public.example/events/streams/s",
  );
});

Deno.test("audit lines and slowed logins go by the client's address", async () => {
  await using app = await openSecuredApp({ app: { isTrustedProxy } });
  const wrong = {
    Authorization: basic("admin", "wrong"),
    "X-Forwarded-For": "198.51.100.7, 203.0.113.9, 10.0.0.2",
  };
  const anna = await app.createUser("anna");
  const change = await app.app(
    new Request("http://h:2113/users/anna/command/change-password", {
      method: "POST",
      headers: {
        ...anna,
        "X-Forwarded-For": wrong["X-Forwarded-For"],
        "Content-Type": "application/json",
        "Content-Length": "58",
      },
      body: JSON.stringify({
        currentPassword: "anna's password",
        newPassword: "newer",
      }).padEnd(58),
    }),
    infoFrom(PROXY),
  );
  assertEquals(change.status, 200, await change.text());
  const line = app.auth.logged.find(([event]) =>
    event === "user.password_changed"
  );
  assert(line !== undefined);
  assertEquals(line[1]["from"], "203.0.113.9");
});
