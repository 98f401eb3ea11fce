import { assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import type { StateFeed, StateView } from "../projections/contract.ts";
import { decodeUtf8 } from "../text/utf8.ts";
import { StatePush } from "./state_push.ts";

/** A feed of these views, and then the end. */
function feedOf(views: readonly StateView[]) {
  const left = [...views];
  const feed = {
    askedCount: 0,
    closedCount: 0,
    next() {
      feed.askedCount++;
      return Promise.resolve(left.shift());
    },
    close() {
      feed.closedCount++;
    },
  } satisfies StateFeed & Record<string, unknown>;
  return feed;
}

async function readAll(push: StatePush): Promise<string> {
  let text = "";
  for (;;) {
    const piece = await push.next();
    if (piece === undefined) return text;
    text += decodeUtf8(piece);
  }
}

const AT_TWO = { streams: [["s", 2]] } as const;

Deno.test("a state is one message, with its position as its id", async () => {
  const feed = feedOf([
    { text: '{"n":1}', position: AT_TWO },
    { text: "", position: undefined },
    { text: "null", position: { log: { commit: 7, prepare: 6 } } },
  ]);
  assertEquals(
    await readAll(new StatePush(feed, LIMITS)),
    "retry: 2000\n\n" +
      'id: {"$s":{"s":2}}\ndata: {"n":1}\n\n' +
      "data: \n\n" +
      'id: {"$c":7,"$p":6}\ndata: null\n\n' +
      ": ended, the projection was deleted, the right to read this was taken " +
      "away or the server is stopping\n\n",
  );
  assertEquals(feed.closedCount, 1);
});

Deno.test("nothing in a state or a name ends its message early", async () => {
  const text = await readAll(
    new StatePush(
      feedOf([
        { text: "a\nb\r\n\nevent: x\r", position: AT_TWO },
        { text: "1", position: { streams: [["ü\n\nid: x", 0]] } },
      ]),
      LIMITS,
    ),
  );
  assertEquals(
    text.split("\n\n").slice(1, 3),
    [
      'id: {"$s":{"s":2}}\ndata: a\ndata: b\ndata: \ndata: event: x\ndata: ',
      'id: {"$s":{"\\u00fc\\n\\nid: x":0}}\ndata: 1',
    ],
  );
});

Deno.test("a feed is asked only when the client has taken the last state", async () => {
  const feed = feedOf([{ text: "1", position: undefined }]);
  const push = new StatePush(feed, LIMITS);
  await push.next();
  assertEquals(feed.askedCount, 0);
  await push.next();
  assertEquals(feed.askedCount, 1);
  push.end();
  assertEquals([feed.askedCount, feed.closedCount], [1, 1]);
});

Deno.test("a long state goes out in pieces, and whole in the end", async () => {
  const long = JSON.stringify("x".repeat(200_000));
  const text = await readAll(
    new StatePush(feedOf([{ text: long, position: undefined }]), LIMITS),
  );
  assertEquals(/^data: (.*)$/m.exec(text)?.[1], long);
});
