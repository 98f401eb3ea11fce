/**
 * Clients that append and read over HTTP, side by side, and write down when
 * they asked what and what they were told.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Random } from "../support/random.ts";
import type { Operation } from "./linearizable.ts";
import type { StreamInput, StreamOutput } from "./stream_object.ts";

export type StreamOperation = Operation<StreamInput, StreamOutput>;

/** A history, by stream. */
export type History = Map<string, StreamOperation[]>;

/** Makes random inputs that often meet each other. */
function inputOf(
  random: Random,
  known: { heads: Map<string, number>; ids: string[] },
  streamName: string,
): StreamInput {
  const head = known.heads.get(streamName) ?? -1;
  const kind = random.integer(0, 99);
  if (kind < 20) return { kind: "readHead" };
  if (kind < 35) {
    return { kind: "readEvent", number: random.integer(0, head + 2) };
  }
  if (kind < 39) return { kind: "softDelete" };
  if (kind < 40 && streamName.startsWith("doomed")) {
    return { kind: "hardDelete" };
  }
  const expected = random.pick([
    -2,
    -2,
    -1,
    -4,
    head,
    head,
    head,
    head - 1,
    head + 1,
  ]);
  const ids = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => {
    const isOld = known.ids.length > 0 && random.chance(0.2);
    if (isOld) return random.pick(known.ids.slice(-12));
    const id = crypto.randomUUID();
    known.ids.push(id);
    return id;
  });
  // The same id twice in one batch is another matter.
  return {
    kind: "append",
    expected: Math.max(expected, -4) === -3 ? -1 : expected,
    ids: [...new Set(ids)],
  };
}

/** Asks; undefined when no answer came. */
async function ask(
  url: string,
  streamName: string,
  input: StreamInput,
): Promise<StreamOutput | undefined> {
  try {
    const stream = `${url}/streams/${streamName}`;
    switch (input.kind) {
      case "append":
        return await append(stream, input.expected, input.ids);
      case "softDelete":
      case "hardDelete": {
        const isHard = String(input.kind === "hardDelete");
        const { status, body } = await fetch(stream, {
          method: "DELETE",
          headers: { "ES-HardDelete": isHard },
        });
        await body?.cancel();
        return writeOutputOf(status, { kind: "deleted" });
      }
      case "readEvent":
        return await read(`${stream}/${input.number}?embed=body`);
      case "readHead":
        return await read(`${stream}/head/backward/1?embed=body`);
    }
  } catch (error) {
    // The server was killed.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function append(
  stream: string,
  expected: number,
  ids: readonly string[],
): Promise<StreamOutput | undefined> {
  const { status, headers, body } = await fetch(stream, {
    method: "POST",
    headers: {
      "Content-Type": "application/vnd.eventstore.events+json",
      "ES-ExpectedVersion": String(expected),
    },
    body: JSON.stringify(
      ids.map((eventId) => ({ eventId, eventType: "t", data: {} })),
    ),
  });
  await body?.cancel();
  if (status === 400) {
    const current = Number(headers.get("ES-CurrentVersion"));
    return { kind: "conflict", current };
  }
  const number = /(\d+)$/.exec(headers.get("Location") ?? "")?.[1];
  return writeOutputOf(status, { kind: "written", first: Number(number) });
}

function writeOutputOf(
  status: number,
  done: StreamOutput,
): StreamOutput | undefined {
  if (status === 410) return { kind: "gone" };
  // It may have happened all the same.
  if (status === 503) return undefined;
  assert(status === 201 || status === 204, `status ${status}`);
  return done;
}

async function read(url: string): Promise<StreamOutput | undefined> {
  const response = await fetch(url, {
    headers: { Accept: "application/vnd.eventstore.atom+json" },
  });
  if (response.status === 410) {
    await response.body?.cancel();
    return { kind: "gone" };
  }
  if (response.status === 503) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.status === 404) {
    await response.body?.cancel();
    return { kind: "notFound" };
  }
  const document = await response.json();
  const entry = document.entries === undefined
    ? document.content
    : document.entries[0];
  if (entry === undefined) return { kind: "notFound" };
  return { kind: "event", number: entry.eventNumber, id: entry.eventId };
}

/** Runs clients side by side, each so many operations or until `isOver()`. */
export async function recordHistory(
  history: History,
  options: {
    readonly url: string;
    readonly random: Random;
    readonly clients: number;
    readonly operations: number;
    readonly streams: readonly string[];
    readonly isOver: () => boolean;
  },
): Promise<void> {
  const { url, random, clients, operations, streams, isOver } = options;
  const known = { heads: new Map<string, number>(), ids: [] };
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let count = 0; count < operations && !isOver(); count++) {
      const streamName = random.pick(streams);
      const input = inputOf(random, known, streamName);
      const calledAt = performance.now();
      const output = await ask(url, streamName, input);
      const returnedAt = output === undefined ? Infinity : performance.now();
      // A read without an answer says nothing.
      const isRead = input.kind === "readEvent" || input.kind === "readHead";
      if (output === undefined && isRead) continue;
      const list = history.get(streamName) ?? [];
      history.set(streamName, list);
      list.push({ input, output, calledAt, returnedAt });
      if (output?.kind === "written" && input.kind === "append") {
        known.heads.set(streamName, output.first + input.ids.length - 1);
      }
      if (output?.kind === "conflict") {
        known.heads.set(streamName, output.current);
      }
    }
  }));
}
