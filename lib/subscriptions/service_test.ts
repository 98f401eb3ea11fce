import { assert, assertEquals, assertRejects } from "@std/assert";
import { aMetadataEvent, anEvent } from "../../tests/support/events.ts";
import { settle } from "../../tests/support/manual_timers.ts";
import { ADMIN, aUser } from "../../tests/support/stream_service.ts";
import {
  GROUP,
  openSubscriptionFixture,
  shownMessage,
} from "../../tests/support/subscription_service.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import {
  ackedStreamOf,
  checkpointStreamOf,
  type Consumer,
  parkedStreamOf,
} from "./contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const CHECKPOINTS = checkpointStreamOf(GROUP);
const ACKED = ackedStreamOf(GROUP);
const PARKED = parkedStreamOf(GROUP);
const CONFIG = "$persistentSubscriptionConfig";

/** Makes a service with a stream of so many events and a group on it. */
async function openWithEvents(
  count: number,
  settings: Partial<typeof DEFAULT_SETTINGS> = {},
) {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", upTo(count));
  await fixture.create(settings);
  return fixture;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function named(...numbers: number[]): string[] {
  return numbers.map((number) => `${number}@s`);
}

Deno.test("a group hands out what its stream holds, then what is written", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", [0, 1, 2]);
  assertEquals(await fixture.create(), { result: "Success", reason: "" });
  assertEquals(await fixture.read(2), named(0, 1));
  assertEquals(await fixture.read(9), named(2));
  assertEquals(await fixture.read(9), []);
  await fixture.append("s", [3]);
  assertEquals(await fixture.read(9), named(3));
  await fixture.ack([0, 1, 2, 3]);
  const info = await fixture.info();
  assertEquals([info.status, info.totalInFlightMessages], ["Live", 0]);
  await fixture.service.close();
});

Deno.test("commands are answered in the original's words", async () => {
  const { service } = await openSubscriptionFixture();
  const settings = DEFAULT_SETTINGS;
  const odd = { ...settings, strategy: "Odd" };
  const dave = aUser("dave");
  const answers = [
    await service.create(dave, { group: GROUP, settings }),
    await service.update(dave, { group: GROUP, settings }),
    await service.delete(undefined, GROUP),
    await service.replayParked(dave, { group: GROUP, stopAt: undefined }),
    await service.update(ADMIN, { group: GROUP, settings: odd }),
    await service.create(ADMIN, { group: GROUP, settings: odd }),
    await service.create(ADMIN, { group: GROUP, settings }),
    await service.create(ADMIN, { group: GROUP, settings: odd }),
    await service.update(ADMIN, { group: GROUP, settings }),
    await service.replayParked(ADMIN, { group: GROUP, stopAt: undefined }),
    await service.delete(ADMIN, GROUP),
    await service.delete(ADMIN, GROUP),
    await service.replayParked(ADMIN, { group: GROUP, stopAt: undefined }),
  ].map(({ result, reason }) => `${result}: ${reason}`);
  assertEquals(answers, [
    "AccessDenied: You do not have permissions to create streams",
    "AccessDenied: You do not have permissions to update the subscription",
    "AccessDenied: You do not have permissions to create streams",
    "AccessDenied: You do not have permissions to replay messages",
    "DoesNotExist: Group 'g' does not exist.",
    "Fail: Consumer strategy Odd does not exist.",
    "Success: ",
    "AlreadyExists: Group 'g' already exists.",
    "Success: ",
    "Success: ",
    "Success: ",
    "DoesNotExist: Group 'g' does not exist.",
    "DoesNotExist: Unable to locate 's::g'",
  ]);
  await service.close();
});

Deno.test("reading, answering and connecting need the right to read the source", async () => {
  const fixture = await openWithEvents(2);
  const { service } = fixture;
  const acl = { $acl: { $r: "some" } };
  await fixture.appendEvents("$$s", [aMetadataEvent(900, acl)]);
  const dave = aUser("dave");
  const ids = [anEvent(0).eventId];
  await fixture.read(1);
  const connect = { group: GROUP, slotCount: 1, address: "::1" };
  const kinds = [
    await service.ack(dave, { group: GROUP, ids }),
    await service.nack(dave, { group: GROUP, ids, action: "park" }),
    await service.connect(dave, connect),
  ].map(({ kind }) => kind);
  assertEquals(kinds, Array(3).fill("unauthorized"));
  assertEquals(await fixture.read(1, dave), ["unauthorized"]);
  assertEquals((await fixture.info()).totalInFlightMessages, 1);
  const some = aUser("eve", ["some"]);
  assertEquals(await fixture.read(1, some), named(1));
  await service.close();
});

