/**
 * Server-sent events, over as many connections as it takes.
 *
 * Bytes are read when a message is asked for: a slow caller slows the server
 * down. The server sends something every 15 seconds; a connection on which
 * nothing comes for three times as long is given up.
 *
 * @module
 */

import { ClientError } from "./errors.ts";
import type { ClientRequest, OpenAnswer, Transport } from "./transport.ts";

/** A message. */
export interface SentMessage {
  /** Undefined: it has none. */
  readonly id: string | undefined;
  /** Its kind: `message` unless it says otherwise. */
  readonly event: string;
  /** Empty where it has none. */
  readonly data: string;
}

const SILENCE_MS_MAX = 45_000;

/**
 * Reads messages for ever: connects again when a connection ends.
 *
 * @param request Makes the request of each connection.
 * @throws {ClientError} If the server refuses, or too many tries fail in a row.
 */
export async function* readEventStream(
  transport: Transport,
  request: () => ClientRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<SentMessage, void> {
  const retries = transport.retries(signal);
  for (;;) {
    try {
      const answer = await transport.open({ ...request(), signal });
      try {
        for await (const message of readMessages(answer)) {
          retries.reset();
          yield message;
        }
      } finally {
        answer.close();
      }
      throw new ClientError("unavailable", "The server ended the feed");
    } catch (error) {
      await retries.after(error);
    }
  }
}

/** Messages of one connection. */
async function* readMessages(
  answer: OpenAnswer,
): AsyncGenerator<SentMessage, void> {
  const reader = answer.body.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // The body of an app in this process does not know of the signal.
  const cancel = () => void reader.cancel().catch(() => {});
  answer.signal.addEventListener("abort", cancel, { once: true });
  let text = "";
  try {
    for (;;) {
      const chunk = await readInTime(reader, answer);
      if (chunk === undefined) return;
      text += decoder.decode(chunk, { stream: true });
      let start = 0;
      for (;;) {
        const end = text.indexOf("\n\n", start);
        if (end < 0) break;
        const message = parseMessage(text.slice(start, end));
        start = end + 2;
        if (message !== undefined) yield message;
      }
      text = text.slice(start);
    }
  } finally {
    cancel();
  }
}

/** @returns Undefined at the end. */
async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  answer: OpenAnswer,
): Promise<Uint8Array | undefined> {
  const timer = setTimeout(() => answer.close(), SILENCE_MS_MAX);
  try {
    const { value } = await reader.read();
    answer.signal.throwIfAborted();
    return value;
  } catch (error) {
    throw answer.broken(error);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns Undefined for a comment. */
function parseMessage(block: string): SentMessage | undefined {
  let id: string | undefined;
  let event = "message";
  let data = "";
  let isMessage = false;
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    isMessage ||= name !== undefined;
    if (name === "id") id = value;
    if (name === "event") event = value;
    if (name === "data") data += value;
  }
  return isMessage ? { id, event, data } : undefined;
}
