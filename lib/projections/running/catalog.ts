/**
 * Catalogues: streams that events name, each of which a query runs on its own
 * (spec: projections §7.1).
 *
 * @module
 */

import type { Limits } from "../../model/limits.ts";
import { isMetastream } from "../../model/stream_names.ts";
import type { ProjectionEngine } from "../engine/engine.ts";
import type { ProjectionEvent } from "../engine/messages.ts";
import { MergedSource } from "./merged_source.ts";
import type { MergedSourceOptions } from "./merged_source.ts";
import { Cursor, type SourcePlan } from "./positions.ts";
import { RunFault } from "./run_fault.ts";

/** What a catalogue is read with. */
export interface CatalogParts extends Omit<MergedSourceOptions, "plan"> {
  readonly engine: ProjectionEngine;
  readonly limits: Limits;
  readonly until: number;
}

/**
 * Reads which streams a catalogue names, in its order; those that are not there
 * are left out.
 *
 * @param catalogStream `$all`: each stream's first event is asked for it.
 * @throws {RunFault} If the query fails, or there are too many.
 */
export async function readCatalog(
  { engine, limits, ...options }: CatalogParts,
  catalogStream: string,
): Promise<readonly string[]> {
  const isOfAll = catalogStream === "$all";
  const name = isOfAll ? "$streams" : catalogStream;
  const plan: SourcePlan = {
    kind: "streams",
    streams: [{ streamName: name, key: name }],
  };
  const found = new Set<string>();
  using source = await MergedSource.open(
    { ...options, plan },
    new Cursor(plan, undefined),
  );
  while (true) {
    const { events, isAtEnd } = await source.next();
    const asked = events.map(({ event }) => event).filter(({ streamName }) =>
      !(isOfAll && isMetastream(streamName))
    );
    const { projectionBatchEventsMax: most, projectionCatalogMax } = limits;
    for (let from = 0; from < asked.length; from += most) {
      await ask(engine, asked.slice(from, from + most), found);
    }
    if (found.size > projectionCatalogMax) {
      throw new RunFault(
        `The catalogue names more than ${projectionCatalogMax} streams`,
      );
    }
    if (isAtEnd) break;
  }
  const { store } = options.sources.context;
  const present: string[] = [];
  for (const streamName of found) {
    const { head } = await store.readState(streamName);
    if (head >= 0) present.push(streamName);
  }
  return present;
}

async function ask(
  engine: ProjectionEngine,
  events: readonly ProjectionEvent[],
  found: Set<string>,
): Promise<void> {
  const { streamNames, fault } = await engine.catalog(events);
  for (const name of streamNames) if (name !== null) found.add(name);
  if (fault !== undefined) throw new RunFault(fault.text);
}
