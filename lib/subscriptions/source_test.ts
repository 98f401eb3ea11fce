import { assertEquals } from "@std/assert";
import {
  createServiceFixture,
  type ServiceFixture,
} from "../../tests/support/stream_service.ts";
import {
  createManualTimers,
  settle,
} from "../../tests/support/manual_timers.ts";
import { StreamAccess } from "../streams/access.ts";
import { Followers } from "../streams/follow.ts";
import { PageCache, type SourcePage } from "./page_cache.ts";
import { type LiveReader, type Source, Sources } from "./source.ts";

const REF = { streamName: "s", resolveLinks: false, filter: undefined };

/** Somebody who takes everything that is live. */
class Reader implements LiveReader {
  readonly places: number[] = [];
  nextPlace: number;
  fellBehind = false;
  isAskedFor = false;

  constructor(nextPlace: number) {
    this.nextPlace = nextPlace;
  }

  takeLive({ messages, next }: SourcePage): void {
    const fresh = messages.filter(({ place }) => place >= this.nextPlace);
    this.places.push(...fresh.map(({ place }) => place));
    this.nextPlace = Math.max(this.nextPlace, next);
  }

  fallBehind(): void {
    this.fellBehind = true;
  }
}

function openSource(
  { store, clock }: ServiceFixture,
  timers = createManualTimers(),
): Source {
  const sources = new Sources({
    timers,
    context: { store, clock, access: new StreamAccess(store) },
    followers: new Followers(store),
    pages: new PageCache(1_000_000),
  });
  return sources.open(REF);
}

Deno.test("what was committed between a read and joining is not missed", async () => {
  const fixture = createServiceFixture();
  const source = openSource(fixture);
  await fixture.append("s", [0, 1]);
  const { next } = await source.read(0, 20);
  await fixture.append("s", [2]);
  const reader = new Reader(next);
  assertEquals(source.join(reader), true);
  await fixture.append("s", [3]);
  await settle();
  assertEquals(reader.places, [2, 3]);
  source.leave(reader);
  await fixture.append("s", [4]);
  await settle();
  assertEquals(reader.places, [2, 3]);
});

Deno.test("a reader that is behind the others must read on first", async () => {
  const fixture = createServiceFixture();
  const source = openSource(fixture);
  await fixture.append("s", [0, 1]);
  const [ahead, behind] = [new Reader(2), new Reader(1)];
  assertEquals([source.join(ahead), source.join(behind)], [true, false]);
  source.leave(ahead);
  assertEquals(source.join(behind), true);
  await settle();
  assertEquals(behind.places, [1]);
  source.leave(behind);
});

Deno.test("who joins while something is read for those who left misses nothing", async () => {
  const fixture = createServiceFixture();
  const { store } = fixture;
  const source = openSource(fixture);
  await fixture.append("s", [0, 1, 2]);
  const left = new Reader(3);
  source.join(left);
  await settle();
  const gate = Promise.withResolvers<void>();
  const readStream = store.readStream.bind(store);
  store.readStream = async (request) => {
    const result = await readStream(request);
    await gate.promise;
    return result;
  };
  await fixture.append("s", [3]);
  await settle();
  source.leave(left);
  const next = new Reader(1);
  assertEquals(source.join(next), true);
  gate.resolve();
  await settle();
  assertEquals(next.places, [1, 2, 3]);
  source.leave(next);
});

Deno.test("a source that cannot be read leaves it to each reader to say so", async () => {
  const fixture = createServiceFixture();
  const source = openSource(fixture);
  const reader = new Reader(0);
  source.join(reader);
  await settle();
  fixture.store.readStream = () => Promise.reject(new Error("damaged"));
  await fixture.append("s", [0]);
  await settle();
  assertEquals(reader.fellBehind, true);
});

Deno.test("what many are told waits a little, unless somebody asks", async () => {
  const fixture = createServiceFixture();
  const timers = createManualTimers();
  const source = openSource(fixture, timers);
  const readers = Array.from({ length: 40 }, () => new Reader(0));
  for (const reader of readers) source.join(reader);
  await timers.pass(100);
  const seen = () => readers.map(({ places }) => places.length);
  await fixture.append("s", [0]);
  await fixture.append("s", [1]);
  await settle();
  const before = seen();
  await timers.pass(50);
  assertEquals([new Set(before), new Set(seen())], [
    new Set([0]),
    new Set([2]),
  ]);
  await fixture.append("s", [2]);
  await source.catchUp();
  assertEquals(new Set(seen()), new Set([3]));
  const [first] = readers;
  if (first !== undefined) first.isAskedFor = true;
  await fixture.append("s", [3]);
  await settle();
  assertEquals(new Set(seen()), new Set([4]));
  for (const reader of readers) source.leave(reader);
  assertEquals(timers.waitingCount, 0);
});
