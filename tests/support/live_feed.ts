/**
 * Live feeds of the service as tests read them: message by message.
 *
 * @module
 */

import { PullStreams } from "../../lib/http/pull_stream.ts";
import { formatEventNumber } from "../../lib/model/event_number.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type {
  Caller,
  LiveFeedCommand,
  LiveFormat,
  StreamService,
} from "../../lib/streams/outcomes.ts";

/** Messages as short texts, one a line. */
export const TEST_FORMAT: LiveFormat = {
  key: "test",
  event(out, { original, link, target }, place) {
    const name = `${formatEventNumber(original.eventNumber)}@` +
      original.streamName;
    const mark = target === undefined ? "?" : "";
    out.pushText(
      link === undefined
        ? `${place} ${name}\n`
        : `${place} ${name}>${link.eventNumber}@${link.streamName}${mark}\n`,
    );
  },
  progress: (place) => `progress ${place}\n`,
  caughtUp: (place) => `caught-up ${place}\n`,
  opening: "opened\n",
  heartbeat: "heartbeat\n",
  ended: (reason) => `ended ${reason}\n`,
};

/** A reader of lines; it asks for more only when it is asked. */
export class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** The next line; undefined at the end. Heartbeats are left out. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end < 0) {
        const { value, done } = await this.#reader.read();
        if (done) return undefined;
        this.#text += this.#decoder.decode(value, { stream: true });
        continue;
      }
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      if (line !== "heartbeat") return line;
    }
  }

  /** The next lines. */
  async take(count: number): Promise<(string | undefined)[]> {
    const lines: (string | undefined)[] = [];
    for (let index = 0; index < count; index++) lines.push(await this.next());
    return lines;
  }

  /** What is handed over at once. */
  async chunk(): Promise<Uint8Array | undefined> {
    return (await this.#reader.read()).value;
  }

  /** Leaves. */
  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** Opens the live feed of "s" from its start, unless `changes` say otherwise. */
export async function openLive(
  service: StreamService,
  changes: Partial<LiveFeedCommand> = {},
  caller: Caller = undefined,
): Promise<LineReader> {
  const outcome = await service.openLiveFeed(caller, aLiveRead(changes));
  if (outcome.kind !== "feed") {
    throw new Error(`Expected a feed: ${outcome.kind}`);
  }
  const body = new PullStreams(LIMITS.sendStallMs).open(outcome.source, {
    stallMs: LIMITS.liveFeedStallMs,
  });
  return new LineReader(body);
}

/** Asks for the live feed of "s" from its start, unless `changes` say otherwise. */
export function aLiveRead(
  changes: Partial<LiveFeedCommand> = {},
): LiveFeedCommand {
  return {
    streamName: "s",
    start: { kind: "at", place: 0 },
    resolveLinks: true,
    filter: undefined,
    format: TEST_FORMAT,
    ...changes,
  };
}
