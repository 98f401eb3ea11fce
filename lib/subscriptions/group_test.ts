import { assertEquals } from "@std/assert";
import { testUuid } from "../../tests/support/events.ts";
import { type Random, withSeed } from "../../tests/support/random.ts";
import { unresolved } from "../streams/resolve_links.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { NackAction } from "./contract.ts";
import {
  type Delivery,
  Group,
  type GroupRules,
  type SourceMessage,
} from "./group.ts";
import type { Done } from "./progress.ts";

const RULES: GroupRules = {
  messageTimeoutMs: 1000,
  maxRetryCount: 2,
  bufferSize: 10,
  readBatchSize: 5,
  outstandingMax: 100,
  doneRangesMax: 100,
};

function aMessage(
  place: number,
  changes: Partial<SourceMessage> = {},
): SourceMessage {
  const event = {
    streamName: "s",
    eventNumber: place,
    eventId: testUuid(place),
    eventType: "tested",
    isJson: true,
    data: encodeUtf8("{}"),
    metadata: encodeUtf8(""),
    createdAtUs: 0,
    logPosition: place,
  };
  return {
    origin: "source",
    place,
    id: testUuid(place),
    order: place,
    event: unresolved(event),
    sizeBytes: 10,
    ...changes,
  };
}

function messages(...places: number[]): SourceMessage[] {
  return places.map((place) => aMessage(place));
}

function aGroup(
  rules: Partial<GroupRules> = {},
  start: Partial<Done> = {},
): Group {
  return new Group({ ...RULES, ...rules }, {
    donePlace: -1,
    doneRanges: [],
    ...start,
  });
}

function shown(deliveries: readonly Delivery[]): string {
  return deliveries.map(({ message, retryCount }) =>
    `${message.place}${"*".repeat(retryCount)}`
  ).join(" ");
}

function take(group: Group, count: number, nowMs = 0): string {
  return shown(group.take(count, { nowMs }));
}

Deno.test("a message is in flight until it is answered, and handed out once", () => {
  const group = aGroup();
  group.add(messages(0, 1, 2));
  assertEquals([take(group, 2), take(group, 2), take(group, 2)], [
    "0 1",
    "2",
    "",
  ]);
  assertEquals(group.inFlightCount, 3);
  assertEquals([group.ack(testUuid(1)), group.ack(testUuid(1))], [true, false]);
  assertEquals([group.inFlightCount, group.progress.value], [2, -1]);
  group.ack(testUuid(0));
  assertEquals([group.progress.value, group.sizeBytes], [1, 10]);
});

/** What becomes of message 0 of two in flight, by what is said of it. */
const ANSWERS: readonly [NackAction, string, number, number][] = [
  ["retry", "0* 2", 0, -1],
  ["park", "2", 1, -1],
  ["skip", "2", 0, 0],
  ["stop", "2", 0, 0],
];

for (const [action, next, parkingCount, value] of ANSWERS) {
  Deno.test(`nack with ${action}: what is handed out next, and what counts as done`, () => {
    const group = aGroup();
    group.add(messages(0, 1, 2));
    take(group, 2);
    group.nack(testUuid(0), action);
    assertEquals(group.parkingCount, parkingCount);
    assertEquals(group.progress.value, value);
    assertEquals(take(group, 5), next);
  });
}

Deno.test("retries come before new messages, in order of their numbers", () => {
  const group = aGroup();
  group.add(messages(0, 1, 2, 3));
  take(group, 3);
  for (const number of [2, 0]) group.nack(testUuid(number), "retry");
  assertEquals(take(group, 9), "0* 2* 3");
});

Deno.test("retried links come by the numbers of what they link to", () => {
  const group = aGroup();
  group.add([aMessage(0, { order: 7 }), aMessage(1, { order: 3 })]);
  take(group, 2);
  for (const number of [0, 1]) group.nack(testUuid(number), "retry");
  assertEquals(take(group, 9), "1* 0*");
});

Deno.test("with n retries a message is handed out n + 1 times, then parked", () => {
  const group = aGroup();
  group.add(messages(0));
  const seen = [take(group, 1)];
  group.expire(999);
  seen.push(take(group, 1, 999));
  group.expire(1000);
  seen.push(take(group, 1, 1000));
  group.nack(testUuid(0), "retry");
  seen.push(take(group, 1, 1000));
  group.expire(2000);
  assertEquals([...seen, take(group, 1, 2000)], ["0", "", "0*", "0**", ""]);
  assertEquals(group.parkings.map(({ reason }) => reason), [
    { kind: "retriesSpent", retryCount: 2 },
  ]);
});

