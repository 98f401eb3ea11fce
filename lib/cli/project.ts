/**
 * `quipu project`: runs a projection over the events of an export.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import type {
  CausedEvent,
  FoldReport,
  LocatedEvent,
  PartitionStates,
} from "../projections/fold_events.ts";
import type { EngineFault } from "../projections/engine/messages.ts";
import { defineCommand } from "./command.ts";
import { RunError, UsageError } from "./failures.ts";
import { kindOfInput, openInput, readOptionFile } from "./named_files.ts";
import { workLong } from "./offline_work.ts";
import { printAnswer } from "./terminal.ts";

const NO_STATES: PartitionStates = { state: "null", result: "null" };

export const PROJECT = defineCommand({
  name: "project",
  summary: "Run a projection over the events of an export, and show its state",
  details: "Writes nothing: prints state, result, emitted events and log as " +
    "one line of JSON. A projection that fails ends the program with exit " +
    "code 1, and the message names the line of the query and the event.",
  options: [],
  own: {
    events: {
      flag: "events",
      kind: "text",
      valueName: "FILE",
      help:
        "Lines of JSON to read the events from, as quipu export writes them",
    },
    partition: {
      flag: "partition",
      kind: "text",
      valueName: "NAME",
      help: "Show this partition alone",
    },
  },
  operands: {
    file: { label: "FILE.js", help: "The query, in JavaScript" },
  },
}, async ({ values, operands }) => {
  const { events, partition } = values;
  const { file } = operands;
  if (events === undefined) {
    throw new UsageError("--events is missing: an export to read");
  }
  if (kindOfInput(events) !== "file") {
    throw new RunError(
      `Cannot read "${events}": it is read more than once, so it must be a file`,
    );
  }
  const query = readOptionFile(file, "the query ");
  const { report } = await workLong(
    { isQuiet: true },
    ({ signal }) => runQuery({ file, query, events, signal }),
  );
  printAnswer(reportText(report, partition) + "\n");
});

async function runQuery({ file, query, events, signal }: {
  readonly file: string;
  readonly query: string;
  readonly events: string;
  readonly signal: AbortSignal;
}): Promise<FoldReport & { readonly isPartitioned: boolean }> {
  const { ProjectionEngine } = await import("../projections/engine/engine.ts");
  const { FoldError, foldEvents } = await import(
    "../projections/fold_events.ts"
  );
  using engine = new ProjectionEngine(
    { query, canEmit: true, limits: LIMITS },
    { timers: SYSTEM_TIMERS },
  );
  const answer = await engine.define();
  if ("fault" in answer) throw failureOf(file, answer.fault);
  const { definition } = answer;
  try {
    const report = await foldEvents({
      engine,
      definition,
      limits: LIMITS,
      readEvents: () => readEvents(events, signal),
    });
    const { byStream, byCustomPartitions } = definition;
    return {
      ...report,
      logs: [...answer.logs, ...report.logs],
      isPartitioned: byStream === true || byCustomPartitions === true,
    };
  } catch (error) {
    if (!(error instanceof FoldError)) throw error;
    throw failureOf(file, error.fault, error.at, events);
  }
}

/** Reads the events of an export. */
async function* readEvents(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<LocatedEvent> {
  const { LineFault, linesOf } = await import("../store/transfer_lines.ts");
  const { LineError, parseLine } = await import("../store/transfer_line.ts");
  const { bytes } = await openInput(path, signal);
  let line = 0;
  try {
    for await (const text of linesOf(bytes)) {
      line++;
      if (text.trim() === "") continue;
      const parsed = parseLine(text);
      if (parsed.kind === "event") yield { line, event: parsed.event };
    }
  } catch (error) {
    if (!(error instanceof LineError || error instanceof LineFault)) {
      throw error;
    }
    const at = error instanceof LineFault ? error.line : line;
    throw new RunError(`Cannot read line ${at} of "${path}": ${error.message}`);
  }
}

function failureOf(
  file: string,
  { text, line }: EngineFault,
  at?: LocatedEvent,
  events?: string,
): RunError {
  const place = line > 0 ? `${file}:${line}` : file;
  if (at === undefined) return new RunError(`${place}: ${text}`);
  const { eventNumber, streamName, event: { eventType } } = at.event;
  return new RunError(
    `${place}: ${text}; at event ${eventNumber}@${streamName} ` +
      `(${eventType}), line ${at.line} of ${events}`,
  );
}

/** States are JSON already, and stay as the projection wrote them. */
function reportText(
  report: FoldReport & { readonly isPartitioned: boolean },
  partition: string | undefined,
): string {
  const { eventCount, partitions, sharedState, isPartitioned } = report;
  const only = partition ?? (isPartitioned ? undefined : "");
  const states = only === undefined
    ? [
      `"partitions":{${
        [...partitions].map(([name, states]) =>
          `${JSON.stringify(name)}:{${statesText(states)}}`
        ).join(",")
      }}`,
    ]
    : [statesText(partitions.get(only) ?? NO_STATES)];
  return "{" + [
    `"events":${eventCount}`,
    ...states,
    ...(sharedState === undefined ? [] : [`"sharedState":${sharedState}`]),
    `"emitted":[${report.emitted.map(emittedText).join(",")}]`,
    `"log":${JSON.stringify(report.logs)}`,
  ].join(",") + "}";
}

function statesText({ state, result }: PartitionStates): string {
  return `"state":${state},"result":${result}`;
}

function emittedText(
  { streamName, eventType, isJson, data, metadata, causedBy }: CausedEvent,
): string {
  return JSON.stringify({
    stream: streamName,
    type: eventType,
    isJson,
    data,
    metadata,
    causedBy,
  });
}
