/**
 * Every expected version on a stream in every state, for appends and deletes
 * (spec: streams §3 and §4).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  type TestAnswer,
  type TestApp,
} from "../support/test_app.ts";

/** States of a stream: the number of its last event, and what became of it. */
const STATES = [
  { name: "missing", last: -1 },
  { name: "of one event", last: 0 },
  { name: "of three events", last: 2 },
  { name: "truncated", last: 2, metadata: { $tb: 2 } },
  { name: "with metadata alone", last: -1, metadata: { custom: 1 } },
  { name: "soft-deleted", last: 2, deleted: "soft" },
  { name: "soft-deleted, never there", last: -1, deleted: "soft" },
  { name: "hard-deleted", last: 2, deleted: "hard" },
  { name: "hard-deleted, never there", last: -1, deleted: "hard" },
] as const satisfies readonly StreamState[];

interface StreamState {
  readonly name: string;
  readonly last: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly deleted?: "soft" | "hard";
}

/** Values of ES-ExpectedVersion and what they say; undefined: nothing. */
const VERSIONS: readonly (readonly [string, number | undefined])[] = [
  ["-2", -2],
  ["-1", -1],
  ["-4", -4],
  ["0", 0],
  ["1", 1],
  ["2", 2],
  ["3", 3],
  [" 2 ", 2],
  ["02", 2],
  ["+2", 2],
  ["9999999999", 9_999_999_999],
  ["9223372036854775807", 2 ** 63],
  ["9223372036854775808", undefined],
  ["-3", undefined],
  ["-5", undefined],
  ["1.5", undefined],
  ["2e0", undefined],
  ["0x2", undefined],
  ["abc", undefined],
  ["", undefined],
];

for (const state of STATES) {
  Deno.test(`each expected version on a stream that is ${state.name}`, async () => {
    await using app = openTestApp();
    for (const [index, [header, version]] of VERSIONS.entries()) {
      const headers = { "ES-ExpectedVersion": header };
      const appended = `appended-${index}`;
      await prepare(app, appended, state);
      const append = await app.append(appended, [event()], headers);
      assertEquals(shown(append), wantedAppend(state, version), header);

      for (const isHard of [false, true]) {
        const deleted = `deleted-${index}-${isHard}`;
        await prepare(app, deleted, state);
        const answer = await app.send(`/streams/${deleted}`, {
          method: "DELETE",
          headers: { ...headers, "ES-HardDelete": String(isHard) },
        });
        assertEquals(shown(answer), wantedDelete(state, version), header);
        const after = answer.status === 204
          ? isHard ? 410 : 404
          : statusOf(state);
        assertEquals((await app.get(`/streams/${deleted}`)).status, after);
      }
    }
  });
}

interface Shown {
  readonly status: number;
  readonly location?: string | undefined;
  readonly currentVersion?: string;
}

function shown({ status, headers }: TestAnswer): Shown {
  const location = headers.get("Location");
  const currentVersion = headers.get("ES-CurrentVersion");
  return {
    status,
    ...(location !== null && { location: location.split("/").at(-1) }),
    ...(currentVersion !== null && { currentVersion }),
  };
}

function wantedAppend(
  { last, deleted, metadata }: StreamState,
  version: number | undefined,
): Shown {
  if (version === undefined) return { status: 400 };
  if (deleted === "hard") return { status: 410 };
  if (version === -4 && deleted === "soft") return { status: 410 };
  const isThere = last >= 0 || metadata !== undefined;
  const isMet = version === -2 || version === last ||
    (version === -4 && isThere) || (version === -1 && deleted === "soft");
  return isMet
    ? { status: 201, location: String(last + 1) }
    : { status: 400, currentVersion: String(last) };
}

/** Deletes are refused as appends are, but say no current version. */
function wantedDelete(
  state: StreamState,
  version: number | undefined,
): Shown {
  const { status } = wantedAppend(state, version);
  return { status: status === 201 ? 204 : status };
}

function statusOf({ last, deleted }: StreamState): number {
  if (deleted === "hard") return 410;
  return deleted === "soft" || last < 0 ? 404 : 200;
}

async function prepare(
  app: TestApp,
  name: string,
  { last, metadata, deleted }: StreamState,
): Promise<void> {
  if (last >= 0) {
    const events = Array.from({ length: last + 1 }, event);
    assertEquals((await app.append(name, events)).status, 201);
  }
  if (metadata !== undefined) {
    const document = { ...event(), eventType: "$metadata", data: metadata };
    assertEquals((await app.append(`$$${name}`, [document])).status, 201);
  }
  if (deleted === undefined) return;
  const { status } = await app.send(`/streams/${name}`, {
    method: "DELETE",
    headers: { "ES-HardDelete": String(deleted === "hard") },
  });
  assertEquals(status, 204);
}

let eventCount = 0;

function event() {
  return { eventId: testUuid(++eventCount), eventType: "t" };
}
