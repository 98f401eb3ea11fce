import { assertEquals } from "@std/assert";
import { type CorsOrigins, createSiteRules } from "./hosts.ts";

const OWN = ["127.0.0.1:2113", "events.example.org"];
const APP = "https://app.example.org";

/** Sec-Fetch-Site, Origin → whether a write is refused unless APP may write. */
const CASES: readonly (readonly [string | null, string | null, boolean])[] = [
  [null, null, false],
  ["none", null, false],
  ["same-origin", "http://127.0.0.1:2113", false],
  ["same-origin", null, false],
  ["same-site", "http://127.0.0.1:8080", true],
  ["cross-site", "https://evil.example", true],
  ["cross-site", null, true],
  ["cross-site", "http://127.0.0.1:2113", true],
  ["nonsense", null, true],
  [null, "http://127.0.0.1:2113", false],
  [null, "https://EVENTS.example.org", false],
  [null, "https://events.example.org:443", false],
  [null, "http://127.0.0.1:2114", true],
  [null, "https://evil.example", true],
  [null, "https://events.example.org.evil.example", true],
  [null, "null", true],
  [null, "", true],
  ["cross-site", APP, true],
  [null, APP, true],
  [null, "http://app.example.org", true],
];

const WRITES = ["POST", "PUT", "DELETE", "PATCH", "ODD"];
const READS = ["GET", "HEAD", "OPTIONS"];

/** Each form of `--cors-origin`, and what it says of APP and of all others. */
const OPTIONS: readonly {
  readonly corsOrigins: CorsOrigins | undefined;
  readonly mayAppWrite: boolean;
  readonly mayAllWrite: boolean;
}[] = [
  { corsOrigins: undefined, mayAppWrite: false, mayAllWrite: false },
  { corsOrigins: [], mayAppWrite: false, mayAllWrite: false },
  { corsOrigins: [APP], mayAppWrite: true, mayAllWrite: false },
  { corsOrigins: "any", mayAppWrite: true, mayAllWrite: true },
];

for (const { corsOrigins, mayAppWrite, mayAllWrite } of OPTIONS) {
  const title = corsOrigins === undefined ? "default" : `"${corsOrigins}"`;
  Deno.test(`--cors-origin ${title}: whose writes are refused`, () => {
    const rules = createSiteRules(corsOrigins);
    for (const [site, origin, isForeign] of CASES) {
      const isRefused = isForeign && !mayAllWrite &&
        !(mayAppWrite && origin === APP);
      for (const method of [...WRITES, ...READS]) {
        const headers = new Headers();
        if (site !== null) headers.set("Sec-Fetch-Site", site);
        if (origin !== null) headers.set("Origin", origin);
        const request = new Request("http://x/", { method, headers });
        assertEquals(
          rules.refuses(request, () => OWN),
          isRefused && WRITES.includes(method),
          `${method}, Sec-Fetch-Site ${site}, Origin ${origin}`,
        );
      }
    }
  });
}

/** What `Access-Control-Allow-Origin` says to APP, to others, to no origin. */
const NARROWED: readonly (readonly [
  CorsOrigins | undefined,
  readonly (string | null)[],
])[] = [
  [undefined, ["*", "*", "*"]],
  ["any", ["*", "*", "*"]],
  [[], [null, null, null]],
  [[APP], [APP, null, null]],
];

for (const [corsOrigins, expected] of NARROWED) {
  const title = corsOrigins === undefined ? "default" : `"${corsOrigins}"`;
  Deno.test(`--cors-origin ${title}: who may read`, () => {
    const { narrow } = createSiteRules(corsOrigins);
    const allowed = [APP, "https://evil.example", null].map((origin) => {
      const headers = { "Access-Control-Allow-Origin": "*" };
      const response = new Response(null, { headers });
      const narrowed = narrow?.(origin, response) ?? response;
      return narrowed.headers.get("Access-Control-Allow-Origin");
    });
    assertEquals(allowed, expected);
  });
}
