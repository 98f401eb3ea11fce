/**
 * What a token with scopes opens: every route by every scope and by what the
 * client accepts. What is expected is worked out here once more, from methods
 * and paths, so that a wrong list in the route table is noticed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { TOKEN_SCOPES, type TokenScope } from "../../../lib/model/principal.ts";
import type { Route } from "../../../lib/http/route.ts";
import { ROUTES } from "../../../lib/http/routes/table.ts";
import { requestTypesOf } from "../../support/request_types.ts";
import {
  ADMIN,
  JSON_TYPE,
  openSecuredApp,
  type SecuredApp,
} from "../../support/secured_app.ts";
import { TEST_BASE_URL, TEST_INFO } from "../../support/test_app.ts";

const LIVE = "text/event-stream";
const ACCEPTS = [
  undefined,
  "application/json",
  "application/xml",
  "text/html",
  "text/plain",
  `application/json, ${LIVE};q=0.1`,
  LIVE,
];

/** Scopes that open a route, besides `feeds` for live feeds. */
function scopesFor({ method, template }: Route): readonly TokenScope[] {
  const isRead = method === "GET";
  if (template.startsWith("/web/")) return scopesForPage(template, isRead);
  if (template.startsWith("/streams/")) {
    if (isRead) return ["read"];
    const isAppend = method === "POST" && !template.includes("/metadata");
    return isAppend ? ["append"] : [];
  }
  if (template.startsWith("/subscriptions")) {
    if (/\/n?ack(\/|$)|\{group\}(\/\{count\})?$/.test(template)) {
      return isRead || template.includes("ack") ? ["read"] : [];
    }
    return isRead ? ["read", "append", "metrics", "backup"] : [];
  }
  if (/^\/projections?\//.test(template)) {
    return isRead || /\/(read-events|debug)$/.test(template) ? ["read"] : [];
  }
  if (template.endsWith("/access-token")) return ["feeds", "read"];
  if (template.includes("/tokens")) return [];
  if (template.startsWith("/users")) return isRead ? ["read"] : [];
  if (template === "/metrics") return ["metrics"];
  if (/^\/admin\/(backup|export)$/.test(template)) return ["backup"];
  if (template === "/info/options" || template.startsWith("/admin/")) return [];
  return ["read", "append", "metrics", "backup"];
}

/** Forms do what tokens without scopes alone may, but for two. */
function scopesForPage(
  template: string,
  isRead: boolean,
): readonly TokenScope[] {
  if (
    /^\/web\/(streams|names|stream-list|projections\/debug)$/.test(template)
  ) return ["read"];
  if (template === "/web/metrics") return ["metrics"];
  if (template.startsWith("/web/maintenance")) return [];
  const isOpen = isRead || /^\/web\/log(in|out)$/.test(template);
  if (isOpen) return ["read", "append", "metrics", "backup"];
  return template === "/web/append" ? ["append"] : [];
}

const VALUES: Readonly<Record<string, string>> = {
  stream: "private",
  event: "0",
  count: "5",
  guid: "aaaaaaaa-0000-4000-8000-00000000aaaa",
  position: "head",
  login: "operator",
  token: "none",
  name: "none",
  id: "none",
};

function pathOf({ template }: Route): string {
  return template.replace(
    /\{\*?(\w+)\}/g,
    (_, name) => VALUES[name] ?? "index.html",
  );
}

function isAnsweredLive(
  { response }: Route,
  accept: string | undefined,
): boolean {
  if (response === "any" || !accept?.includes(LIVE)) return false;
  const names = response.map(({ name }) => name);
  // Of the list that has it last it is what is left.
  return names.includes(LIVE) &&
    (accept === LIVE || !names.includes("application/json"));
}

async function tokenOf(app: SecuredApp, json: unknown): Promise<string> {
  const answer = await app.sendJson("/users/admin/tokens", json, {
    headers: ADMIN,
  });
  assertEquals(answer.status, 201, answer.body);
  return JSON.parse(answer.body).token;
}

async function ask(
  app: SecuredApp,
  route: Route,
  { token, accept, query = "" }: {
    readonly token?: string;
    readonly accept: string | undefined;
    readonly query?: string;
  },
): Promise<{ readonly status: number; readonly type: string }> {
  const { method } = route;
  const hasBody = method === "POST" || method === "PUT";
  const response = await app.app(
    new Request(TEST_BASE_URL + pathOf(route) + query, {
      method,
      headers: {
        Host: "h",
        "ES-EventType": "t",
        ...(hasBody && JSON_TYPE),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(accept !== undefined && { Accept: accept }),
      },
      ...(hasBody && { body: "{}" }),
    }),
    TEST_INFO,
  );
  await response.body?.cancel();
  const type = response.headers.get("Content-Type") ?? "";
  return { status: response.status, type };
}

async function openPrivateApp(): Promise<SecuredApp> {
  const app = await openSecuredApp();
  await app.writeAcl("private", { $r: "$admins" });
  return app;
}

