/**
 * `/admin/verify`: a long job over HTTP.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { JobBoard } from "../../../lib/maintenance/job_board.ts";
import { createTestIds } from "../../support/events.ts";
import { createModelStore } from "../../support/model_store.ts";
import { MaintenanceService } from "../../../lib/maintenance/maintenance_service.ts";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import type {
  JobControl,
  StoreMaintenance,
  VerifyReport,
  VerifyRequest,
} from "../../../lib/store/maintenance.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestApp,
} from "../../support/test_app.ts";

const PATH = "/admin/verify";
const MINUTE_US = 60_000_000;

/** An app whose verifications go on until a test ends them. */
function openApp() {
  const calls: { request: VerifyRequest; control: JobControl }[] = [];
  const ends: PromiseWithResolvers<VerifyReport>[] = [];
  let nowUs = 0;
  const jobs = new JobBoard({
    clock: { nowUs: () => nowUs += MINUTE_US },
    newId: () => "an-id",
    logger: SILENT_LOGGER,
  });
  const verify: StoreMaintenance["verify"] = (request, control) => {
    const end = Promise.withResolvers<VerifyReport>();
    calls.push({ request, control });
    ends.push(end);
    control.signal.addEventListener(
      "abort",
      () => end.reject(control.signal.reason),
    );
    return end.promise;
  };
  const maintenance = { verify } as StoreMaintenance;
  const clock = { nowUs: () => nowUs };
  const store = createModelStore({ clock, newEventId: createTestIds() });
  const service = new MaintenanceService({
    store: Object.assign(store, { maintenance }),
    jobs,
    clock,
    logger: SILENT_LOGGER,
    version: "0.0.0",
  });
  const test = openTestApp({ store, app: { maintenance: service } });
  return { test, jobs, calls, ends };
}

async function ask(
  test: TestApp,
  method: string,
  login: keyof typeof TEST_LOGINS | "nobody" = "admin",
  path = PATH,
) {
  const headers: Record<string, string> = login === "nobody"
    ? {}
    : { Authorization: TEST_LOGINS[login] };
  const { status, body } = await test.send(path, { method, headers });
  return { status, json: body.startsWith("{") ? JSON.parse(body) : body };
}

Deno.test("POST /admin/verify starts one, GET tells how it is and how it ended", async () => {
  const { test, jobs, calls, ends } = openApp();
  await using _ = test;
  assertEquals(await ask(test, "GET"), {
    status: 200,
    json: { job: "verify", state: "none" },
  });
  const started = await ask(test, "POST", "ops", PATH + "?deep=true");
  assertEquals(started.status, 202);
  assertEquals(calls[0]?.request, { isDeep: true });
  calls[0]?.control.report({
    phase: "checking segments",
    done: 1,
    total: 4,
    unit: "segments",
  });
  assertEquals(await ask(test, "GET"), {
    status: 200,
    json: {
      job: "verify",
      id: "an-id",
      state: "running",
      request: { isDeep: true },
      startedAt: "1970-01-01T00:01:00.000Z",
      progress: {
        phase: "checking segments",
        done: 1,
        total: 4,
        unit: "segments",
      },
    },
  });
  const report = { isClean: true } as VerifyReport;
  ends[0]?.resolve(report);
  await jobs.finished("verify");
  const { json } = await ask(test, "GET");
  assertEquals([json.state, json.result], ["done", { isClean: true }]);
  // Nothing is left of it when the next one begins.
  const again = await ask(test, "POST");
  assertEquals([again.status, again.json.result], [202, undefined]);
  assertEquals(calls[1]?.request, { isDeep: false });
  await jobs.close();
});

Deno.test("POST /admin/verify with another ?deep than true or false is 400", async () => {
  const { test, calls, jobs } = openApp();
  await using _ = test;
  for (const deep of ["maybe", "1", ""]) {
    const { status, json } = await ask(
      test,
      "POST",
      "ops",
      `${PATH}?deep=${deep}`,
    );
    assertEquals([status, json], [400, "deep must be true or false"]);
  }
  assertEquals(calls, []);
  assertEquals(
    (await ask(test, "POST", "ops", PATH + "?deep=True")).status,
    202,
  );
  assertEquals(calls[0]?.request, { isDeep: true });
  await jobs.close();
});

Deno.test("POST /admin/verify while one is under way is 409 with its status", async () => {
  const { test, jobs } = openApp();
  await using _ = test;
  await ask(test, "POST");
  const second = await ask(test, "POST");
  assertEquals([second.status, second.json.state], [409, "running"]);
  await jobs.close();
});

Deno.test("DELETE /admin/verify stops it", async () => {
  const { test, jobs } = openApp();
  await using _ = test;
  assertEquals((await ask(test, "DELETE")).json.state, "none");
  await ask(test, "POST");
  assertEquals((await ask(test, "DELETE")).json.state, "stopping");
  await jobs.finished("verify");
  assertEquals((await ask(test, "GET")).json.state, "cancelled");
});

Deno.test("/admin/verify is for operators alone, and is 501 for a store without maintenance", async () => {
  const { test, jobs, calls } = openApp();
  await using _ = test;
  for (const method of ["GET", "POST", "DELETE"]) {
    for (const login of ["nobody", "user"] as const) {
      assertEquals((await ask(test, method, login)).status, 401);
    }
  }
  assertEquals(calls.length, 0);
  await jobs.close();
  await using without = openTestApp();
  assertEquals((await ask(without, "POST")).status, 501);
});

Deno.test("POST /admin/verify while the server stops is 503", async () => {
  const { test, jobs } = openApp();
  await using _ = test;
  await jobs.close();
  assertEquals((await ask(test, "POST")).status, 503);
});