Deno.test("a message that ran out of time cannot be acknowledged before it is handed out again", () => {
  const group = aGroup();
  group.add(messages(0));
  take(group, 1);
  group.expire(1000);
  assertEquals([group.ack(testUuid(0)), group.retryCount], [false, 1]);
  take(group, 1, 1000);
  assertEquals([group.ack(testUuid(0)), group.progress.value], [true, 0]);
});

Deno.test("of two messages with one id the lower one is acknowledged first", () => {
  const group = aGroup();
  group.add([
    aMessage(0, { id: testUuid(9) }),
    aMessage(1, { id: testUuid(9) }),
  ]);
  take(group, 2);
  assertEquals(group.inFlightCount, 1);
  group.ack(testUuid(9));
  assertEquals([group.progress.value, group.inFlightCount], [0, 1]);
  group.ack(testUuid(9));
  assertEquals([group.progress.value, group.inFlightCount], [1, 0]);
});

Deno.test("a parked message counts as outstanding until its link is durable", () => {
  const group = aGroup();
  group.add(messages(0));
  take(group, 1);
  group.nack(testUuid(0), "park");
  assertEquals([group.progress.value, group.outstandingCount], [-1, 1]);
  for (const parking of group.parkings) group.finishParking(parking);
  assertEquals([group.progress.value, group.outstandingCount], [0, 0]);
  assertEquals([group.parkedTotal, group.sizeBytes], [1, 0]);
});

Deno.test("what a consumer holds goes back when it is gone, as if never handed out", () => {
  const group = aGroup();
  const [gone, other] = [{}, {}];
  group.add(messages(0, 1, 2));
  group.take(2, { nowMs: 0, consumer: gone });
  group.take(1, { nowMs: 0, consumer: other });
  assertEquals([group.heldCount(gone), group.heldCount(other)], [2, 1]);
  group.release(gone);
  assertEquals([group.heldCount(gone), take(group, 9)], [0, "0 1"]);
});

Deno.test("a message of the source and a parked one with its number are two", () => {
  const group = aGroup();
  group.add(messages(0));
  take(group, 1);
  group.beginReplay({ donePlace: -1, doneRanges: [] });
  const parked = aMessage(0, { origin: "parked", id: testUuid(50) });
  group.addReplayed([parked], () => false);
  assertEquals([take(group, 1), group.inFlightCount], ["0", 2]);
  group.ack(testUuid(50));
  assertEquals([group.progress.value, group.replay?.value], [-1, 0]);
});

Deno.test("messages that were done before a restart are never handed out", () => {
  const start = { donePlace: 1, doneRanges: [[3, 4], [6, 6]] } as const;
  const group = aGroup({}, start);
  group.add(messages(2, 3, 4, 5, 6));
  assertEquals([group.bufferedCount, take(group, 9)], [2, "2 5"]);
  group.ack(testUuid(5));
  assertEquals(group.progress.value, 1);
  assertEquals(group.progress.done.doneRanges, [[3, 6]]);
  group.ack(testUuid(2));
  assertEquals(group.progress.value, 6);
});

Deno.test("what waits behind a message that is done does not count as done", () => {
  const group = aGroup({}, { doneRanges: [[1, 1]] });
  group.add(messages(0, 1, 2));
  assertEquals(group.progress.value, -1);
  take(group, 1);
  group.ack(testUuid(0));
  assertEquals([group.progress.value, take(group, 1)], [1, "2"]);
});

Deno.test("the source may be passed only once all that was read is handed out", () => {
  const group = aGroup();
  group.add(messages(3));
  group.pass(9);
  assertEquals(group.progress.value, -1);
  take(group, 1);
  assertEquals(group.progress.value, 2);
  group.ack(testUuid(3));
  assertEquals(group.progress.value, 9);
});

Deno.test("a page is wanted while it fits in behind what waits", () => {
  const group = aGroup();
  const seen: boolean[] = [group.wantsMore];
  group.add(messages(0, 1, 2, 3));
  seen.push(group.wantsMore);
  group.add(messages(4));
  seen.push(group.wantsMore);
  take(group, 5);
  seen.push(group.wantsMore);
  for (let number = 0; number < 5; number++) {
    group.nack(testUuid(number), "retry");
  }
  seen.push(group.wantsMore);
  assertEquals(seen, [true, true, false, true, false]);
});

Deno.test("no more than the bounds allow is handed out and not answered", () => {
  const group = aGroup({ outstandingMax: 2 });
  group.add(messages(0, 1, 2));
  assertEquals([take(group, 9), take(group, 9), group.hasWaiting], [
    "0 1",
    "",
    false,
  ]);
  group.nack(testUuid(1), "retry");
  assertEquals(take(group, 9), "1*");
  group.ack(testUuid(0));
  assertEquals(take(group, 9), "2");
});

