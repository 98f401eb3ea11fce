import { assertEquals } from "@std/assert";
import { renderChunk, renderTimeSpan } from "./scavenge_events.ts";

Deno.test("renderTimeSpan() writes days and fractions only where there are any", () => {
  assertEquals(
    [
      0,
      7,
      1_500_000,
      61_000_000,
      3_600_000_000,
      25 * 3_600_000_000 + 1,
      -5,
    ].map(renderTimeSpan),
    [
      "00:00:00",
      "00:00:00.0000070",
      "00:00:01.5000000",
      "00:01:01",
      "01:00:00",
      "1.01:00:00.0000010",
      "00:00:00",
    ],
  );
});

Deno.test("a segment that stayed as it was says why", () => {
  const name = { scavengeId: "id", nodeEndpoint: "h:1" };
  const failed = renderChunk(name, {
    segment: 3,
    tookUs: 0,
    freedBytes: 0,
    failure: "no room",
  });
  const { wasScavenged, errorMessage } = JSON.parse(failed);
  assertEquals([wasScavenged, errorMessage], [false, "no room"]);
});
