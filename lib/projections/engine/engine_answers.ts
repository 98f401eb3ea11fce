/**
 * Reads what a query's engine answers. The query may have changed every global,
 * so it is checked like input from a client: each function throws an
 * `AnswerError`, or the `SyntaxError` of JSON, for what the prelude never
 * writes.
 *
 * @module
 */

import type {
  CatalogAnswer,
  DefineAnswer,
  EmittedEvent,
  EngineFault,
  EventEffects,
  PartitionsAnswer,
  PartitionState,
  ProcessAnswer,
  ProjectionDefinition,
} from "./messages.ts";

/** Characters of a fault's text. */
const FAULT_LENGTH_MAX = 1024;

/** What the query's engine answers is nothing that the prelude writes. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

type Members = Readonly<Record<string, unknown>>;

function parseObject(text: string): Members {
  return objectOf(JSON.parse(text));
}

function objectOf(value: unknown): Members {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Members;
  }
  throw new AnswerError("no object");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new AnswerError("no list");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw new AnswerError("no text");
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(textOf);
}

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw new AnswerError("no count");
}

/** Decodes a fault. */
export function decodeFault(text: string): EngineFault {
  return faultOfMembers(parseObject(text));
}

function faultOfMembers({ text, line, isOfEmit }: Members): EngineFault {
  return {
    text: textOf(text).slice(0, FAULT_LENGTH_MAX),
    line: Number.isSafeInteger(line) ? Number(line) : 0,
    ...(isOfEmit === true && { isOfEmit }),
  };
}

/** Decodes what a query describes. */
export function decodeDefinition(text: string): DefineAnswer {
  const { definition, fault, logs } = parseObject(text);
  if (fault !== undefined) {
    return { fault: faultOfMembers(objectOf(fault)), logs: textsOf(logs) };
  }
  const members = objectOf(definition);
  textsOf(members["categories"]);
  textsOf(members["events"]);
  textsOf(members["streams"]);
  objectOf(members["options"]);
  return {
    definition: members as unknown as ProjectionDefinition,
    logs: textsOf(logs),
  };
}

/** Decodes the partitions of a batch. */
export function decodePartitions(text: string): PartitionsAnswer {
  const { partitions, fault } = parseObject(text);
  return { partitions: namesOf(partitions), ...faultIn(fault) };
}

/** Decodes the names of a catalogue. */
export function decodeCatalog(text: string): CatalogAnswer {
  const { names, fault } = parseObject(text);
  return { streamNames: namesOf(names), ...faultIn(fault) };
}

function namesOf(value: unknown): readonly (string | null)[] {
  return listOf(value).map((name) => name === null ? null : textOf(name));
}

function faultIn(value: unknown): { readonly fault?: EngineFault } {
  return value === undefined ? {} : { fault: faultOfMembers(objectOf(value)) };
}

/** Decodes what a batch came to. */
export function decodeAnswer(text: string): Omit<ProcessAnswer, "memoryBytes"> {
  const { taken, isDone, states, sharedState, effects, logs } = parseObject(
    text,
  );
  return {
    takenCount: countOf(taken),
    isDone: isDone === true,
    states: listOf(states).map(decodeState),
    ...(sharedState !== null && { sharedState: textOf(sharedState) }),
    effects: listOf(effects).map(decodeEffects),
    logs: textsOf(logs),
  };
}

function decodeState(value: unknown): PartitionState {
  const [partition, state, result] = listOf(value);
  return {
    partition: textOf(partition),
    state: textOf(state),
    result: textOf(result ?? state),
  };
}

function decodeEffects(value: unknown): EventEffects {
  const [index, result, emitted, logs] = listOf(value);
  return {
    index: countOf(index),
    ...(result !== null && { result: textOf(result) }),
    emitted: listOf(emitted).map(decodeEmitted),
    logs: textsOf(logs),
  };
}

function decodeEmitted(value: unknown): EmittedEvent {
  const { streamName, eventType, isJson, data, metadata } = objectOf(value);
  return {
    streamName: textOf(streamName),
    eventType: textOf(eventType),
    isJson: isJson === true,
    ...(data !== undefined && { data: textOf(data) }),
    ...(metadata !== undefined && { metadata: textOf(metadata) }),
  };
}