Deno.test("the configuration is one event that names every group, and survives", async () => {
  const fixture = await openSubscriptionFixture();
  const other: GroupId = { streamName: "$ce-a", groupName: "x" };
  await fixture.create({ maxRetryCount: 3 });
  await fixture.create({ startFrom: -1 }, other);
  const [, last] = await fixture.dataOf(CONFIG);
  const { entries, version, updatedBy } = JSON.parse(last ?? "");
  assertEquals([version, updatedBy, entries.length], ["2", "admin", 2]);
  assertEquals(entries[0].stream + "::" + entries[0].group, "s::g");
  const again = await fixture.restart();
  const infos = await again.service.list();
  assertEquals(infos.map(({ group }) => group), [GROUP, other]);
  assertEquals((await again.info()).settings.maxRetryCount, 3);
  assertEquals(again.service.groupNamesOf("s"), ["g"]);
  await again.service.close();
});

Deno.test("groups that others configure come and go", async () => {
  const fixture = await openWithEvents(1);
  const other = await openSubscriptionFixture({
    store: fixture.store,
    clock: fixture.clock,
    newId: crypto.randomUUID.bind(crypto),
  });
  const second: GroupId = { streamName: "s", groupName: "h" };
  await other.service.create(ADMIN, {
    group: second,
    settings: DEFAULT_SETTINGS,
  });
  await settle();
  assertEquals(fixture.service.groupNamesOf("s"), ["g", "h"]);
  await fixture.service.delete(ADMIN, second);
  await settle();
  assertEquals(other.service.groupNamesOf("s"), ["g"]);
  await fixture.service.close();
  await other.service.close();
});

Deno.test("an idle group waits for no time and listens once", async () => {
  const fixture = await openWithEvents(3);
  await fixture.read(3);
  await fixture.ack([0, 1, 2]);
  await fixture.timers.pass(60_000);
  // Only the renewal of its lease is left.
  assertEquals(fixture.timers.waitingCount, 1);
  await fixture.service.close();
  assertEquals(fixture.timers.waitingCount, 0);
});

/** Settings, numbers acknowledged of five, time; the checkpoints then. */
const CHECKPOINT_RULES: readonly [
  Partial<typeof DEFAULT_SETTINGS>,
  readonly number[],
  number,
  readonly string[],
][] = [
  [{ minCheckPointCount: 1 }, [0, 1], 1000, ["1"]],
  [{ minCheckPointCount: 1 }, [0, 1], 900, []],
  [{ minCheckPointCount: 1, checkPointAfterMs: 3000 }, [0, 1], 2900, []],
  [{ minCheckPointCount: 1, checkPointAfterMs: 3000 }, [0, 1], 3000, ["1"]],
  [{ minCheckPointCount: 3 }, [0, 1], 9000, []],
  [{ minCheckPointCount: 3 }, [0, 1, 2], 1000, ["2"]],
  [{ minCheckPointCount: 1 }, [1, 2, 4], 9000, []],
  [{ minCheckPointCount: 1 }, [1, 2, 0], 1000, ["2"]],
  [{ maxCheckPointCount: 2 }, [0, 1], 0, ["1"]],
  [{ maxCheckPointCount: 2 }, [1, 2], 9000, []],
  [{ minCheckPointCount: 1 }, [0, 1, 2, 3, 4], 1000, ["4"]],
];

for (const [settings, numbers, timeMs, checkpoints] of CHECKPOINT_RULES) {
  const rules = JSON.stringify(settings);
  Deno.test(`checkpoints of ${rules}: ${numbers} done, after ${timeMs} ms`, async () => {
    const fixture = await openWithEvents(5, settings);
    await fixture.read(5);
    await fixture.ack(numbers);
    await fixture.timers.pass(timeMs);
    assertEquals(await fixture.dataOf(CHECKPOINTS), checkpoints);
    const { lastProcessedEventNumber } = await fixture.info();
    assertEquals(lastProcessedEventNumber, Number(checkpoints.at(-1) ?? -1));
    await fixture.service.close();
  });
}

Deno.test("what was answered longer ago than checkPointAfter is never repeated", async () => {
  const fixture = await openWithEvents(5);
  await fixture.read(5);
  await fixture.ack([1]);
  await fixture.timers.pass(1000);
  await fixture.ack([3]);
  const { metadata } = await fixture.store.readState(ACKED);
  assertEquals(metadata, {
    maxCount: 1,
    acl: {
      read: ["$admins"],
      write: ["$admins"],
      delete: ["$admins"],
      metadataRead: ["$admins"],
      metadataWrite: ["$admins"],
    },
  });
  assertEquals((await fixture.dataOf(ACKED)).length, 1);
  const again = await fixture.crash();
  assertEquals(await again.read(9), named(0, 2, 3, 4));
  await again.ack([0, 2]);
  const ended = await again.restart();
  assertEquals(await ended.read(9), named(3, 4));
  await ended.service.close();
});

