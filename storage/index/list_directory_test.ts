import { assertEquals, assertNotEquals } from "@std/assert";
import { ListDirectory, NO_LIST, STREAMS_LIST } from "./list_directory.ts";

Deno.test("lists are found by kind and name", () => {
  const lists = new ListDirectory();
  const stream = lists.findOrCreate("stream", "cart");
  const category = lists.findOrCreate("category", "cart");
  assertNotEquals(stream, category);
  assertEquals(lists.findOrCreate("stream", "cart"), stream);
  assertEquals(lists.find("eventType", "cart"), NO_LIST);
  assertEquals(lists.find("streams", "anything"), STREAMS_LIST);
  assertEquals(lists.nameOf(category), "cart");
  assertEquals(lists.kindOf(category), "category");
  assertEquals(lists.kindOf(STREAMS_LIST), "streams");
  assertEquals(lists.headOf(stream), -1);
});

Deno.test("a system stream's name leads to its list", () => {
  const lists = new ListDirectory();
  const wanted = {
    "$ce-a-b": lists.findOrCreate("category", "a-b"),
    "$et-a": lists.findOrCreate("eventType", "a"),
    "$category-a": lists.findOrCreate("categoryStreams", "a"),
    "$streams": STREAMS_LIST,
    "$other": lists.findOrCreate("stream", "$other"),
    "$$a": lists.findOrCreate("stream", "$$a"),
    "$ce-none": NO_LIST,
    "none": NO_LIST,
  };
  for (const [name, id] of Object.entries(wanted)) {
    assertEquals(lists.findStream(name), id, name);
  }
});

Deno.test("a stream and its metastream know each other, whoever came first", () => {
  const lists = new ListDirectory();
  const before = lists.findOrCreate("stream", "$$later");
  assertEquals(lists.metastream[lists.find("stream", "later")], before);
  const stream = lists.findOrCreate("stream", "first");
  assertEquals(lists.metastream[stream], NO_LIST);
  const after = lists.findOrCreate("stream", "$$first");
  assertEquals(lists.metastream[stream], after);
});

Deno.test("a stream's category and whether it is listed are known", () => {
  const lists = new ListDirectory();
  const cart = lists.findOrCreate("stream", "cart-1");
  const category = lists.find("category", "cart");
  assertEquals([lists.category[cart], lists.isSource[cart]], [category, 1]);
  const plain = lists.findOrCreate("stream", "plain");
  assertEquals([lists.category[plain], lists.isSource[plain]], [NO_LIST, 1]);
  const system = lists.findOrCreate("stream", "$cart-1");
  assertEquals([lists.category[system], lists.isSource[system]], [NO_LIST, 0]);
  const metastream = lists.findOrCreate("stream", "$$cart-1");
  assertEquals(
    [lists.category[metastream], lists.isSource[metastream]],
    [category, 1],
  );
});

Deno.test("what is known of lists stays while the directory grows", () => {
  const lists = new ListDirectory();
  const ids = Array.from({ length: 5_000 }, (_, index) => {
    const id = lists.findOrCreate("stream", `s${index}`);
    lists.decidedNext[id] = index + 2 ** 40;
    lists.visibleNext[id] = index;
    lists.lastSegment[id] = index;
    lists.lastSlice[id] = index * 3;
    lists.visibleFlags[id] = index % 2;
    return id;
  });
  for (const [index, id] of ids.entries()) {
    assertEquals(lists.find("stream", `s${index}`), id);
    assertEquals([
      lists.decidedNext[id],
      lists.headOf(id),
      lists.lastSegment[id],
      lists.lastSlice[id],
      lists.visibleFlags[id],
    ], [index + 2 ** 40, index - 1, index, index * 3, index % 2]);
  }
  assertEquals(lists.streamCount, 5_000);
});
