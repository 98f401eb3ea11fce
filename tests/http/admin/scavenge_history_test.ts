/**
 * `$scavenges` and `$scavenges-<id>`: what comes of scavenges over HTTP, also
 * of those that are stopped, that fail, that a crash ends, and while the store
 * takes no writes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { JobBoard } from "../../../lib/maintenance/job_board.ts";
import { openMaintenance } from "../../../lib/maintenance/maintenance_service.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { EventStore } from "../../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import type { MaintainedStore } from "../../../lib/store/event_store.ts";
import type {
  ScavengeReport,
  StoreMaintenance,
} from "../../../lib/store/maintenance.ts";
import { openStore } from "../../../storage/mod.ts";
import { createTestClock, createTestIds } from "../../support/events.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestApp,
} from "../../support/test_app.ts";

const ADMIN = { Authorization: TEST_LOGINS.admin };
const JSON_FEED = "application/vnd.eventstore.atom+json";

const NOTHING_SCAVENGED: ScavengeReport = {
  segmentCount: 0,
  scavengedCount: 0,
  removedCount: 0,
  freedBytes: 0,
  isActiveSealed: false,
  isComplete: true,
  skipped: [],
};

/** What a test changes of the store that the app sees. */
interface Changes {
  readOnlyReason?: string | undefined;
  /** Appends after which the process is as good as dead. */
  appendsLeft?: number | undefined;
  scavenge?: StoreMaintenance["scavenge"];
}