Deno.test("what a checkpoint covers is written nowhere else", async () => {
  const fixture = await openWithEvents(5, { maxCheckPointCount: 5 });
  await fixture.read(5);
  await fixture.ack(upTo(5));
  await fixture.timers.pass(60_000);
  assertEquals(await fixture.dataOf(CHECKPOINTS), ["4"]);
  assertEquals(await fixture.dataOf(ACKED), []);
  const again = await fixture.crash();
  assertEquals(await again.read(9), []);
  await again.service.close();
});

Deno.test("counts start anew after a crash", async () => {
  const fixture = await openWithEvents(1, { maxRetryCount: 1 });
  await fixture.read(1);
  await fixture.nack([0], "retry");
  assertEquals(await fixture.read(1), ["0@s*"]);
  const again = await fixture.crash();
  assertEquals(await again.read(1), named(0));
  await again.service.close();
});

Deno.test("an update starts anew after what is written down", async () => {
  const fixture = await openWithEvents(5);
  await fixture.read(3);
  await fixture.ack([1]);
  await fixture.timers.pass(1000);
  await fixture.ack([2]);
  await fixture.update({ maxRetryCount: 3 });
  const info = await fixture.info();
  assertEquals([info.totalItemsProcessed, info.settings.maxRetryCount], [0, 3]);
  assertEquals(await fixture.read(9), named(0, 2, 3, 4));
  await fixture.update({ startFrom: 3 });
  assertEquals(await fixture.read(9), named(3, 4));
  await fixture.service.close();
});

Deno.test("a group that is deleted leaves nothing behind for the next of its name", async () => {
  const fixture = await openWithEvents(3, { maxCheckPointCount: 1 });
  await fixture.read(3);
  await fixture.ack([0]);
  await fixture.nack([1], "park");
  await fixture.timers.pass(2000);
  await fixture.service.delete(ADMIN, GROUP);
  assertEquals(await fixture.service.info(GROUP), undefined);
  assertEquals(await fixture.service.listOf("s"), []);
  assertEquals(await fixture.service.listOf("t"), undefined);
  await fixture.ack([2]);
  await fixture.create();
  assertEquals((await fixture.info()).parkedMessageCount, 0);
  assertEquals(await fixture.read(9), named(0, 1, 2));
  await fixture.nack([2], "park");
  assertEquals((await fixture.info()).parkedMessageCount, 1);
  await fixture.service.replayParked(ADMIN, {
    group: GROUP,
    stopAt: undefined,
  });
  await settle();
  assertEquals(await fixture.read(9), [`1@${PARKED}>2@s`]);
  await fixture.service.close();
});

Deno.test("a deletion that a crash cut off leaves nothing for the next of its name", async () => {
  const fixture = await openWithEvents(3, { maxCheckPointCount: 1 });
  await fixture.read(3);
  await fixture.ack([0]);
  await fixture.timers.pass(0);
  const { deleteStream } = fixture.store;
  fixture.store.deleteStream = () => new Promise(() => {});
  void fixture.service.delete(ADMIN, GROUP);
  await settle();
  fixture.store.deleteStream = deleteStream.bind(fixture.store);
  const again = await fixture.crash();
  assertEquals(await again.service.info(GROUP), undefined);
  await again.create();
  assertEquals(await again.read(9), named(0, 1, 2));
  await again.service.close();
});

Deno.test("from now on means from its creation on, whatever happens then", async () => {
  const fixture = await openWithEvents(3, { startFrom: -1 });
  assertEquals(await fixture.read(9), []);
  const again = await fixture.crash();
  await again.append("s", [3]);
  const last = await again.crash();
  assertEquals(await last.read(9), named(3));
  await last.service.close();
});

Deno.test("a start beyond the end waits for that number", async () => {
  const fixture = await openWithEvents(1, { startFrom: 3 });
  await fixture.append("s", [1, 2, 3, 4]);
  assertEquals(await fixture.read(9), named(3, 4));
  await fixture.service.close();
});

Deno.test("a message that is not answered in time is handed out again, then parked", async () => {
  const fixture = await openWithEvents(2, {
    messageTimeoutMs: 500,
    maxRetryCount: 1,
  });
  assertEquals(await fixture.read(1), named(0));
  await fixture.timers.pass(499);
  assertEquals(await fixture.read(9), named(1));
  await fixture.ack([1]);
  await fixture.timers.pass(20);
  assertEquals(await fixture.read(9), ["0@s*"]);
  await fixture.timers.pass(520);
  assertEquals(await fixture.read(9), []);
  assertEquals(await fixture.dataOf(PARKED), ["0@s"]);
  await fixture.service.close();
});

