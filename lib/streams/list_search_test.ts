import { assert, assertEquals } from "@std/assert";
import { createServiceFixture } from "../../tests/support/stream_service.ts";
import { searchList } from "./list_search.ts";

Deno.test("a list is searched by time in few reads, gaps or not", async () => {
  const { store, append, clock } = createServiceFixture();
  const timesUs: number[] = [];
  for (let number = 0; number < 200; number++) {
    if (number % 3 === 0) clock.advanceMs(1);
    timesUs.push(clock.nowUs());
    await append("s", [number]);
  }
  const readStream = store.readStream.bind(store);
  for (const isGap of [() => false, (number: number) => number % 40 < 35]) {
    let readCount = 0;
    store.readStream = async (request) => {
      readCount++;
      const { entries, continueFrom } = await readStream(request);
      const left = entries.filter(({ ordinal }) => !isGap(ordinal));
      return { entries: left, continueFrom };
    };
    store.findNearest = (_, from) => {
      let near = from;
      while (near < 200 && isGap(near)) near++;
      return Promise.resolve(near < 200 ? near : undefined);
    };
    const times = [0, ...timesUs, (timesUs.at(-1) ?? 0) + 1];
    for (const timeUs of new Set(times)) {
      readCount = 0;
      const found = await searchList(store, {
        streamName: "s",
        low: 0,
        head: 199,
        hasPassed: ({ createdAtUs }) => createdAtUs >= timeUs,
      });
      // Whatever is there from the number on has passed, and nothing before.
      const passed = timesUs.map((time, number) => ({ time, number }))
        .filter(({ number }) => !isGap(number));
      for (const { time, number } of passed) {
        assertEquals(time >= timeUs, number >= found, `${timeUs} ${number}`);
      }
      assert(readCount <= 40, `${readCount} reads`);
    }
  }
});

Deno.test("an empty list, and the part of a list", async () => {
  const { store, append } = createServiceFixture();
  const place = { streamName: "s", low: 0, head: -1, hasPassed: () => true };
  assertEquals(await searchList(store, place), 0);
  await append("s", [1, 2, 3]);
  assertEquals(await searchList(store, { ...place, low: 2, head: 2 }), 2);
  const none = { ...place, head: 2, hasPassed: () => false };
  assertEquals(await searchList(store, none), 3);
  assertEquals(await searchList(store, { ...none, low: 7 }), 7);
});