Deno.test("every row of the route table has scopes", () => {
  for (const route of ROUTES) {
    const about = `${route.method} ${route.template}`;
    assert(Array.isArray(route.scopes), about);
    assertEquals([...route.scopes].sort(), [...scopesFor(route)].sort(), about);
  }
});

Deno.test("a token opens what its scopes name, whatever Accept says", async () => {
  await using app = await openPrivateApp();
  for (const scope of TOKEN_SCOPES) {
    const token = await tokenOf(app, { scopes: [scope] });
    for (const route of ROUTES) {
      let verdicts = 0;
      for (const accept of ACCEPTS) {
        const { status } = await ask(app, route, { token, accept });
        if (status === 406 || status === 415) continue;
        verdicts++;
        const isLive = route.method === "GET" &&
          scopesFor(route).includes("read") && isAnsweredLive(route, accept);
        const isOpen = scopesFor(route).includes(scope) ||
          scope === "feeds" && isLive;
        const about = `${scope}: ${route.method} ${route.template} ${accept}`;
        assertEquals(status !== 403, isOpen, `${about}: ${status}`);
      }
      const takesJson = route.request === undefined ||
        requestTypesOf(route.request).some(({ name }) =>
          name === "application/json"
        );
      assert(verdicts > 0 || !takesJson, `${route.method} ${route.template}`);
    }
  }
});

Deno.test("an access token opens live feeds and nothing else, whatever Accept says", async () => {
  await using app = await openPrivateApp();
  const path = "/users/$current/access-token";
  const made = await app.sendJson(path, {}, { headers: ADMIN });
  const query = `?access_token=${JSON.parse(made.body).accessToken}`;
  let opened = 0;
  for (const route of ROUTES.filter(({ method }) => method === "GET")) {
    for (const accept of ACCEPTS) {
      for (const suffix of ["", "&format=sse", "&format=json"]) {
        const answer = await ask(app, route, { accept, query: query + suffix });
        if (answer.status === 200 && answer.type.startsWith(LIVE)) {
          opened++;
          continue;
        }
        if (answer.status === 403) continue;
        // Else it is what everybody gets.
        const everybody = { accept, query: suffix.replace("&", "?") };
        const open = await ask(app, route, everybody);
        assertEquals(answer, open, `${route.template} ${accept}${suffix}`);
      }
    }
  }
  assert(opened > 0);
});

Deno.test("a token with scopes widens nothing by plain appends", async () => {
  await using app = await openPrivateApp();
  const token = await tokenOf(app, { scopes: ["append", "read"] });
  const headers = { Authorization: `Bearer ${token}`, "ES-EventType": "t" };
  const append = async (name: string) => {
    const path = `/streams/${encodeURIComponent(name)}`;
    return (await app.sendJson(path, {}, {
      headers: { ...headers, "ES-EventId": crypto.randomUUID() },
    })).status;
  };
  assertEquals(await append("orders-1"), 201);
  const closed = [
    "$settings",
    "$$orders-1",
    "$user-eve",
    "$$$user-eve",
    "$tokens-admin",
    "$users",
    "$any",
  ];
  for (const name of closed) assertEquals(await append(name), 401, name);
});

Deno.test("scopes that make no sense make no token", async () => {
  await using app = await openSecuredApp();
  const bodies = [
    { scopes: [] },
    { scopes: ["everything"] },
    { scopes: ["read", "read"] },
    { scopes: ["READ"] },
    { scopes: "read" },
    { scopes: ["append"], readOnly: true },
  ];
  for (const body of bodies) {
    const answer = await app.sendJson("/users/admin/tokens", body, {
      headers: ADMIN,
    });
    assertEquals(answer.status, 400, JSON.stringify(body));
    assert(answer.body.includes("scopes") || answer.body.includes("scope"));
  }
  const list = await app.get("/users/admin/tokens", undefined, ADMIN);
  assertEquals(JSON.parse(list.body).tokens, []);
});

Deno.test("metrics are for $monitors, backups for $backup and not for $ops", async () => {
  await using app = await openSecuredApp();
  const monitor = await app.createUser("mona", { groups: ["$monitors"] });
  const keeper = await app.createUser("kim", { groups: ["$backup"] });
  const operator = await app.createUser("otto", { groups: ["$ops"] });
  const status = async (path: string, headers: Record<string, string>) =>
    (await app.get(path, undefined, headers)).status;
  const rows: [string, Record<string, string>, number][] = [
    ["/metrics", monitor, 200],
    ["/metrics", operator, 200],
    ["/metrics", keeper, 401],
    ["/metrics", {}, 401],
    ["/stats", monitor, 200],
    ["/info/options", monitor, 401],
    ["/admin/log-level", monitor, 401],
    // The store in memory has no files to take a backup of.
    ["/admin/backup", keeper, 501],
    ["/admin/export", keeper, 200],
    ["/admin/export", ADMIN, 200],
    ["/admin/backup", operator, 401],
    ["/admin/export", operator, 401],
    ["/admin/export", monitor, 401],
    ["/admin/log-level", keeper, 401],
  ];
  for (const [path, headers, expected] of rows) {
    assertEquals(await status(path, headers), expected, path);
  }
});
