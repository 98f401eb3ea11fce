import { assertEquals } from "@std/assert";
import { TRUNCATE_ALL } from "./event_number.ts";
import { isSystemList, listOfStream, membershipsOf } from "./lists.ts";
import { categoryOf } from "./stream_names.ts";

Deno.test("listOfStream() tells system lists from streams", () => {
  const cases: readonly [string, string, string][] = [
    ["cart-1", "stream", "cart-1"],
    ["$ce-cart", "category", "cart"],
    ["$ce-a-b", "category", "a-b"],
    ["$et-added", "eventType", "added"],
    ["$et-$metadata", "eventType", "$metadata"],
    ["$category-cart", "categoryStreams", "cart"],
    ["$streams", "streams", ""],
    ["$ce-", "stream", "$ce-"],
    ["$et", "stream", "$et"],
    ["$$streams", "stream", "$$streams"],
    ["$$$ce-cart", "stream", "$$$ce-cart"],
    ["ce-cart", "stream", "ce-cart"],
    ["$all", "stream", "$all"],
  ];
  for (const [streamName, kind, name] of cases) {
    assertEquals(listOfStream(streamName), { kind, name });
    assertEquals(isSystemList(streamName), kind !== "stream");
  }
});

Deno.test("categoryOf() is what stands before the first -", () => {
  const cases: readonly [string, string | undefined][] = [
    ["cart-1", "cart"],
    ["cart-1-2", "cart"],
    ["cart-", "cart"],
    ["-1", undefined],
    ["cart", undefined],
    ["", undefined],
  ];
  for (const [streamName, wanted] of cases) {
    assertEquals(categoryOf(streamName), wanted);
  }
});

/** Stream, type, number; then category, type, in `$streams`, in `$category-`. */
const EVENTS: readonly [
  [string, string, number],
  [string | undefined, string | undefined, boolean, string | undefined],
][] = [
  [["cart-1", "added", 0], ["cart", "added", true, "cart"]],
  [["cart-1", "added", 5], ["cart", "added", false, undefined]],
  [["cart", "added", 0], [undefined, "added", true, undefined]],
  [["cart-1", "$>", 0], ["cart", undefined, true, "cart"]],
  [["cart-1", "$streamDeleted", 2 ** 63], [
    "cart",
    "$deleted",
    false,
    undefined,
  ]],
  [["$$cart-1", "$metadata", 0], ["cart", "$metadata", true, undefined]],
  [["$$cart-1", "$metadata", 3], ["cart", "$metadata", false, undefined]],
  [["$cart-1", "added", 0], [undefined, undefined, false, undefined]],
  [["$$$cart-1", "$metadata", 0], [undefined, undefined, false, undefined]],
];

for (const [[streamName, eventType, eventNumber], wanted] of EVENTS) {
  const title = `${eventNumber}@${streamName} of type ${eventType}`;
  Deno.test(`lists of ${title}`, () => {
    const lists = membershipsOf({ streamName, eventType, eventNumber }, {});
    const { category, isInStreams, categoryOfStream } = lists;
    assertEquals(
      [category, lists.eventType, isInStreams, categoryOfStream],
      wanted,
    );
  });
}

Deno.test("metadata that soft-deletes is listed as a delete", () => {
  const event = {
    streamName: "$$cart-1",
    eventType: "$metadata",
    eventNumber: 2,
  };
  const lists = membershipsOf(event, { truncateBefore: TRUNCATE_ALL });
  assertEquals(lists.eventType, "$deleted");
  assertEquals(lists.category, "cart");
});
