/**
 * The parts of a run: those of the server that it works with, and its own.
 *
 * @module
 */

import type { Timers } from "../../model/clock.ts";
import type { Limits } from "../../model/limits.ts";
import type { ProjectionDefinition } from "../engine/messages.ts";
import type { EmitJournal } from "./emit_journal.ts";
import type { EmitWriter } from "./emit_writer.ts";
import type { MergedSource } from "./merged_source.ts";
import type { Partitions } from "./partitions.ts";
import type { Cursor, SourcePlan } from "./positions.ts";
import type { Processor } from "./processor.ts";
import type { SharedSources } from "./shared_sources.ts";
import type { Turns } from "./turns.ts";

/** The parts of the server that a run works with. */
export interface RunParts {
  readonly sources: SharedSources;
  readonly turns: Turns;
  readonly timers: Timers;
  readonly limits: Limits;
  /** Microseconds since 1970. */
  readonly nowUs: () => number;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  /** Starts an engine's worker; by default the one of this program. */
  readonly startWorker?: (() => Worker) | undefined;
}

/** What is known once the query was defined. */
export interface Prepared {
  readonly definition: ProjectionDefinition;
  readonly plan: SourcePlan;
  readonly partitions: Partitions;
  readonly source: MergedSource;
  readonly cursor: Cursor;
  readonly journal: EmitJournal;
  readonly writer: EmitWriter;
  readonly processor: Processor;
  /** Log position of the end of a query. */
  readonly until: number | undefined;
}
