import type { GroupCounts } from "../model/subscription_group.ts";
import { assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { subscriptionFamilies } from "./subscription_metrics.ts";

function aGroup(groupName: string): GroupCounts {
  return {
    group: { streamName: 's"1', groupName },
    waitingCount: 1,
    inFlightCount: 2,
    parkedCount: 3,
    consumerCount: 4,
    deliveredTotal: 5,
    retriedTotal: 6,
    ackedTotal: 7,
    parkedTotal: 8,
    lagEvents: undefined,
  };
}

Deno.test("each group has its numbers, but those that are not known", () => {
  const families = subscriptionFamilies([aGroup("g")]);
  const shown = families.flatMap(({ name, samples }) =>
    samples.map(({ labels, value }) => `${name}${labels} ${value}`)
  );
  const labels = '{stream="s\\"1",group="g"}';
  assertEquals(shown, [
    `quipu_subscription_waiting${labels} 1`,
    `quipu_subscription_in_flight${labels} 2`,
    `quipu_subscription_parked${labels} 3`,
    `quipu_subscription_consumers${labels} 4`,
    `quipu_subscription_delivered_total${labels} 5`,
    `quipu_subscription_retried_total${labels} 6`,
    `quipu_subscription_acked_total${labels} 7`,
    `quipu_subscription_parked_total${labels} 8`,
  ]);
});

Deno.test("groups beyond the limit are counted together", () => {
  const count = LIMITS.subscriptionMetricsMax + 3;
  const groups = Array.from({ length: count }, (_, n) => aGroup(`g${n}`));
  const [waiting] = subscriptionFamilies(groups);
  const last = waiting?.samples.at(-1);
  assertEquals(waiting?.samples.length, LIMITS.subscriptionMetricsMax + 1);
  assertEquals([last?.labels, last?.value], ['{stream="",group=""}', 3]);
});
