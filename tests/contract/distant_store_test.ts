/**
 * The contract of the port, held by a store that is neither local nor made of
 * files; and what several servers see that share one.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import type { EventStore } from "../../lib/store/event_store.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import {
  createDistantStore,
  createDistantStores,
} from "../support/distant_store.ts";
import { testEventStore } from "./event_store_contract.ts";
import { appendNumbers } from "./store_steps.ts";

const aStore = () => ({
  clock: createTestClock(),
  newEventId: createTestIds(),
});

testEventStore(
  "distant store",
  () => Promise.resolve(createDistantStore(aStore())),
);

Deno.test("after the barrier a server knows what another one wrote", async () => {
  const [one, other] = createDistantStores(2, aStore());
  assert(one !== undefined && other !== undefined);
  await using _both = bothOf(one, other);
  const heard: string[] = [];
  other.watch((hints) => {
    heard.push(...hints.map(({ streamName }) => streamName));
  });
  await appendNumbers(one, "s", [1]);
  assertEquals((await other.readState("s")).head, 0);
  await other.barrier?.();
  assertEquals(heard, ["s"]);
});

Deno.test("a lease that ran out goes to another server", async () => {
  const options = aStore();
  const [one, other] = createDistantStores(2, options);
  assert(one !== undefined && other !== undefined);
  await using _both = bothOf(one, other);
  const first = await one.leases.acquire("job", 1000);
  assert(first !== undefined);
  options.clock.advanceMs(999);
  assert(await one.leases.renew(first, 1000));
  options.clock.advanceMs(999);
  assertEquals(await other.leases.acquire("job", 1000), undefined);
  options.clock.advanceMs(1);
  const second = await other.leases.acquire("job", 1000);
  assertGreater(second?.token, first.token);
  assertEquals(await one.leases.renew(first, 1000), false);
});

function bothOf(...stores: EventStore[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close();
    },
  };
}
