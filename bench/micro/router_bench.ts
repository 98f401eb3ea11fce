/**
 * What a request costs before its handler: taking the target apart, finding
 * the route, negotiating types.
 *
 * @module
 */

import {
  ATOM,
  ATOM_OR_HTML,
  negotiateRequest,
  negotiateResponse,
} from "../../lib/http/negotiation.ts";
import { createRouter, parseTarget } from "../../lib/http/router.ts";
import { ROUTES } from "../../lib/http/routes/table.ts";

const ORIGIN = "http://127.0.0.1:2113";
const router = createRouter(ROUTES);
const URLS = [
  `${ORIGIN}/streams/load-0017`,
  `${ORIGIN}/streams/load-0017/3`,
  `${ORIGIN}/streams/load-0017/head/backward/20?embed=body`,
  `${ORIGIN}/streams/${encodeURIComponent("straße 7 / 東京")}/0`,
  `${ORIGIN}/nothing/here`,
];

Deno.bench("new URL of a stream's URL", { group: "target" }, () => {
  new URL(URLS[0] ?? "");
});
for (const url of URLS) {
  const title = url.slice(ORIGIN.length);
  Deno.bench(`target and route of ${title}`, { group: "target" }, () => {
    router.find(parseTarget(url).path);
  });
}

Deno.bench("type of a POST's body", { group: "negotiation" }, () => {
  negotiateRequest(ATOM, "application/vnd.eventstore.events+json");
});
const ACCEPTS = [
  "application/vnd.eventstore.atom+json",
  "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
];
for (const accept of ACCEPTS) {
  const wish = { accept, format: undefined, withoutAccept: undefined };
  Deno.bench(`type for Accept: ${accept}`, { group: "negotiation" }, () => {
    negotiateResponse(ATOM_OR_HTML, wish);
  });
}
// Never the same twice: what the memo of earlier headers is worth.
let nonce = 0;
Deno.bench("type for an Accept never seen", { group: "negotiation" }, () => {
  const accept = `${ACCEPTS[1]};n=${nonce++}`;
  negotiateResponse(ATOM_OR_HTML, {
    accept,
    format: undefined,
    withoutAccept: undefined,
  });
});
