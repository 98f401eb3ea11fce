/**
 * From a projection's type and query to the script that runs and to what it
 * describes.
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import { objectOf } from "../streams/own_streams.ts";
import { type EngineParts, ProjectionEngine } from "./engine/engine.ts";
import type { DefinedEngine, DefinedQuery } from "./run.ts";
import type { ProjectionDefinition } from "./engine/messages.ts";

/** Type of the built-in projection that links events by correlation id. */
export const BY_CORRELATION_ID_TYPE =
  "native:EventStore.Projections.Core.Standard.ByCorrelationId";

/** The script that runs, or why there is none. */
export type Script =
  | { readonly script: string; readonly showsEventIds: boolean }
  | { readonly fault: string };

/** What a query describes, or why it describes nothing. */
export type Definition =
  | {
    readonly definition: ProjectionDefinition;
    /** Where the query was looked at. It must be handed on or disposed of. */
    readonly engine?: DefinedEngine;
  }
  | { readonly fault: string };

/**
 * The script of a query.
 *
 * @param handlerType `JS`, in any case and with anything behind a colon, or a
 * `native:` type that is known here.
 */
export function scriptOf(handlerType: string, query: string): Script {
  if (/^js(?::|$)/i.test(handlerType)) {
    return { script: query, showsEventIds: false };
  }
  return handlerType === BY_CORRELATION_ID_TYPE
    ? correlationScriptOf(query)
    : { fault: `'${handlerType}' handler type is not supported` };
}

/** Finds out what a query describes, in an engine of its own. */
export async function defineQuery(
  asked: DefinedQuery,
  { limits, ...parts }: EngineParts & { readonly limits: Limits },
): Promise<Definition> {
  const { mode, canEmit } = asked;
  const found = scriptOf(asked.handlerType, asked.query);
  if ("fault" in found) return found;
  const { script, showsEventIds } = found;
  const engine = new ProjectionEngine(
    { query: script, showsEventIds, canEmit, limits },
    parts,
  );
  const answer = await engine.define();
  const fault = "fault" in answer
    ? answer.fault.text
    : mode === "Continuous" && answer.definition.catalogStream !== undefined
    ? "catalogStream is not supported in the projections mode"
    : undefined;
  if ("fault" in answer || fault !== undefined) {
    engine[Symbol.dispose]();
    return { fault: fault ?? "" };
  }
  const { definition, logs } = answer;
  return { definition, engine: { query: asked, engine, logs } };
}

/** Finds out what queries describe, a few at a time: each needs a worker. */
export class QueryDefiner {
  readonly #parts: EngineParts & { readonly limits: Limits };
  readonly #waiting: (() => void)[] = [];
  #busyCount = 0;

  constructor(parts: EngineParts & { readonly limits: Limits }) {
    this.#parts = parts;
  }

  /** As `defineQuery`, once it is its turn. */
  async define(query: DefinedQuery): Promise<Definition> {
    if (this.#busyCount >= this.#parts.limits.projectionDefinesMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#busyCount++;
    try {
      return await defineQuery(query, this.#parts);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busyCount--;
      else next();
    }
  }
}

/** Links each event whose metadata has the property that the query names. */
function correlationScriptOf(query: string): Script {
  const property = propertyOf(query);
  if (property === undefined) {
    return {
      fault: "The query must be an object of JSON " +
        'whose member "correlationIdProperty" is a text',
    };
  }
  return {
    showsEventIds: true,
    script: `const property = ${JSON.stringify(property)};
fromAll().when({
  $any(state, event) {
    let metadata;
    try {
      metadata = JSON.parse(event.metadataRaw);
    } catch {
      return state;
    }
    const id = metadata === null ? undefined : metadata[property];
    if (typeof id !== "string" && typeof id !== "number") return state;
    const time = new Date().toISOString().replace("Z", "000Z");
    const isLink = event.eventType === "$>";
    const [, number, name] = isLink
      ? /^(\\d+)@([^]*)$/.exec(event.bodyRaw) ?? []
      : [, event.sequenceNumber, event.streamId];
    if (name === undefined) return state;
    linkTo("$bc-" + id, { sequenceNumber: number, streamId: name }, {
      $eventTimestamp: time,
      ...(isLink ? { $link: { eventId: event.eventId, metadata } } : {}),
    });
    return state;
  },
});
options({ $includeLinks: true });`,
  };
}

function propertyOf(query: string): string | undefined {
  try {
    const property = objectOf(JSON.parse(query))?.correlationIdProperty;
    return typeof property === "string" && property !== ""
      ? property
      : undefined;
  } catch {
    return undefined;
  }
}
