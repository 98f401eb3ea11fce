/**
 * What the server under test is compared with, in a process of its own:
 *
 *   parse  parses the body of a POST, looks at each event, and sends the
 *          headers and bytes that the server under test sends; answers GETs
 *          from memory, 304 where the ETag matches. Stores nothing.
 *   noop   `Deno.serve` with an empty 200: reads neither headers nor body.
 *   drain  as noop, but reads the body: `Deno.serve` closes a connection
 *          whose body of some KB was left unread.
 *
 * Run: `reference_server.ts <parse|noop|drain> <port> [answers.json]`
 *
 * @module
 */

import type { RecordedAnswers, RecordedRead } from "./answers.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** As much of an event as the reference looks at. */
interface PostedEvent {
  readonly eventId?: unknown;
  readonly eventType?: unknown;
}

const STREAMS = "/streams/";
const UUID_TEXT_LENGTH = 36;

function createNoopHandler(): Handler {
  return () => new Response("");
}

function createDrainHandler(): Handler {
  return async (request) => {
    await request.arrayBuffer();
    return new Response("");
  };
}

function createParseHandler(answers: RecordedAnswers, port: number): Handler {
  const origin = `http://127.0.0.1:${port}`;
  const reads = new Map(answers.reads.map((read) => [read.path, read]));
  const { location: _, ...createdHeaders } = answers.created.headers;
  const nextNumbers = new Map<string, number>();

  async function append(request: Request, path: string): Promise<Response> {
    if (request.headers.get("content-type") === null) return refusal(415);
    const events: readonly PostedEvent[] = await request.json();
    if (!events.every(isEvent)) return refusal(400);
    const streamName = path.slice(STREAMS.length);
    const number = nextNumbers.get(streamName) ?? 0;
    nextNumbers.set(streamName, number + events.length);
    const location = `${origin}${path}/${number}`;
    return new Response("", {
      status: 201,
      headers: { ...createdHeaders, location },
    });
  }

  return (request) => {
    const path = request.url.slice(origin.length);
    if (request.method === "POST") return append(request, path);
    const read = reads.get(path);
    return read === undefined ? refusal(404) : readAnswer(request, read);
  };
}

function readAnswer(request: Request, read: RecordedRead): Response {
  if (request.headers.get("accept") !== read.accept) return refusal(406);
  const { answer, notModified } = read;
  const etag = request.headers.get("if-none-match");
  if (
    etag !== null && notModified !== undefined &&
    etag === answer.headers["etag"]
  ) {
    return new Response(null, { status: 304, headers: notModified.headers });
  }
  return new Response(answer.body, { status: 200, headers: answer.headers });
}

function isEvent(event: PostedEvent): boolean {
  return typeof event.eventId === "string" &&
    event.eventId.length === UUID_TEXT_LENGTH &&
    typeof event.eventType === "string";
}

function refusal(status: number): Response {
  return new Response("", { status });
}

async function handlerOf(
  mode: string,
  port: number,
  answersFile: string | undefined,
): Promise<Handler> {
  if (mode === "noop") return createNoopHandler();
  if (mode === "drain") return createDrainHandler();
  if (mode !== "parse" || answersFile === undefined) {
    throw new Error(`Cannot start: mode "${mode}" is not known, or no answers`);
  }
  const answers: RecordedAnswers = JSON.parse(
    await Deno.readTextFile(answersFile),
  );
  return createParseHandler(answers, port);
}

if (import.meta.main) {
  const [mode = "", port = "", answersFile] = Deno.args;
  const handler = await handlerOf(mode, Number(port), answersFile);
  Deno.serve(
    { hostname: "127.0.0.1", port: Number(port), onListen() {} },
    handler,
  );
}
