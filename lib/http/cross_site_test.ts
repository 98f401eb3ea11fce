import { assertEquals } from "@std/assert";
import { isFromOtherSite } from "./cross_site.ts";

const OWN = ["127.0.0.1:2113", "events.example.org"];

/** Sec-Fetch-Site, Origin → whether it is refused. */
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
  ["cross-site", "https://app.example.org", false],
  [null, "https://app.example.org", false],
  [null, "http://app.example.org", true],
];

for (const [site, origin, isRefused] of CASES) {
  const verdict = isRefused ? "another site's" : "let in";
  Deno.test(`Sec-Fetch-Site ${site} with Origin ${origin} is ${verdict}`, () => {
    const headers = new Headers();
    if (site !== null) headers.set("Sec-Fetch-Site", site);
    if (origin !== null) headers.set("Origin", origin);
    const corsOrigins = new Set(["https://app.example.org"]);
    const rules = { corsOrigins };
    assertEquals(isFromOtherSite(headers, rules, () => OWN), isRefused);
  });
}
