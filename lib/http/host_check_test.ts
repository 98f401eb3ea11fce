import { assertEquals } from "@std/assert";
import { createHostCheck, type HostRules } from "./hosts.ts";

const LOOPBACK_HOSTS = [
  "localhost",
  "LocalHost:2113",
  "127.0.0.1",
  "127.0.0.1:9",
  "127.1.2.3:2113",
  "[::1]",
  "[::1]:2113",
];

const FOREIGN_HOSTS = [
  "evil.example",
  "evil.example:2113",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil-localhost",
  "0.0.0.0:2113",
  "[::]:2113",
  "10.0.0.1:2113",
  "[::ffff:10.0.0.1]",
  "a b",
  "u@localhost",
  "localhost/x",
  "localhost:x",
  "localhost:0",
  "[::1]x",
];

const NAMED: HostRules = {
  listensOn: "127.0.0.1",
  publicUrl: "https://Events.example.org/store",
  allowedHosts: ["other.example.org", "10.0.0.5:2113", "[2001:DB8::1]"],
};

const NAMED_HOSTS = [
  "events.example.org",
  "EVENTS.example.org.",
  "events.example.org:8443",
  "other.example.org",
  "other.example.org:80",
  "10.0.0.5:2113",
  "[2001:db8:0::1]:7",
];

/** Whether a request that names this host passes. */
function passes(rules: HostRules, host: string): boolean {
  const request = new Request("http://url-host/x", { headers: { Host: host } });
  return createHostCheck(rules)?.(request) ?? true;
}

for (const listensOn of ["127.0.0.1", "::1", "localhost", "127.0.0.5"]) {
  Deno.test(`a server on ${listensOn} answers for loopback alone`, () => {
    for (const host of LOOPBACK_HOSTS) {
      assertEquals(passes({ listensOn }, host), true, host);
    }
    for (const host of [...FOREIGN_HOSTS, ...NAMED_HOSTS]) {
      assertEquals(passes({ listensOn }, host), false, host);
    }
  });
}

Deno.test("--public-url and --allowed-host name further hosts", () => {
  for (const host of [...LOOPBACK_HOSTS, ...NAMED_HOSTS]) {
    assertEquals(passes(NAMED, host), true, host);
  }
  const foreign = ["10.0.0.5", "10.0.0.5:2114", "sub.other.example.org"];
  for (const host of [...FOREIGN_HOSTS, ...foreign]) {
    assertEquals(passes(NAMED, host), false, host);
  }
});

for (const listensOn of ["0.0.0.0", "::", "10.0.0.1"]) {
  Deno.test(`a server on ${listensOn} answers for any host, until some are named`, () => {
    const publicUrl = "https://events.example.org";
    for (const host of [...LOOPBACK_HOSTS, ...FOREIGN_HOSTS]) {
      assertEquals(passes({ listensOn }, host), true, host);
      assertEquals(passes({ listensOn, publicUrl }, host), true, host);
    }
    const rules = { ...NAMED, listensOn };
    for (const host of [...LOOPBACK_HOSTS, ...NAMED_HOSTS]) {
      assertEquals(passes(rules, host), true, host);
    }
    for (const host of FOREIGN_HOSTS) {
      assertEquals(passes(rules, host), false, host);
    }
  });
}

Deno.test("without a Host header, the host of the target decides", () => {
  const answersHost = createHostCheck({ listensOn: "127.0.0.1" });
  const ask = (url: string) => answersHost?.(new Request(url));
  assertEquals(ask("http://localhost:2113/"), true);
  assertEquals(ask("http://evil.example/"), false);
});

Deno.test("one host that passed lets no other pass", () => {
  const answersHost = createHostCheck({ listensOn: "127.0.0.1" });
  const ask = (host: string) =>
    answersHost?.(new Request("http://x/", { headers: { Host: host } }));
  for (let round = 0; round < 2; round++) {
    assertEquals(ask("localhost"), true);
    assertEquals(ask("evil.example"), false);
  }
});