Deno.test("parked messages are links that say why and from where", async () => {
  const fixture = await openWithEvents(2);
  await fixture.read(2);
  await fixture.nack([1, 0], "park");
  const { entries } = await fixture.store.readStream({
    streamName: PARKED,
    from: 0,
    count: 9,
    direction: "forward",
    withBodies: true,
  });
  const texts = entries.map(({ event }) => {
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return [event.eventType, text(event.data), text(event.metadata)];
  });
  const added = `{\n  "added": "2026-01-01T00:00:00+00:00",\n`;
  const reason = `  "reason": "Client explicitly NAK'ed message.\\n` +
    `Nacked from HTTP"`;
  assertEquals(texts, [
    ["$>", "1@s", `${added}${reason},\n  "subscriptionEventNumber": 1\n}`],
    ["$>", "0@s", `${added}${reason}\n}`],
  ]);
  assertEquals((await fixture.store.readState(PARKED)).metadata, {});
  await fixture.service.close();
});

Deno.test("parked messages are replayed in the order of their events, as far as asked", async () => {
  const fixture = await openWithEvents(5);
  await fixture.read(4);
  await fixture.nack([2, 0, 3], "park");
  const replay = { group: GROUP, stopAt: 2 };
  await fixture.service.replayParked(ADMIN, replay);
  await settle();
  const { metadata } = await fixture.store.readState(PARKED);
  assertEquals(metadata.truncateBefore, 2);
  assertEquals((await fixture.info()).parkedMessageCount, 1);
  const messages = await fixture.readMessages(9);
  assertEquals(messages.map(shownMessage), [
    `1@${PARKED}>0@s`,
    `0@${PARKED}>2@s`,
    "4@s",
  ]);
  const ids = messages.map(({ id }) => id);
  const command = { group: GROUP, ids, action: "park" } as const;
  await fixture.service.nack(ADMIN, command);
  assertEquals((await fixture.info()).parkedMessageCount, 4);
  await fixture.service.close();
});

Deno.test("a replay that is cut off goes on with what was not answered", async () => {
  const fixture = await openWithEvents(4);
  await fixture.read(4);
  await fixture.nack([0, 1, 2, 3], "park");
  await fixture.service.replayParked(ADMIN, {
    group: GROUP,
    stopAt: undefined,
  });
  await settle();
  const messages = await fixture.readMessages(2);
  const [, second] = messages;
  await fixture.service.ack(ADMIN, { group: GROUP, ids: [second?.id ?? ""] });
  await fixture.timers.pass(1500);
  const again = await fixture.crash();
  const left = [0, 2, 3].map((number) => `${number}@${PARKED}>${number}@s`);
  assertEquals(await again.read(9), left);
  await again.service.close();
});

Deno.test("a replay that has ended stays so, though a checkpoint covers the rest", async () => {
  const fixture = await openWithEvents(2, { maxCheckPointCount: 2 });
  await fixture.read(1);
  await fixture.nack([0], "park");
  await fixture.service.replayParked(ADMIN, {
    group: GROUP,
    stopAt: undefined,
  });
  await settle();
  const messages = await fixture.readMessages(9);
  const ids = messages.map(({ id }) => id);
  await fixture.service.ack(ADMIN, { group: GROUP, ids });
  await fixture.timers.pass(5000);
  assertEquals(await fixture.dataOf(CHECKPOINTS), ["1"]);
  const again = await fixture.crash();
  assertEquals(await again.read(9), []);
  await again.service.close();
});

Deno.test("a discarded message is neither counted nor replayed", async () => {
  const fixture = await openWithEvents(3);
  await fixture.read(3);
  await fixture.nack([0, 1, 2], "park");
  const { entries } = await fixture.store.readStream({
    streamName: PARKED,
    from: 1,
    count: 1,
    direction: "forward",
    withBodies: false,
  });
  const ids = [entries[0]?.event.eventId ?? "", anEvent(77).eventId];
  for (let attempt = 0; attempt < 2; attempt++) {
    await fixture.service.discardParked(ADMIN, { group: GROUP, ids });
  }
  assertEquals((await fixture.info()).parkedMessageCount, 2);
  await fixture.timers.pass(1000);
  const again = await fixture.crash();
  assertEquals((await again.info()).parkedMessageCount, 2);
  await again.service.replayParked(ADMIN, { group: GROUP, stopAt: undefined });
  await settle();
  const left = [0, 2].map((number) => `${number}@${PARKED}>${number}@s`);
  assertEquals(await again.read(9), left);
  assertEquals((await again.info()).parkedMessageCount, 0);
  await again.service.close();
});

