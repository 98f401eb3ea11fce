import { assertEquals } from "@std/assert";
import {
  GROUP,
  openSubscriptionFixture,
} from "../../tests/support/subscription_service.ts";

Deno.test("a group hands out what its stream holds, then what is written", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", [0, 1, 2]);
  assertEquals(await fixture.create(), { result: "Success", reason: "" });
  assertEquals(await fixture.read(2), ["0@s", "1@s"]);
  assertEquals(await fixture.read(9), ["2@s"]);
  assertEquals(await fixture.read(9), []);
  await fixture.append("s", [3]);
  assertEquals(await fixture.read(9), ["3@s"]);
  await fixture.ack([0, 1, 2, 3]);
  const info = await fixture.info();
  assertEquals([info.status, info.totalInFlightMessages], ["Live", 0]);
  await fixture.service.close();
  assertEquals(fixture.timers.waitingCount, 0);
});

Deno.test("checkpoint and acks survive", async () => {
  const fixture = await openSubscriptionFixture();
  await fixture.append("s", [0, 1, 2, 3, 4]);
  await fixture.create();
  await fixture.read(5);
  await fixture.ack([1, 3]);
  await fixture.timers.pass(1000);
  const again = await fixture.crash();
  assertEquals(await again.read(9), ["0@s", "2@s", "4@s"]);
  assertEquals(await again.service.info(GROUP) !== undefined, true);
});