Deno.test("bytes bound what is taken at once, but one message is", () => {
  const group = aGroup();
  group.add(messages(0, 1, 2));
  const bytesMax = 20;
  assertEquals(shown(group.take(9, { nowMs: 0, bytesMax })), "0 1");
  assertEquals(shown(group.take(9, { nowMs: 0, bytesMax: 1 })), "2");
});

Deno.test("a consumer takes the messages meant for it, and leaves the others in order", () => {
  const group = aGroup();
  group.add(messages(0, 1, 2, 3, 4));
  const isOdd = ({ place }: SourceMessage) => place % 2 === 1;
  const odd = group.take(2, { nowMs: 0, accepts: isOdd });
  assertEquals([shown(odd), group.hasWaitingFor(isOdd)], ["1 3", false]);
  assertEquals(take(group, 9), "0 2 4");
  for (let number = 0; number < 5; number++) group.ack(testUuid(number));
  assertEquals([group.progress.value, group.sizeBytes], [4, 0]);
});

Deno.test("a buffer that is given up is read again from its first message", () => {
  const group = aGroup({}, { doneRanges: [[2, 2]] });
  group.add(messages(0, 1, 2, 3));
  take(group, 1);
  assertEquals([group.dropBuffer(), group.dropBuffer()], [1, undefined]);
  assertEquals([group.sizeBytes, group.bufferedCount], [10, 0]);
  group.add(messages(1, 2, 3));
  assertEquals(take(group, 9), "1 3");
});

/** One life of a group, until it is cut off: what it handed out and finished. */
function liveOnce(random: Random, start: Done, sourceCount: number) {
  const group = aGroup({ bufferSize: 20 }, start);
  const held = new Set<number>();
  const finished = new Set<number>();
  const attempts = new Map<number, number>();
  let next = start.donePlace + 1;
  let nowMs = 0;
  for (let step = random.integer(0, 300); step > 0; step--) {
    const place = held.size === 0 ? 0 : random.pick([...held]);
    switch (random.integer(0, 6)) {
      case 0:
        if (group.wantsMore && next < sourceCount) {
          const end = Math.min(next + RULES.readBatchSize, sourceCount);
          group.add(messages(...range(next, end)));
          next = end;
        }
        break;
      case 1:
      case 2: {
        const taken = group.take(random.integer(1, 6), { nowMs });
        for (const { message, retryCount } of taken) {
          assertEquals(held.has(message.place), false, "held by two");
          assertEquals(finished.has(message.place), false, "done, and again");
          assertEquals(retryCount, attempts.get(message.place) ?? 0);
          held.add(message.place);
        }
        break;
      }
      case 3:
      case 4:
        if (group.ack(testUuid(place))) {
          held.delete(place);
          finished.add(place);
        } else assertEquals(held.has(place), false);
        break;
      case 5: {
        if (!held.has(place)) break;
        const action = random.pick(["park", "retry", "skip"] as const);
        group.nack(testUuid(place), action);
        held.delete(place);
        if (action === "retry") countUp(attempts, place);
        if (action === "skip") finished.add(place);
        break;
      }
      case 6: {
        nowMs += random.integer(0, 700);
        group.expire(nowMs);
        for (const other of [...held]) {
          if (group.heldCount({}) > 0) break;
          const isInFlight = group.ack(testUuid(other));
          if (isInFlight) finished.add(other);
          else countUp(attempts, other);
          held.delete(other);
        }
      }
    }
    for (const parking of group.parkings) {
      const { message: { place }, reason } = parking;
      const isSpent = reason.kind === "retriesSpent";
      if (isSpent) assertEquals(attempts.get(place), RULES.maxRetryCount + 1);
      if (random.chance(0.5)) {
        group.finishParking(parking);
        finished.add(place);
      }
    }
  }
  return { group, finished };
}

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, index) => from + index);
}

function countUp(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

Deno.test("whatever consumers do, nothing is lost and nothing done comes again", () =>
  withSeed((random) => {
    for (let round = 0; round < 30; round++) {
      const sourceCount = 200;
      const done = new Set<number>();
      let start: Done = { donePlace: -1, doneRanges: [] };
      for (let life = 0; life < 5; life++) {
        const { group, finished } = liveOnce(random, start, sourceCount);
        for (const place of finished) {
          assertEquals(done.has(place), false, "done in an earlier life");
          done.add(place);
        }
        start = group.progress.done;
        const { donePlace: value, doneRanges } = start;
        for (const place of range(0, sourceCount)) {
          const isBehind = place <= value ||
            doneRanges.some(([first, last]) => place >= first && place <= last);
          assertEquals(isBehind, done.has(place), `message ${place}`);
        }
      }
    }
  }));