Deno.test("a source of links hands out their targets by the links' ids", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("t", [10, 11]);
  const links = ["1@t", "0@t", "7@t", "odd"].map((data, number) =>
    anEvent(20 + number, { eventType: "$>", isJson: false, data })
  );
  await fixture.appendEvents("s", links);
  await fixture.create({ resolveLinks: true });
  const messages = await fixture.readMessages(9);
  assertEquals(messages.map(shownMessage), [
    "0@s>1@t",
    "1@s>0@t",
    "2@s>7@t?",
    "3@s",
  ]);
  assertEquals(messages[0]?.id, anEvent(20).eventId);
  await fixture.nack([20, 21], "retry");
  assertEquals(await fixture.read(9), ["1@s>0@t*", "0@s>1@t*"]);
  await fixture.nack([20], "park");
  assertEquals(await fixture.dataOf(PARKED), ["1@t"]);
  await fixture.service.close();
});

Deno.test("a link to what the consumer may not read is not followed", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("t-1", [10]);
  const group: GroupId = { streamName: "$ce-t", groupName: "g" };
  await fixture.create({ resolveLinks: true }, group);
  const acl = { $acl: { $r: "some" } };
  await fixture.appendEvents("$$t-1", [aMetadataEvent(900, acl)]);
  const shown = await fixture.read(1, aUser("dave"), group);
  assertEquals(shown, ["0@$ce-t"]);
  await fixture.append("t-1", [11]);
  const all = await fixture.read(9, ADMIN, group);
  assertEquals(all, ["1@$ce-t>0@$$t-1", "2@$ce-t>1@t-1"]);
  await fixture.service.close();
});

Deno.test("a deleted stream goes on when it is written again; hidden events are left out", async () => {
  const fixture = await openWithEvents(2);
  assertEquals(await fixture.read(9), named(0, 1));
  const command = { streamName: "s", expectedVersion: "any" } as const;
  await fixture.store.deleteStream({ ...command, mode: "soft" });
  await fixture.append("s", [2, 3]);
  assertEquals(await fixture.read(9), named(2, 3));
  const late: GroupId = { streamName: "s", groupName: "late" };
  await fixture.create({}, late);
  assertEquals(await fixture.read(9, ADMIN, late), named(2, 3));
  await fixture.service.close();
});

Deno.test("a stream that is deleted for good hands out its last event to those that are live", async () => {
  const fixture = await openWithEvents(1);
  const command = { streamName: "s", expectedVersion: "any" } as const;
  await fixture.store.deleteStream({ ...command, mode: "hard" });
  await settle();
  assertEquals(await fixture.read(9), [...named(0), "9223372036854775807@s"]);
  const late: GroupId = { streamName: "s", groupName: "late" };
  await fixture.create({}, late);
  assertEquals(await fixture.read(9, ADMIN, late), []);
  const info = await fixture.info(late);
  assertEquals([info.status, info.lastKnownEventNumber], ["Live", -1]);
  await fixture.service.close();
});

Deno.test("live events come though metadata hides them by then", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", [0, 1, 2]);
  const metadata = { $maxCount: 2 };
  await fixture.appendEvents("$$s", [aMetadataEvent(900, metadata)]);
  await fixture.create();
  assertEquals(await fixture.read(9), named(1, 2));
  await fixture.append("s", [3, 4, 5]);
  assertEquals(await fixture.read(9), named(3, 4, 5));
  await fixture.service.close();
});

Deno.test("a group falls behind what its buffer holds, and comes up again", async () => {
  const fixture = await openWithEvents(0, {
    bufferSize: 5,
    liveBufferSize: 4,
    readBatchSize: 3,
  });
  await fixture.append("s", upTo(12));
  const counts = async () => {
    const info = await fixture.info();
    const { status, readBufferCount, liveBufferCount } = info;
    return [
      status,
      readBufferCount,
      liveBufferCount,
      info.lastKnownEventNumber,
    ];
  };
  assertEquals(await counts(), ["Behind", 5, 4, 11]);
  assertEquals(await fixture.read(100), named(0, 1, 2, 3, 4));
  assertEquals(await counts(), ["Behind", 0, 4, 11]);
  await fixture.ack(upTo(5));
  assertEquals(await counts(), ["Behind", 3, 4, 11]);
  assertEquals(await fixture.read(100), named(5, 6, 7));
  // Nothing is acknowledged, and still it goes on.
  assertEquals(await fixture.read(100), named(8, 9, 10));
  assertEquals(await fixture.read(100), named(11));
  assertEquals(await counts(), ["Live", 0, 4, 11]);
  await fixture.service.close();
});

Deno.test("$all is a source, without what is written for groups", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("a", [0, 1]);
  const group: GroupId = { streamName: "$all", groupName: "g" };
  await fixture.create({ minCheckPointCount: 1 }, group);
  const readAll = () => fixture.read(100, ADMIN, group);
  const ofStreams = (names: string[]) =>
    names.filter((name) => !name.includes("@$"));
  assertEquals(ofStreams(await readAll()), ["0@a", "1@a"]);
  await fixture.append("b", [2]);
  const command = { group, count: 9, longPollMs: 0 };
  const outcome = await fixture.service.read(ADMIN, command);
  assert(outcome.kind === "messages");
  assertEquals(outcome.messages.map(shownMessage), ["0@b"]);
  await fixture.service.ack(ADMIN, {
    group,
    ids: [0, 1, 2].map((number) => anEvent(number).eventId),
  });
  await fixture.timers.pass(5000);
  assertEquals(await readAll(), []);
  assertEquals(await fixture.read(9, aUser("dave"), group), ["unauthorized"]);
  await fixture.service.close();
});

