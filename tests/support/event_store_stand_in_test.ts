import { assert, assertEquals } from "@std/assert";
import { isAnswer, readArea } from "../conformance/recording.ts";
import {
  createStandIn,
  type StandInEvent,
  standInStore,
} from "./event_store_stand_in.ts";

const EVENTS: readonly StandInEvent[] = [0, 1, 2, 3, 4].map((number) => ({
  streamId: "$projections-$master",
  eventNumber: number,
  eventId: `12f5546a-d88e-41bf-9200-33700000000${number}`,
  eventType: "$statistics-report",
  isJson: true,
  data: "{}",
  updated: "2026-11-21T17:07:14.379548Z",
}));
const TOMBSTONE: StandInEvent = {
  streamId: "gone",
  eventNumber: "tombstone",
  eventId: "2851a39d-aaaa-4f43-a44d-cdf86d00645f",
  eventType: "$streamDeleted",
  isJson: false,
  data: "",
  updated: "2026-11-21T17:07:14.119219Z",
};

/** Names of members in order, and of what they hold. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.entries(value).map(([name, member]) => [
    name,
    name === "relation" ? member : shapeOf(member),
  ]);
}

function recorded(path: string): Record<string, unknown[]> {
  const step = readArea("all").flatMap(({ steps }) => steps).find((step) =>
    step.request.path === path &&
    step.request.headers["Accept"]?.endsWith("atom+json") === true
  );
  assert(step !== undefined && isAnswer(step.response));
  return JSON.parse(step.response.body ?? "");
}

for (
  const path of [
    "/streams/$all/00000000000000000000000000000000/forward/3",
    "/streams/$all/head/backward/3",
    "/streams/$all/head/backward/3?embed=body",
  ]
) {
  Deno.test(`the stand-in answers ${path} in the form that was recorded`, async () => {
    const wanted = recorded(path);
    const { handle } = createStandIn(
      standInStore([...EVENTS.slice(0, 3), TOMBSTONE, ...EVENTS.slice(3, 4)]),
    );
    const response = await handle(
      new Request(`http://127.0.0.1:2113${path}`, {
        headers: { Authorization: "Basic " + btoa("admin:changeit") },
      }),
    );
    const answered = JSON.parse(await response.text());
    const { entries: wantedEntries = [], ...wantedPage } = wanted;
    const { entries, ...page } = answered;
    assertEquals(shapeOf(page), shapeOf(wantedPage));
    assertEquals(entries.length, 3);
    // Entries of the recording that are of other kinds.
    assertEquals(shapeOf(entries[0]), shapeOf(wantedEntries[0]));
    if (path.includes("head")) {
      assertEquals(shapeOf(entries[1]), shapeOf(wantedEntries[1]));
    }
  });
}
