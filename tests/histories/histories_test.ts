/**
 * Concurrent histories over HTTP, checked for linearizability by the method of
 * `linearizable.ts` against the rules of `stream_object.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { startServer } from "../support/program.ts";
import { withSeed } from "../support/random.ts";
import { createStoreDirectory } from "../support/store_directory.ts";
import { isLinearizable } from "./linearizable.ts";
import {
  type History,
  recordHistory,
  type StreamOperation,
} from "./recorder.ts";
import { STREAM_OBJECT } from "./stream_object.ts";

function check(history: History): void {
  for (const [streamName, operations] of history) {
    assert(
      isLinearizable(STREAM_OBJECT, operations),
      `The history of ${streamName} is not linearizable:\n` +
        operations.map((operation) => JSON.stringify(operation)).join("\n"),
    );
  }
}

function countAnswered(history: History): number {
  return [...history.values()].flat()
    .filter(({ output }) => output !== undefined).length;
}

Deno.test("appends with expected versions and reads, side by side, are linearizable", async () => {
  await withSeed(async (random) => {
    await using directory = await createStoreDirectory();
    await using server = await startServer([`--db=${directory.path}`]);
    const all: History = new Map();
    for (let round = 0; round < 12; round++) {
      const history: History = new Map();
      await recordHistory(history, {
        url: server.url,
        random,
        clients: 8,
        operations: 25,
        streams: [`one-${round}`, `two-${round}`, `doomed-${round}`],
        isOver: () => false,
      });
      check(history);
      for (const [name, operations] of history) all.set(name, operations);
    }
    assertGreater(countAnswered(all), 2000);
  });
});

Deno.test("so they are when the server is killed in between and starts again", async () => {
  await withSeed(async (random) => {
    await using directory = await createStoreDirectory();
    for (let round = 0; round < 4; round++) {
      const history: History = new Map();
      for (let life = 0; life < 3; life++) {
        const server = await startServer([`--db=${directory.path}`]);
        let isKilled = false;
        const recording = recordHistory(history, {
          url: server.url,
          random,
          clients: 6,
          operations: life === 2 ? 8 : 1000,
          streams: [`one-${round}`, `two-${round}`, `three-${round}`],
          isOver: () => isKilled,
        });
        if (life < 2) {
          await new Promise((go) => setTimeout(go, random.integer(10, 60)));
          isKilled = true;
          server.kill("SIGKILL");
        }
        await recording;
        await server[Symbol.asyncDispose]();
      }
      check(history);
    }
  });
});

/** An operation that lasts from the one moment to the other. */
function lasting(
  [calledAt, returnedAt]: readonly [number, number],
  input: StreamOperation["input"],
  output?: StreamOperation["output"],
): StreamOperation {
  return { input, output, calledAt, returnedAt };
}

const A = { kind: "append", expected: -1, ids: ["a"] } as const;
const B = { kind: "append", expected: -1, ids: ["b"] } as const;
const HEAD = { kind: "readHead" } as const;
const WRITTEN = { kind: "written", first: 0 } as const;
const IS_A = { kind: "event", number: 0, id: "a" } as const;

const HISTORIES: Record<string, [boolean, StreamOperation[]]> = {
  "two who expect nothing, both written": [false, [
    lasting([0, 2], A, WRITTEN),
    lasting([1, 3], B, WRITTEN),
  ]],
  "two who expect nothing, one written": [true, [
    lasting([0, 2], A, WRITTEN),
    lasting([1, 3], B, { kind: "conflict", current: 0 }),
  ]],
  "a read that misses what was answered before": [false, [
    lasting([0, 1], A, WRITTEN),
    lasting([2, 3], HEAD, { kind: "notFound" }),
  ]],
  "a read that misses what is under way": [true, [
    lasting([0, 5], A, WRITTEN),
    lasting([2, 3], HEAD, { kind: "notFound" }),
  ]],
  "a read of what is taken back": [false, [
    lasting([0, 9], A, WRITTEN),
    lasting([1, 2], HEAD, IS_A),
    lasting([3, 4], HEAD, { kind: "notFound" }),
  ]],
  "an append without an answer that is found": [true, [
    lasting([0, Infinity], A),
    lasting([2, 3], HEAD, IS_A),
  ]],
  "an append without an answer that is not found, then found": [true, [
    lasting([0, Infinity], A),
    lasting([2, 3], HEAD, { kind: "notFound" }),
    lasting([4, 5], HEAD, IS_A),
  ]],
  "a repetition of what was deleted, written again": [true, [
    lasting([0, 1], A, WRITTEN),
    lasting([2, 3], { kind: "softDelete" }, { kind: "deleted" }),
    lasting([4, 5], A, { kind: "written", first: 1 }),
    lasting([6, 7], HEAD, { kind: "event", number: 1, id: "a" }),
  ]],
  "a repetition of what was deleted, told its old number": [false, [
    lasting([0, 1], A, WRITTEN),
    lasting([2, 3], { kind: "softDelete" }, { kind: "deleted" }),
    lasting([4, 5], A, WRITTEN),
  ]],
  "a repetition told another number": [false, [
    lasting([0, 1], A, WRITTEN),
    lasting([2, 3], A, { kind: "written", first: 1 }),
  ]],
};

for (const [what, [isExpected, operations]] of Object.entries(HISTORIES)) {
  Deno.test(`a history, ${what}, is ${isExpected ? "" : "not "}linearizable`, () => {
    assertEquals(isLinearizable(STREAM_OBJECT, operations), isExpected);
  });
}
