import { assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import type { ProjectionCounts } from "../model/projection_counts.ts";
import { projectionFamilies } from "./projection_metrics.ts";

function aProjection(name: string): ProjectionCounts {
  return {
    name,
    isRunning: true,
    isFaulted: false,
    eventsProcessed: 5,
    lagEvents: undefined,
  };
}

function shown(projections: readonly ProjectionCounts[]): string[] {
  return projectionFamilies(projections).flatMap(({ name, samples }) =>
    samples.map(({ labels, value }) => `${name}${labels} ${value}`)
  );
}

Deno.test("each projection has its numbers, but those that are not known", () => {
  const labels = '{projection="p\\"1"}';
  assertEquals(shown([aProjection('p"1')]), [
    `quipu_projection_running${labels} 1`,
    `quipu_projection_faulted${labels} 0`,
    `quipu_projection_events_processed${labels} 5`,
  ]);
});

Deno.test("projections beyond the limit are counted together", () => {
  const count = LIMITS.projectionMetricsMax + 3;
  const lines = shown(
    Array.from({ length: count }, (_, index) => aProjection(`p${index}`)),
  );
  const others = lines.filter((line) => line.includes('projection=""'));
  assertEquals(others, [
    'quipu_projection_running{projection=""} 3',
    'quipu_projection_faulted{projection=""} 0',
    'quipu_projection_events_processed{projection=""} 15',
    'quipu_projection_lag_events{projection=""} 0',
  ]);
});
