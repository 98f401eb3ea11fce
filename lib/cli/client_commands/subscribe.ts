/**
 * `quipu subscribe`: work for each event of a stream, as a consumer of a
 * persistent subscription or with a position of its own.
 *
 * @module
 */

import type { Client, Message, RecordedEvent } from "../../client/mod.ts";
import { systemReasonOf } from "../../text/system_errors.ts";
import { RunError, UsageError } from "../failures.ts";
import { readTextFile } from "../named_files.ts";
import type { ValuesOf } from "../options/options.ts";
import { defineClientCommand, isAborted } from "./client_command.ts";
import { eventLine } from "./event_lines.ts";
import { FILTER_OPTIONS, filterOf } from "./feed_options.ts";
import { NobodyReads, print } from "./output.ts";
import { runForEvent } from "./run_handler.ts";

const OWN = {
  exec: {
    flag: "exec",
    kind: "text",
    valueName: "COMMAND",
    help: "Run this line of the shell for each event, which is a line of " +
      "JSON on its standard input, with EVENT_ID, EVENT_TYPE, EVENT_NUMBER " +
      "and EVENT_STREAM as variables. Default: print it",
  },
  parallel: {
    flag: "parallel",
    kind: "integer",
    default: 1,
    least: 1,
    most: 100,
    help: "With GROUP: commands that run at the same time",
  },
  bufferSize: {
    flag: "buffer",
    kind: "integer",
    default: 10,
    least: 1,
    most: 1_000,
    help: "With GROUP: messages that are sent ahead",
  },
  from: {
    flag: "from",
    kind: "text",
    valueName: "PLACE",
    default: "0",
    help: "Without GROUP: where to begin: an event number, in $all a " +
      "position, a time, or head",
  },
  position: {
    flag: "position",
    kind: "text",
    valueName: "FILE",
    help: "Without GROUP: keep the position in this file, and go on from it",
  },
  ...FILTER_OPTIONS,
} as const;

type Values = ValuesOf<typeof OWN> & { readonly isJson: boolean };

/** Exit code of a command whose event can never be processed: EX_DATAERR. */
const EXIT_CODE_PARK = 65;

export const SUBSCRIBE = defineClientCommand({
  name: "subscribe",
  triesMax: Infinity,
  summary: "Print each event of a stream, or run a command for it",
  details: "With GROUP it is a consumer of a persistent subscription: an " +
    "event is acknowledged when the command ends with 0, parked when it ends " +
    `with ${EXIT_CODE_PARK}, and else comes again. Without GROUP events come ` +
    "in order; the first command that fails ends it, and --position keeps " +
    "what was done. If it is killed, the event that it was working on comes " +
    "again: a command must bear that, by EVENT_ID. Ctrl-C waits for commands " +
    "that run.",
  own: OWN,
  operands: {
    stream: { label: "STREAM", help: "The stream" },
    group: {
      label: "GROUP",
      help: "Group of a persistent subscription, which must be there",
      isOptional: true,
    },
  },
}, async ({ client, values, operands: { stream, group }, signal }) => {
  const work = workOf(client, values);
  try {
    if (group === undefined) {
      await follow({ client, stream, values, signal, work });
    } else {
      if (values.position !== undefined) {
        throw new UsageError("Options --position and GROUP exclude each other");
      }
      await consume({ client, stream, group, values, signal, work });
    }
  } catch (error) {
    const isEnd = error instanceof NobodyReads || isAborted(error, signal);
    if (!isEnd) throw error;
  }
});

/** Processes an event; returns the exit code of its command. */
type Work = (event: RecordedEvent) => Promise<number>;

function workOf(client: Client, { exec, isJson }: Values): Work {
  if (exec === undefined) {
    return async (event) => {
      print(await eventLine(event, { client, isJson }) + "\n");
      return 0;
    };
  }
  return async (event) => {
    const json = await eventLine(event, { client, isJson: true });
    return await runForEvent(exec, event, json);
  };
}

interface Subscription {
  readonly client: Client;
  readonly stream: string;
  readonly values: Values;
  readonly signal: AbortSignal;
  readonly work: Work;
}

/** In order, with a position of its own. */
async function follow(
  { client, stream, values, signal, work }: Subscription,
): Promise<void> {
  const { position, from } = values;
  const after = position === undefined ? undefined : readPosition(position);
  const feed = client.follow(stream, {
    ...(after === undefined ? { from } : { after }),
    filter: filterOf(values),
    signal,
  });
  for await (const event of feed) {
    const exitCode = await work(event);
    if (exitCode !== 0) {
      throw new RunError(
        `The command ended with ${exitCode} for event ${event.eventNumber} ` +
          `of ${event.streamName}`,
      );
    }
    if (position !== undefined) writePosition(position, event.place ?? "");
    signal.throwIfAborted();
  }
}

function readPosition(path: string): string | undefined {
  try {
    const text = readTextFile(path).trim();
    if (!/^[0-9A-Fa-f]{1,32}$/.test(text)) throw new Error("it is no position");
    return text;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new RunError(`Cannot read "${path}": ${systemReasonOf(error)}`);
  }
}

/** Whole or not at all, whenever the program is killed. */
function writePosition(path: string, place: string): void {
  try {
    const next = `${path}.next`;
    Deno.writeTextFileSync(next, place + "\n");
    Deno.renameSync(next, path);
  } catch (error) {
    throw new RunError(`Cannot write "${path}": ${systemReasonOf(error)}`);
  }
}

/**
 * As a consumer. The connection stays open until all that was begun is
 * answered: a message whose connection has ended goes to others.
 */
async function consume(
  { client, stream, group, values, signal, work }: Subscription & {
    readonly group: string;
  },
): Promise<void> {
  const ending = new AbortController();
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  signal.addEventListener("abort", () => aborted.reject(signal.reason));
  const messages = client.consume({ streamName: stream, groupName: group }, {
    bufferSize: Math.max(values.bufferSize, values.parallel),
    signal: ending.signal,
  });
  const running = new Set<Promise<void>>();
  try {
    signal.throwIfAborted();
    let next = messages.next();
    for (;;) {
      // It is rejected when the connection is ended below.
      next.catch(() => {});
      const result = await Promise.race([next, aborted.promise, ...running]);
      // One that was running is done.
      if (result === undefined) continue;
      if (result.done) return;
      const task = answer(result.value, work)
        .finally(() => running.delete(task));
      running.add(task);
      task.catch(() => {});
      while (running.size >= values.parallel) await Promise.race(running);
      next = messages.next();
    }
  } finally {
    await Promise.allSettled(running);
    ending.abort();
  }
}

async function answer(
  { event, ack, nack }: Message<Readonly<Record<string, unknown>>>,
  work: Work,
): Promise<void> {
  const exitCode = await work(event);
  if (exitCode === 0) await ack();
  else await nack(exitCode === EXIT_CODE_PARK ? "park" : "retry");
}