Deno.test("a filter leaves out, and its progress goes on over what it leaves out", async () => {
  const fixture = await openSubscriptionFixture();
  const wanted = { eventType: "wanted" };
  await fixture.appendEvents("a", [anEvent(0), anEvent(1, wanted)]);
  const group: GroupId = { streamName: "$all", groupName: "g" };
  const filter = {
    eventType: { text: "want", isPrefix: true },
    streamName: undefined,
    excludesSystem: true,
  };
  await fixture.create({ filter, minCheckPointCount: 1 }, group);
  assertEquals(await fixture.read(9, ADMIN, group), ["1@a"]);
  await fixture.service.ack(ADMIN, { group, ids: [anEvent(1).eventId] });
  await fixture.appendEvents("b", [anEvent(2), anEvent(3, wanted)]);
  await fixture.timers.pass(3000);
  const [checkpoint] = await fixture.dataOf(checkpointStreamOf(group));
  assert(/^"C:\d+\/P:\d+"$/.test(checkpoint ?? ""), checkpoint);
  const again = await fixture.crash();
  assertEquals(await again.read(9, ADMIN, group), ["1@b"]);
  await again.service.close();
});

Deno.test("a held read waits for a first message", async () => {
  const fixture = await openWithEvents(0);
  const command = { group: GROUP, count: 5, longPollMs: 9000 };
  const signal = () => new AbortController().signal;
  const held = fixture.service.read(ADMIN, { ...command, signal });
  await settle();
  await fixture.append("s", [0, 1]);
  const outcome = await held;
  assert(outcome.kind === "messages");
  assertEquals(outcome.messages.map(shownMessage), named(0, 1));
  const empty = fixture.service.read(ADMIN, { ...command, signal });
  await settle();
  await fixture.timers.pass(9000);
  assertEquals(await empty, { kind: "messages", messages: [] });
  const ended = fixture.service.read(ADMIN, { ...command, signal });
  await settle();
  fixture.service.endWaiting();
  assertEquals(await ended, { kind: "messages", messages: [] });
  await fixture.service.close();
});

/** What consumers were pushed, by their names. */
async function connect(
  fixture: Awaited<ReturnType<typeof openWithEvents>>,
  slotCount: number,
  caller = ADMIN,
) {
  const address = "::1";
  const command = { group: GROUP, slotCount, address };
  const outcome = await fixture.service.connect(caller, command);
  assert(outcome.kind === "connected", outcome.kind);
  return outcome.consumer;
}

async function pushed(consumer: Consumer): Promise<string[] | string> {
  const news = await consumer.next();
  return news.kind === "messages"
    ? news.messages.map(shownMessage)
    : news.reason;
}

Deno.test("consumers are pushed to, as many messages as they have slots", async () => {
  const fixture = await openWithEvents(5);
  const consumer = await connect(fixture, 2);
  assertEquals(await pushed(consumer), named(0, 1));
  const next = pushed(consumer);
  await fixture.ack([0]);
  assertEquals(await next, named(2));
  const [connection] = (await fixture.info()).connections;
  assertEquals([connection?.availableSlots, connection?.inFlightMessages], [
    0,
    2,
  ]);
  consumer.close();
  assertEquals(await fixture.read(9), named(1, 2, 3, 4));
  assertEquals((await fixture.info()).connections, []);
  await fixture.service.close();
});

Deno.test("RoundRobin goes from one consumer to the next", async () => {
  const fixture = await openWithEvents(0);
  const [a, b] = [await connect(fixture, 3), await connect(fixture, 3)];
  await fixture.append("s", upTo(8));
  assertEquals(await pushed(a), named(0, 2, 4));
  assertEquals(await pushed(b), named(1, 3, 5));
  await fixture.service.close();
});

Deno.test("DispatchToSingle fills one consumer before the next", async () => {
  const fixture = await openWithEvents(0, { strategy: "DispatchToSingle" });
  const [a, b] = [await connect(fixture, 3), await connect(fixture, 3)];
  await fixture.append("s", [0, 1]);
  await fixture.append("s", [2, 3]);
  assertEquals(await pushed(a), named(0, 1, 2));
  assertEquals(await pushed(b), named(3));
  await fixture.service.close();
});

