import { assertEquals } from "@std/assert";
import {
  type EventFilter,
  listsOfFilter,
  type NamePattern,
  passesFilter,
} from "./event_filter.ts";

function pattern(text: string | undefined): NamePattern | undefined {
  if (text === undefined) return undefined;
  return text.endsWith("*")
    ? { text: text.slice(0, -1), isPrefix: true }
    : { text, isPrefix: false };
}

function aFilter(
  { type, stream, excludesSystem = false }: {
    readonly type?: string;
    readonly stream?: string;
    readonly excludesSystem?: boolean;
  },
): EventFilter {
  return {
    eventType: pattern(type),
    streamName: pattern(stream),
    excludesSystem,
  };
}

Deno.test("a filter lets pass what fits all that it says", () => {
  const events = ["a@cart-1", "ab@cart-2", "a@$$cart-1", "$x@$sys", "b@other"];
  const table: [Parameters<typeof aFilter>[0], string[]][] = [
    [{}, events],
    [{ type: "a" }, ["a@cart-1", "a@$$cart-1"]],
    [{ type: "a*" }, ["a@cart-1", "ab@cart-2", "a@$$cart-1"]],
    [{ type: "a", excludesSystem: true }, ["a@cart-1"]],
    [{ stream: "cart-*" }, ["a@cart-1", "ab@cart-2"]],
    [{ stream: "$*" }, ["a@$$cart-1", "$x@$sys"]],
    [{ stream: "cart-2", type: "a" }, []],
    [{ excludesSystem: true }, ["a@cart-1", "ab@cart-2", "b@other"]],
  ];
  for (const [wish, passing] of table) {
    const filter = aFilter(wish);
    const passed = events.filter((name) => {
      const [eventType = "", streamName = ""] = name.split("@");
      return passesFilter(filter, { eventType, streamName });
    });
    assertEquals(passed, passing, JSON.stringify(wish));
  }
});

Deno.test("lists that hold all that a filter lets pass", () => {
  const table: [
    wish: Parameters<typeof aFilter>[0],
    stream: string | undefined,
    list: string | undefined,
  ][] = [
    [{ stream: "cart-1" }, "cart-1", "$ce-cart"],
    [{ stream: "cart" }, "cart", undefined],
    [{ stream: "$$cart-1" }, "$$cart-1", undefined],
    [{ stream: "$ce-cart" }, undefined, undefined],
    [{ stream: "cart-*" }, undefined, "$ce-cart"],
    [{ stream: "cart-1*" }, undefined, "$ce-cart"],
    [{ stream: "cart*" }, undefined, undefined],
    [{ stream: "-*" }, undefined, undefined],
    [{ stream: "$$cart-*" }, undefined, undefined],
    [{ type: "a", excludesSystem: true }, undefined, "$et-a"],
    [{ type: "a", stream: "c*" }, undefined, "$et-a"],
    [{ type: "a" }, undefined, undefined],
    [{ type: "a*", excludesSystem: true }, undefined, undefined],
    [{ type: "$a", excludesSystem: true }, undefined, undefined],
    [{ type: "a", stream: "$x" }, "$x", undefined],
    [{ excludesSystem: true }, undefined, undefined],
  ];
  for (const [wish, stream, list] of table) {
    const filter = aFilter(wish);
    assertEquals(
      listsOfFilter(filter),
      { stream, list },
      JSON.stringify(wish),
    );
  }
});
