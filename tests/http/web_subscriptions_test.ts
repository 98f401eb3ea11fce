/**
 * Pages of persistent subscriptions and their forms.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  ADMIN,
  JSON_TYPE,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../support/secured_app.ts";
import { markIn, PAGE, postForm } from "../support/web_forms.ts";

const GROUP = "/subscriptions/orders-1/g/info";

/** Sends a form of the administrator's. */
async function post(
  app: SecuredApp,
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = ADMIN,
) {
  const csrf = markIn(await app.get("/subscriptions", PAGE, headers));
  return await postForm(app, path, { csrf, ...fields }, headers);
}

async function openWithGroup(): Promise<SecuredApp> {
  const app = await openSecuredApp();
  const made = await post(app, "/web/subscriptions", {
    stream: "orders-1",
    group: "g",
    maxRetryCount: "3",
    resolveLinktos: "true",
  });
  assertEquals(made.status, 303, made.body);
  assertEquals(made.headers.get("Location"), `${GROUP}?done=created`);
  return app;
}

async function configOf(app: SecuredApp) {
  const { body } = await app.get(GROUP, "application/json", ADMIN);
  return JSON.parse(body).config;
}

Deno.test("a subscription is made, changed and deleted by forms", async () => {
  await using app = await openWithGroup();
  assertEquals((await configOf(app)).maxRetryCount, 3);
  assertEquals((await configOf(app)).resolveLinktos, true);

  const list = await app.get("/subscriptions", PAGE, ADMIN);
  assertStringIncludes(list.body, `href="${GROUP}"`);
  const path = "/web/subscriptions/orders-1/g";
  const changed = await post(app, `${path}/settings`, { maxRetryCount: "7" });
  assertEquals(changed.headers.get("Location"), `${GROUP}?done=updated`);
  assertEquals((await configOf(app)).maxRetryCount, 7);
  // A box that is not ticked is not sent.
  assertEquals((await configOf(app)).resolveLinktos, false);

  const kept = await post(app, `${path}/delete`, { confirm: "other" });
  assertEquals(kept.status, 400);
  assertStringIncludes(kept.body, "not that of the group");
  const gone = await post(app, `${path}/delete`, { confirm: "g" });
  assertEquals(gone.headers.get("Location"), "/subscriptions");
  assertEquals((await app.get(GROUP, PAGE, ADMIN)).status, 404);
});

Deno.test("settings that make no sense show the form again, as typed", async () => {
  await using app = await openWithGroup();
  for (
    const [path, fields] of [
      ["/web/subscriptions", {
        stream: "s",
        group: "h",
        namedConsumerStrategy: "Best",
      }],
      ["/web/subscriptions", { stream: "", group: "h" }],
      ["/web/subscriptions/orders-1/g/settings", { bufferSize: "many" }],
    ] as const
  ) {
    const answer = await post(app, path, fields);
    assertEquals(answer.status, 400, path);
    assertStringIncludes(answer.body, `role="alert"`);
  }
  const twice = await post(app, "/web/subscriptions", {
    stream: "orders-1",
    group: "g",
  });
  assertEquals(twice.status, 409);
  assertStringIncludes(twice.body, "already exists");
  assertStringIncludes(twice.body, `name="stream" value="orders-1"`);
});

Deno.test("only who may write $settings changes anything", async () => {
  await using app = await openWithGroup();
  const user = await app.createUser("ann");
  for (
    const [path, fields] of [
      ["/web/subscriptions", { stream: "s", group: "h" }],
      ["/web/subscriptions/orders-1/g/settings", { maxRetryCount: "9" }],
      ["/web/subscriptions/orders-1/g/replay", {}],
      ["/web/subscriptions/orders-1/g/discard", { id: testUuid(1) }],
      ["/web/subscriptions/orders-1/g/delete", { confirm: "g" }],
    ] as const
  ) {
    assertEquals((await post(app, path, fields, user)).status, 401, path);
    const unmarked = await postForm(app, path, { ...fields }, ADMIN);
    assertEquals(unmarked.status, 403, path);
  }
  assertEquals((await configOf(app)).maxRetryCount, 3);
});

Deno.test("parked messages are shown, replayed and discarded", async () => {
  await using app = await openWithGroup();
  const events = [1, 2].map((n) => ({
    eventId: testUuid(n),
    eventType: `<i>${n}`,
    data: { text: "</td><script>" },
  }));
  assertEquals((await app.append("orders-1", events)).status, 201);
  await app.timers.pass(0);
  const read = await app.get(
    "/subscriptions/orders-1/g/2",
    "application/vnd.eventstore.competingatom+json",
    ADMIN,
  );
  assertEquals(JSON.parse(read.body).entries.length, 2);
  const ids = events.map(({ eventId }) => eventId).join();
  const nack = await app.send(
    `/subscriptions/orders-1/g/nack?ids=${ids}&action=Park`,
    { headers: { ...ADMIN, ...JSON_TYPE }, body: "" },
  );
  assertEquals(nack.status, 202);
  let page = await app.get(GROUP, PAGE, ADMIN);
  for (let turn = 0; turn < 50 && !page.body.includes("1@orders-1"); turn++) {
    await app.timers.pass(100);
    page = await app.get(GROUP, PAGE, ADMIN);
  }
  assertStringIncludes(page.body, "1@orders-1");
  assertStringIncludes(page.body, "&lt;i&gt;2");
  assert(!page.body.includes('<script>"'), "Data is escaped");
  assert(!page.body.includes("</td><script>"), "Data is escaped");

  const [, linkId = ""] = /name="id" value="([^"]+)"/.exec(page.body) ?? [];
  const path = "/web/subscriptions/orders-1/g";
  const none = await post(app, `${path}/discard`, {});
  assertEquals(none.status, 400);
  const discarded = await post(app, `${path}/discard`, { id: linkId });
  assertEquals(discarded.headers.get("Location"), `${GROUP}?done=discarded`);
  page = await app.get(GROUP, PAGE, ADMIN);
  assertEquals(page.body.match(/name="id"/g)?.length, 1);
  assert(!page.body.includes(`value="${linkId}"`));
  const replayed = await post(app, `${path}/replay`, {});
  assertEquals(replayed.headers.get("Location"), `${GROUP}?done=replayed`);
  // Others see how many there are, and no more.
  const seen = await app.get(GROUP, PAGE, OPS);
  assert(!seen.body.includes("&lt;i&gt;2"));
});
