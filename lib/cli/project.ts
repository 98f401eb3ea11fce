/**
 * `quipu project`: runs a projection over events without registering it, and
 * `quipu project deploy`: brings the projections of a directory to a server.
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import type {
  CausedEvent,
  FoldReport,
  PartitionStates,
} from "../projections/fold_events.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { RunError, UsageError } from "./failures.ts";
import { readOptionFile } from "./named_files.ts";
import {
  directoryOf,
  STORE_IS_THERE,
  STORE_OPTIONS,
  workLong,
} from "./offline_work.ts";
import { deployProjections } from "./project_deploy.ts";
import {
  eventsOfDirectory,
  eventsOfFile,
  eventsOfServer,
  failureOf,
  type ProjectEvents,
} from "./project_events.ts";
import {
  loginPasswordOption,
  openClientWithFiles,
  type ServerClient,
  serverOptions,
} from "./server_client.ts";
import { printAnswer, printFailure } from "./terminal.ts";

const NO_STATES: PartitionStates = { state: "null", result: "null" };

const ROW = {
  name: "project",
  summary: "Run a projection over events and show its state, or deploy some",
  details:
    "Writes nothing: prints state, result, emitted events and log as one " +
    "line of JSON. The events are those of an export (--events), of a store " +
    "that no server has open (--db), or of a running server (--url). A " +
    "projection that fails ends the program with exit code 1, and the " +
    "message names the line of the query and the event. " +
    "As quipu project deploy DIR --url URL, it creates the projections of " +
    "the files DIR/NAME.js that the server lacks, and updates those that " +
    "differ.",
  options: STORE_OPTIONS,
  meanings: STORE_IS_THERE,
  own: {
    events: {
      flag: "events",
      kind: "text",
      valueName: "FILE",
      help:
        "Lines of JSON to read the events from, as quipu export writes them",
      excludes: "url",
    },
    partition: {
      flag: "partition",
      kind: "text",
      valueName: "NAME",
      help: "Show this partition alone",
    },
    isWatching: {
      flag: "watch",
      kind: "boolean",
      help: "Run it again whenever the file of the query changes",
    },
    isDryRun: {
      flag: "dry-run",
      kind: "boolean",
      help: "Of deploy: say what would be done, and change nothing",
    },
    ...serverOptions({
      url: "Take the events of the server at this address, or deploy to it",
      groups: "$admins",
    }),
    passwordFile: loginPasswordOption("password-file"),
  },
  operands: {
    file: {
      label: "FILE.js",
      help: "The query, in JavaScript; or the word deploy",
    },
    directory: {
      label: "DIR",
      help: "Of deploy: the directory with the queries",
      isOptional: true,
    },
  },
} as const;

type Call = CommandCall<typeof ROW>;

export const PROJECT = defineCommand(ROW, async (call) => {
  const { values, operands: { file, directory } } = call;
  const isDeploying = directory !== undefined;
  if (isDeploying !== (file === "deploy")) {
    throw new UsageError(
      isDeploying
        ? `Unexpected argument "${directory}": only deploy takes a directory`
        : "DIR is missing: the directory with the queries to deploy",
    );
  }
  requireSense(call);
  using client = values.url === undefined
    ? undefined
    : await openClientWithFiles({ ...values, url: values.url });
  if (directory === undefined) {
    await runOrWatch(call, eventsOf(call, client));
    return;
  }
  if (client === undefined) {
    throw new UsageError("--url is missing: the server to deploy to");
  }
  const { isDryRun } = values;
  return await deployProjections({ directory, client, isDryRun });
});

/** @throws {UsageError} For options that contradict each other. */
function requireSense({ values, origins, operands: { file } }: Call): void {
  const { events, url, isDryRun, isWatching, partition } = values;
  if (origins.directory === "flag" && (events ?? url) !== undefined) {
    throw new UsageError(
      `Options --${events === undefined ? "url" : "events"} and --db exclude ` +
        "each other: give one",
    );
  }
  const isDeploying = file === "deploy";
  if (isDryRun && !isDeploying) {
    throw new UsageError("Option --dry-run is for quipu project deploy");
  }
  if (
    isDeploying &&
    (events !== undefined || partition !== undefined || isWatching ||
      origins.directory === "flag")
  ) {
    throw new UsageError("deploy takes --url, its login and --dry-run alone");
  }
}

function eventsOf(
  { values, origins }: Call,
  client: ServerClient | undefined,
): ProjectEvents {
  if (client !== undefined) return eventsOfServer(client);
  const { events } = values;
  if (events !== undefined) return eventsOfFile(events);
  if (origins.directory === "default") {
    throw new UsageError(
      "No events are named: give --events FILE, --db DIR or --url URL",
    );
  }
  return eventsOfDirectory({ ...values, directory: directoryOf(values) });
}

async function runOrWatch(
  { values, operands: { file } }: Call,
  events: ProjectEvents,
): Promise<void> {
  const { partition, isWatching } = values;
  await workLong({ isQuiet: true }, async ({ signal }) => {
    const once = async () => {
      const report = await runQuery({ file, events, signal });
      printAnswer(reportText(report, partition) + "\n");
    };
    if (!isWatching) return await once();
    for await (const _change of changesOf(file, signal)) {
      try {
        await once();
      } catch (error) {
        if (!(error instanceof RunError) || signal.aborted) throw error;
        printFailure(error.message);
      }
    }
  });
}

const WATCH_MS = 250;

/** Begins at once, and goes on whenever the time or size of the file changes. */
async function* changesOf(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<void> {
  let known: string | undefined;
  while (true) {
    const stamp = await stampOf(path);
    if (stamp !== known) yield;
    known = stamp;
    await waitFor(WATCH_MS, signal);
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtime, size } = await Deno.stat(path);
    return `${mtime?.getTime()} ${size}`;
  } catch {
    // An editor may have put it aside for a moment; reading it says what is so.
    return "";
  }
}

function waitFor(timeMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = SYSTEM_TIMERS.setTimer(timeMs, resolve);
  signal.addEventListener("abort", () => {
    cancel();
    reject(signal.reason);
  }, { once: true });
  return promise;
}

async function runQuery({ file, events, signal }: {
  readonly file: string;
  readonly events: ProjectEvents;
  readonly signal: AbortSignal;
}): Promise<FoldReport & { readonly isPartitioned: boolean }> {
  const { ProjectionEngine } = await import("../projections/engine/engine.ts");
  const { FoldError, foldEvents } = await import(
    "../projections/fold_events.ts"
  );
  const query = readOptionFile(file, "the query ");
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
      readEvents: () => events.read(signal),
    });
    const { byStream, byCustomPartitions } = definition;
    return {
      ...report,
      logs: [...answer.logs, ...report.logs],
      isPartitioned: byStream === true || byCustomPartitions === true,
    };
  } catch (error) {
    if (!(error instanceof FoldError)) throw error;
    const { fault, at } = error;
    throw failureOf(file, fault, at && { ...at, place: events.placeOf(at) });
  }
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