Deno.test("Pinned gives the messages of a stream to one consumer, and spreads anew", async () => {
  const fixture = await openSubscriptionFixture();
  const group: GroupId = { streamName: "$ce-t", groupName: "g" };
  await fixture.create({ resolveLinks: true, strategy: "Pinned" }, group);
  const streams = upTo(40).map((number) => `t-${number}`);
  const consumers: Consumer[] = [];
  for (let index = 0; index < 2; index++) {
    const command = { group, slotCount: 1000, address: "::1" };
    const outcome = await fixture.service.connect(ADMIN, command);
    assert(outcome.kind === "connected");
    consumers.push(outcome.consumer);
  }
  let number = 0;
  const round = async () => {
    for (const stream of streams) await fixture.append(stream, [number++]);
    const seen: Set<string>[] = [];
    for (const consumer of consumers) {
      const of = new Set<string>();
      const names = await pushed(consumer);
      assert(typeof names !== "string");
      for (const name of names) of.add(name.split("@").at(-1) ?? "");
      seen.push(of);
    }
    return seen;
  };
  const [first, second] = await round();
  assert(first !== undefined && second !== undefined);
  assertEquals(first.isDisjointFrom(second), true);
  assertEquals([first.size > 5, second.size > 5], [true, true]);
  assertEquals(await round(), [first, second]);
  consumers.pop()?.close();
  for (const stream of streams) await fixture.append(stream, [number++]);
  const left = consumers[0];
  assert(left !== undefined);
  const all = await pushed(left);
  assertEquals(new Set(typeof all === "string" ? [] : all).size >= 40, true);
  await fixture.service.close();
});

Deno.test("a consumer ends when its group does, is changed, or it may not read", async () => {
  const fixture = await openWithEvents(0);
  const ends: (string | string[])[] = [];
  const first = pushed(await connect(fixture, 1));
  await fixture.update({ maxRetryCount: 1 });
  ends.push(await first);
  const dave = await connect(fixture, 1, aUser("dave"));
  const acl = { $acl: { $r: "some" } };
  await fixture.appendEvents("$$s", [aMetadataEvent(900, acl)]);
  await fixture.append("s", [0]);
  ends.push(await pushed(dave));
  assertEquals(await fixture.read(1), named(0));
  const last = pushed(await connect(fixture, 1));
  await fixture.service.delete(ADMIN, GROUP);
  ends.push(await last);
  assertEquals(ends, ["updated", "unauthorized", "deleted"]);
  await fixture.service.close();
});

Deno.test("a message that ran out of time while it waited for a connection is not sent", async () => {
  const fixture = await openWithEvents(1, { messageTimeoutMs: 100 });
  const slow = await connect(fixture, 1);
  await fixture.timers.pass(0);
  slow.close();
  const other = await connect(fixture, 2);
  await fixture.timers.pass(150);
  assertEquals(await pushed(other), ["0@s*"]);
  await fixture.service.close();
});

Deno.test("there are at most as many groups, consumers and held reads as the limits say", async () => {
  const fixture = await openSubscriptionFixture({
    limits: {
      ...LIMITS,
      subscriptionGroupsMax: 2,
      subscriptionHeldReadsMax: 1,
    },
  });
  const { service } = fixture;
  const names = ["g", "h", "i"];
  const results: string[] = [];
  for (const groupName of names) {
    const group = { streamName: "s", groupName };
    results.push(
      (await fixture.create({ maxSubscriberCount: 2 }, group)).result,
    );
  }
  assertEquals(results, ["Success", "Success", "Fail"]);
  const kinds: string[] = [];
  for (
    const groupName of ["g", "g", "h", "g", "h", "h"]
  ) {
    const group = { streamName: "s", groupName };
    const command = { group, slotCount: 1, address: "::1" };
    kinds.push((await service.connect(ADMIN, command)).kind);
  }
  assertEquals(kinds, [
    "connected",
    "connected",
    "connected",
    "tooMany",
    "connected",
    "tooMany",
  ]);
  const command = {
    group: GROUP,
    count: 1,
    longPollMs: 1000,
    signal: () => new AbortController().signal,
  };
  const held = service.read(ADMIN, command);
  await settle();
  assertEquals(await service.read(ADMIN, command), { kind: "tooManyHeld" });
  await fixture.timers.pass(1000);
  await held;
  await service.close();
});

Deno.test("a name that leaves no room for the streams of its group is refused", async () => {
  const fixture = await openSubscriptionFixture();
  const groupName = "g".repeat(fixture.store.limits.streamNameBytesMax);
  const outcome = await fixture.create({}, { streamName: "s", groupName });
  assertEquals(outcome.result, "Fail");
  await fixture.service.close();
});