/** A store in memory, with whatever `changes` say at the moment. */
async function openParts() {
  const clock = createTestClock();
  const newId = createTestIds();
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 4096,
    clock,
    newEventId: newId,
    logger: SILENT_LOGGER,
  });
  const changes: Changes = {};
  const maintenance: StoreMaintenance = {
    isReadOnly: false,
    figures: () => store.maintenance.figures(),
    verify: (request, control) => store.maintenance.verify(request, control),
    openBackup: (request) => store.maintenance.openBackup(request),
    scavenge: (request, control) =>
      (changes.scavenge ?? store.maintenance.scavenge.bind(store.maintenance))(
        request,
        control,
      ),
  };
  const changed = new Proxy(store, {
    get(target, name) {
      if (name === "maintenance") return maintenance;
      if (name === "append" && changes.readOnlyReason !== undefined) {
        return () => Promise.reject(new Error("Written while read-only"));
      }
      if (name === "append" && changes.appendsLeft !== undefined) {
        if (changes.appendsLeft === 0) {
          return () => Promise.reject(new Error("The process is gone"));
        }
        changes.appendsLeft--;
      }
      if (name === "status") {
        return () => ({
          ...target.status(),
          readOnlyReason: changes.readOnlyReason,
        });
      }
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as MaintainedStore;
  return { clock, newId, store: changed, changes, close: () => store.close() };
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/** A server over the parts, as it is after a start. */
async function openServer({ clock, newId, store, changes }: Parts) {
  const maintenance = await openMaintenance({
    store,
    clock,
    newEventId: newId,
    logger: SILENT_LOGGER,
    version: "0.0.0",
    history: { nodeEndpoint: "127.0.0.1:2113", maxAgeDays: 30 },
  });
  const test = openTestApp({ store, clock, app: { maintenance } });
  return {
    test,
    maintenance,
    changes,
    /** Scavenges to its end. */
    async scavenge(): Promise<string> {
      const { status } = await test.send("/admin/scavenge", {
        method: "POST",
        headers: ADMIN,
      });
      assertEquals(status, 200);
      await maintenance.jobs.finished("scavenge");
      return maintenance.jobs.status("scavenge")?.id ?? "";
    },
    async close() {
      await maintenance.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

async function withServer(
  work: (server: Awaited<ReturnType<typeof openServer>>) => Promise<void>,
): Promise<void> {
  const parts = await openParts();
  const server = await openServer(parts);
  await work(server);
  await server.close();
  await parts.close();
}

interface ShownEvent {
  readonly title: string;
  readonly eventType: string;
  readonly data: Record<string, unknown>;
}

/** Events of a stream, links followed, oldest first. */
async function eventsOf(test: TestApp, name: string): Promise<ShownEvent[]> {
  const path = `/streams/${encodeURIComponent(name)}?embed=body`;
  const { status, body } = await test.get(path, JSON_FEED, ADMIN);
  assertEquals(status, 200, name);
  return JSON.parse(body).entries.reverse().map((
    { title, eventType, data }: {
      title: string;
      eventType: string;
      data?: string;
    },
  ) => ({ title, eventType, data: JSON.parse(data ?? "null") }));
}

async function fill(store: EventStore): Promise<void> {
  for (let number = 0; number < 60; number++) {
    await store.append({
      streamName: "cart-1",
      expectedVersion: "any",
      events: [{
        eventId: crypto.randomUUID(),
        eventType: "added",
        isJson: true,
        data: JSON.stringify({ text: "x".repeat(100) }),
        metadata: "",
      }],
    });
  }
  await store.deleteStream({
    streamName: "cart-1",
    expectedVersion: "any",
    mode: "hard",
  });
}

Deno.test("a scavenge has a stream of its own, and $scavenges links to it", async () => {
  await withServer(async ({ test, maintenance, scavenge }) => {
    await fill(test.store);
    const id = await scavenge();
    const { result } = maintenance.jobs.status("scavenge") ?? {};
    const { freedBytes, scavengedCount } = result as {
      freedBytes: number;
      scavengedCount: number;
    };
    assert(scavengedCount > 1);
    const own = await eventsOf(test, `$scavenges-${id}`);
    const [started, ...rest] = own;
    assertEquals(started?.eventType, "$scavengeStarted");
    const name = { scavengeId: id, nodeEndpoint: "127.0.0.1:2113" };
    assertEquals(started?.data, name);
    const completed = rest.pop();
    assertEquals(completed?.eventType, "$scavengeCompleted");
    assertEquals(
      { ...completed?.data, timeTaken: undefined },
      {
        ...name,
        result: "Success",
        error: null,
        timeTaken: undefined,
        spaceSaved: freedBytes,
      },
    );
    assert(/^\d\d:\d\d:\d\d/.test(String(completed?.data.timeTaken)));
    assertEquals(rest.length, scavengedCount);
    let saved = 0;
    for (const { eventType, data } of rest) {
      assertEquals(eventType, "$scavengeChunksCompleted");
      assertEquals([data.scavengeId, data.wasScavenged, data.errorMessage], [
        id,
        true,
        "",
      ]);
      saved += Number(data.spaceSaved);
    }
    assertEquals(saved, freedBytes);

    const listed = await eventsOf(test, "$scavenges");
    assertEquals(listed.map(({ title, eventType }) => [title, eventType]), [
      ["0@$scavenges", "$scavengeIndexInitialized"],
      [`0@$scavenges-${id}`, "$scavengeStarted"],
      [`${own.length - 1}@$scavenges-${id}`, "$scavengeCompleted"],
    ]);
    for (const stream of ["$scavenges", `$scavenges-${id}`]) {
      const path = `/streams/${encodeURIComponent(stream)}`;
      const { body } = await test.get(
        `${path}/metadata`,
        "application/json",
        ADMIN,
      );
      assertEquals(JSON.parse(body), { $maxAge: 2_592_000 });
      assertEquals((await test.get(path, JSON_FEED)).status, 401);
    }

    await scavenge();
    const both = await eventsOf(test, "$scavenges");
    assertEquals(both.length, 5);
  });
});

Deno.test("a scavenge that is stopped is Stopped, one that fails says why", async () => {
  await withServer(async ({ test, maintenance, changes, scavenge }) => {
    changes.scavenge = (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        maintenance.jobs.cancel("scavenge");
      });
    const stopped = await scavenge();
    changes.scavenge = () =>
      Promise.reject(new QuipuError("storeFull", "no room"));
    const failed = await scavenge();
    const ends = async (id: string) => {
      const last = (await eventsOf(test, `$scavenges-${id}`)).at(-1);
      return [last?.data.result, last?.data.error];
    };
    assertEquals(await ends(stopped), ["Stopped", null]);
    assertEquals(await ends(failed), ["Failed", "no room"]);
  });
});

Deno.test("nothing is written while nothing can be; it is when it can again", async () => {
  await withServer(async ({ test, maintenance, changes, scavenge }) => {
    await fill(test.store);
    changes.readOnlyReason = "the disk is full";
    const id = await scavenge();
    const { status } = await test.get(
      "/streams/%24scavenges",
      JSON_FEED,
      ADMIN,
    );
    assertEquals(status, 404);
    changes.readOnlyReason = undefined;
    await maintenance.scavengeHistory?.flush();
    const types = (await eventsOf(test, `$scavenges-${id}`))
      .map(({ eventType }) => eventType);
    assertEquals([types[0], types.at(-1)], [
      "$scavengeStarted",
      "$scavengeCompleted",
    ]);
    assertEquals((await eventsOf(test, "$scavenges")).length, 3);
  });
});

Deno.test("what a crash ended has failed after the next start, once", async () => {
  const parts = await openParts();
  const { changes, clock, newId } = parts;
  const crashed = await openServer(parts);
  const reached = Promise.withResolvers<void>();
  const dead = Promise.withResolvers<never>();
  changes.scavenge = (request) => {
    request.onSegment?.({
      segment: 0,
      tookUs: 5,
      freedBytes: 700,
      failure: undefined,
    });
    reached.resolve();
    return dead.promise;
  };
  const board = new JobBoard({ clock, newId, logger: SILENT_LOGGER });
  const scavengeHistory = crashed.maintenance.scavengeHistory;
  const { status } = board.start({
    kind: "scavenge",
    request: {},
    work: async ({ signal, ...control }, id) =>
      await scavengeHistory?.keep(
        id,
        signal,
        (onSegment) =>
          parts.store.maintenance.scavenge({ onSegment }, {
            ...control,
            signal,
          }),
      ),
  });
  await reached.promise;
  await crashed.close();

  const next = await openServer(parts);
  const last = (await eventsOf(next.test, `$scavenges-${status.id}`)).at(-1);
  assertEquals(last?.eventType, "$scavengeCompleted");
  assertEquals(
    [last?.data.result, last?.data.error, last?.data.spaceSaved],
    ["Failed", "The node was restarted.", 700],
  );
  assertEquals((await eventsOf(next.test, "$scavenges")).length, 3);
  await next.close();
  const third = await openServer(parts);
  assertEquals((await eventsOf(third.test, "$scavenges")).length, 3);
  await third.close();
  await parts.close();
  // The scavenge of the process that is gone ends into nowhere.
  dead.reject(new Error("gone"));
  await board.close();
});

Deno.test("a crash between any two writes leaves no scavenge unlisted or without an end", async () => {
  const report = {
    segment: 0,
    tookUs: 5,
    freedBytes: 700,
    failure: undefined,
  };
  let isWhole = false;
  let unknownCount = 0;
  for (let crashAfter = 0; !isWhole; crashAfter++) {
    const parts = await openParts();
    const { store, changes } = parts;
    changes.scavenge = (request) => {
      request.onSegment?.(report);
      return Promise.resolve({ ...NOTHING_SCAVENGED, freedBytes: 700 });
    };
    const crashed = await openServer(parts);
    changes.appendsLeft = crashAfter;
    const id = await crashed.scavenge();
    await crashed.close();
    isWhole = changes.appendsLeft > 0;
    changes.appendsLeft = undefined;

    const own = `$scavenges-${id}`;
    const endBefore = (await store.readEnd()).end;
    const isUnknown = (await store.readState(own)).head < 0;
    for (const start of ["next", "second"]) {
      const about = `crash after ${crashAfter} appends, ${start} start`;
      const server = await openServer(parts);
      const { head } = await store.readState(own);
      if (head < 0) {
        // Not even a link to it: it never began.
        assert((await store.readState("$scavenges")).head < 1, about);
      } else {
        const listed = await eventsOf(server.test, "$scavenges");
        assertEquals(listed.map(({ title, eventType }) => [title, eventType]), [
          ["0@$scavenges", "$scavengeIndexInitialized"],
          [`0@${own}`, "$scavengeStarted"],
          [`${head}@${own}`, "$scavengeCompleted"],
        ], about);
        const events = await eventsOf(server.test, own);
        const types = events.map(({ eventType }) => eventType);
        assertEquals([types[0], types.at(-1), types.length], [
          "$scavengeStarted",
          "$scavengeCompleted",
          head + 1,
        ], about);
        // What nobody knows any more is not told as zero.
        const { timeTaken, spaceSaved } = events.at(-1)?.data ?? {};
        assertEquals(timeTaken === null, isUnknown, about);
        assertEquals(spaceSaved === null, isUnknown, about);
        unknownCount += isUnknown ? 1 : 0;
      }
      await server.close();
    }
    if (isWhole) assertEquals((await store.readEnd()).end, endBefore);
    await parts.close();
  }
  assert(unknownCount > 0);
});
