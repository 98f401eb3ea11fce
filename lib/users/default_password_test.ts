import { assertEquals } from "@std/assert";
import { mayUseDefaultPassword } from "./default_password.ts";

interface Case {
  readonly what: string;
  readonly isLoopbackServer?: boolean;
  readonly origin?: string;
  readonly host?: string;
  readonly secFetchSite?: string;
  readonly isProxied?: boolean;
  readonly may: boolean;
}

const CASES: readonly Case[] = [
  { what: "a client without a browser", host: "127.0.0.1:2113", may: true },
  { what: "a client that sends no Host", may: true },
  { what: "the server's own page", origin: "http://localhost:2113", may: true },
  { what: "another local page", origin: "http://[::1]:3000", may: true },
  { what: "another site", origin: "http://evil.example", may: false },
  { what: "an opaque origin", origin: "null", may: false },
  {
    what: "an origin that only begins like loopback",
    origin: "http://127.0.0.1.evil.example",
    may: false,
  },
  {
    what: "an image on another site",
    secFetchSite: "cross-site",
    may: false,
  },
  { what: "an address typed in", secFetchSite: "none", may: true },
  { what: "a proxy on this machine", isProxied: true, may: false },
  { what: "a rebound name", host: "evil.example:2113", may: false },
  {
    what: "a server on the network",
    isLoopbackServer: false,
    host: "127.0.0.1:2113",
    may: false,
  },
];

for (const { what, isLoopbackServer = true, may, ...headers } of CASES) {
  Deno.test(`the default password is ${may ? "accepted" : "refused"} from ${what}`, () => {
    const request = { origin: null, host: null, secFetchSite: null };
    assertEquals(
      mayUseDefaultPassword(isLoopbackServer, { ...request, ...headers }),
      may,
    );
  });
}
