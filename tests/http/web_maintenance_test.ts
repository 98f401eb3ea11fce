/**
 * The pages of operators and their forms.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openMaintenance } from "../../lib/maintenance/maintenance_service.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import {
  ADMIN,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../support/secured_app.ts";
import { markIn, PAGE, postForm } from "../support/web_forms.ts";

const PATH = "/web/maintenance";

/** An app whose jobs are done on a store that is kept in memory. */
async function openWithJobs(): Promise<SecuredApp> {
  const clock = createTestClock();
  const newEventId = createTestIds();
  const shared = { clock, newEventId, logger: SILENT_LOGGER };
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 64 * 1024,
    ...shared,
  });
  const maintenance = await openMaintenance({
    ...shared,
    store,
    version: "0.0.0",
    history: undefined,
  });
  const app = await openSecuredApp({ app: { maintenance } });
  const dispose = app[Symbol.asyncDispose].bind(app);
  app[Symbol.asyncDispose] = async () => {
    await dispose();
    await maintenance.close();
    await store.close();
  };
  return app;
}

async function post(
  app: SecuredApp,
  path: string,
  fields: Readonly<Record<string, string>> = {},
) {
  const csrf = markIn(await app.get(PATH, PAGE, OPS));
  return await postForm(app, PATH + path, { csrf, ...fields }, OPS);
}

Deno.test("operators change the log level by a form", async () => {
  await using app = await openSecuredApp();
  const changed = await post(app, "/log-level", { level: "warn" });
  assertEquals(changed.headers.get("Location"), `${PATH}?done=level`);
  const page = await app.get(`${PATH}?done=level`, PAGE, OPS);
  assertStringIncludes(page.body, "The log level is changed");
  assertStringIncludes(page.body, `<option value="warn" selected`);
  assertEquals((await post(app, "/log-level", { level: "x" })).status, 400);
});

Deno.test("a check is begun by a form, and its result is on the page", async () => {
  await using app = await openWithJobs();
  const begun = await post(app, "/verify", { deep: "true" });
  assertEquals(begun.headers.get("Location"), PATH);
  let page = await app.get(PATH, PAGE, OPS);
  for (let turn = 0; turn < 200 && page.body.includes("Stop"); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    page = await app.get(PATH, PAGE, OPS);
  }
  assertStringIncludes(page.body, "Everything is as it was written");
  assertEquals((await post(app, "/verify/cancel")).status, 303);
  assertEquals((await post(app, "/scavenge")).status, 303);
  assertEquals((await post(app, "/scavenge/cancel")).status, 303);
});

Deno.test("pages of operators are for them, and forms need their mark", async () => {
  await using app = await openSecuredApp();
  const user = await app.createUser("ann");
  for (const path of [PATH, "/web/metrics"]) {
    assertEquals((await app.get(path, PAGE)).status, 401);
    assertEquals((await app.get(path, PAGE, user)).status, 401);
    assertEquals((await app.get(path, PAGE, ADMIN)).status, 200);
  }
  for (
    const path of [
      "/verify",
      "/verify/cancel",
      "/scavenge",
      "/scavenge/cancel",
      "/log-level",
    ]
  ) {
    assertEquals((await postForm(app, PATH + path, {}, OPS)).status, 403);
    const csrf = markIn(await app.get("/subscriptions", PAGE, user));
    const refused = await postForm(app, PATH + path, { csrf }, user);
    assertEquals(refused.status, 401);
  }
});

Deno.test("metrics are told in units that people read", async () => {
  await using app = await openSecuredApp();
  const { body } = await app.get("/web/metrics", PAGE, ADMIN);
  assertStringIncludes(body, "Requests by route and status.");
  assert(/\d (kB|MB|bytes)<\/td>/.test(body));
});
