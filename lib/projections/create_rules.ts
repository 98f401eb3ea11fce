/**
 * Why a projection cannot be created, whoever asks for it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Limits } from "../model/limits.ts";
import { metastreamOf } from "../model/stream_names.ts";
import type { StoreLimits } from "../store/event_store.ts";
import type { CreateCommand } from "./contract.ts";
import { recordStreamOf, REGISTRY_STREAM } from "./registry.ts";

/** Endings of the streams that go with a projection. */
const OWN_ENDINGS = [
  "-checkpoint",
  "-result",
  "-partitions",
  "-order",
  "-emittedstreams",
  "-emitted",
];

/** What is wrong with a command; undefined: nothing. */
export function createFaultOf(
  { mode, query, emitEnabled, hasCheckpoints }: CreateCommand,
  { projectionQueryLengthMax }: Limits,
): string | undefined {
  if (mode === "OneTime" && emitEnabled && !hasCheckpoints) {
    return "Emit requires checkpoints";
  }
  return query.length > projectionQueryLengthMax
    ? `The query is longer than ${projectionQueryLengthMax}`
    : undefined;
}

/**
 * What is wrong with a name: it must make names of streams, which no other
 * projection has.
 */
export function nameFaultOf(
  name: string,
  { streamNameBytesMax }: StoreLimits,
): string | undefined {
  const longest = metastreamOf(`${recordStreamOf(name)}-emittedstreams`);
  const excess = Buffer.byteLength(longest) - streamNameBytesMax;
  if (excess > 0) return `The name is ${excess} bytes too long`;
  if (recordStreamOf(name) === REGISTRY_STREAM) {
    return `The name ${name} is the registry's`;
  }
  const ending = OWN_ENDINGS.find((ending) => name.endsWith(ending));
  return ending === undefined
    ? undefined
    : `A name that ends with ${ending} would be that of another projection's stream`;
}