Deno.test("memory that is used up is given up by groups that nobody asks", async () => {
  const fixture = await openSubscriptionFixture({
    limits: { ...LIMITS, subscriptionBytesMax: 6_000 },
  });
  await fixture.append("s", upTo(9));
  const other: GroupId = { streamName: "s", groupName: "other" };
  await fixture.create();
  await fixture.timers.pass(1);
  await fixture.create({}, other);
  const buffered = async (group: GroupId) =>
    (await fixture.info(group)).readBufferCount;
  const counts = [await buffered(GROUP), await buffered(other)];
  assert(Math.min(...counts) === 0 || Math.max(...counts) === 9, `${counts}`);
  assertEquals(await fixture.read(9), named(...upTo(9)));
  assertEquals(await fixture.read(9, ADMIN, other), named(...upTo(9)));
  await fixture.service.close();
});

Deno.test("a consumer that takes and never answers cannot make a group grow", async () => {
  const fixture = await openSubscriptionFixture({
    limits: { ...LIMITS, subscriptionOutstandingMax: 50 },
  });
  await fixture.append("s", upTo(500));
  await fixture.create();
  let taken = 0;
  for (let turn = 0; turn < 20; turn++) {
    taken += (await fixture.read(20)).length;
  }
  assertEquals(taken, 50);
  await fixture.ack(upTo(10));
  assertEquals((await fixture.read(20)).length, 10);
  await fixture.service.close();
});

Deno.test("what the store refuses is tried again", async () => {
  const fixture = await openWithEvents(3);
  await fixture.read(3);
  const append = fixture.store.append.bind(fixture.store);
  fixture.store.append = () => Promise.reject(new Error("disk full"));
  await fixture.nack([0], "park");
  await fixture.ack([2]);
  await fixture.timers.pass(3000);
  const { totalInFlightMessages } = await fixture.info();
  assertEquals([totalInFlightMessages, await fixture.read(9)], [1, []]);
  fixture.store.append = append;
  await fixture.timers.pass(3000);
  assertEquals(await fixture.dataOf(PARKED), ["0@s"]);
  const again = await fixture.crash();
  assertEquals(await again.read(9), named(1));
  await again.service.close();
});

Deno.test("a group runs on one server at a time; the next takes it over", async () => {
  const fixture = await openWithEvents(3);
  assertEquals(await fixture.read(1), named(0));
  const other = await openSubscriptionFixture({
    store: fixture.store,
    clock: fixture.clock,
  });
  const command = { group: GROUP, count: 1, longPollMs: 0 };
  await assertRejects(
    () => other.service.read(ADMIN, command),
    QuipuError,
    "Another server runs this subscription",
  );
  assertEquals((await other.info()).status, "NotReady");
  await fixture.ack([0]);
  await fixture.service.close();
  await other.timers.pass(LIMITS.subscriptionRetryMs);
  assertEquals(await other.read(9), named(1, 2));
  await other.service.close();
});

Deno.test("a group whose lease is lost hands out nothing more", async () => {
  const fixture = await openWithEvents(3);
  const consumer = await connect(fixture, 1);
  assertEquals(await pushed(consumer), named(0));
  const { renew } = fixture.store.leases;
  fixture.store.leases.renew = async (lease) => {
    await fixture.store.leases.release(lease);
    return false;
  };
  const news = pushed(consumer);
  await fixture.timers.pass(10_000);
  assertEquals(await news, "stopping");
  fixture.store.leases.renew = renew;
  assertEquals(await fixture.read(9), named(0, 1, 2));
  await fixture.service.close();
});

Deno.test("however many groups read a stream, each event is read once", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", upTo(20));
  let readCount = 0;
  const readStream = fixture.store.readStream.bind(fixture.store);
  fixture.store.readStream = (request) => {
    if (request.streamName === "s") readCount += request.count;
    return readStream(request);
  };
  const groups = upTo(30).map((number) => ({
    streamName: "s",
    groupName: `g${number}`,
  }));
  for (const group of groups) await fixture.create({}, group);
  await fixture.append("s", [20, 21]);
  for (const group of groups) {
    assertEquals((await fixture.info(group)).readBufferCount, 22);
  }
  // What the age of the first message costs is asked for by the line above.
  assertEquals(readCount - groups.length, 22);
  await fixture.service.close();
});

Deno.test("a store that fails is complained of once a minute", async () => {
  const warnings: string[] = [];
  const logger = {
    ...SILENT_LOGGER,
    warn: (event: string) => void warnings.push(event),
  };
  const fixture = await openSubscriptionFixture({ logger });
  await fixture.append("s", [0]);
  await fixture.create();
  await fixture.read(1);
  const append = fixture.store.append.bind(fixture.store);
  fixture.store.append = () => Promise.reject(new Error("disk full"));
  await fixture.nack([0], "park");
  await fixture.timers.pass(70_000);
  fixture.store.append = append;
  await fixture.timers.pass(2000);
  assertEquals(warnings, Array(2).fill("subscription.parking_failed"));
  assertEquals(await fixture.dataOf(PARKED), ["0@s"]);
  await fixture.service.close();
});
