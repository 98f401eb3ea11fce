/**
 * A client process: for each line on standard input, the URL of a server, it
 * appends over several connections until the server is gone, and then says
 * `done`. What it asked and what was answered it writes to its witness file,
 * which lies outside of the server's directory.
 *
 * Lines of the witness: `ask STREAM ID,ID,…` and `ok ID NUMBER`, the first id
 * of the batch and the number that was answered for it.
 *
 * @module
 */

const [witnessPath = "", connections = "8", streams = "16"] = Deno.args;

const ENCODER = new TextEncoder();
const witness = Deno.openSync(witnessPath, { create: true, append: true });

function note(line: string): void {
  witness.writeSync(ENCODER.encode(line + "\n"));
}

interface Batch {
  readonly streamName: string;
  readonly eventIds: readonly string[];
}

function newBatch(): Batch {
  const count = Math.random() < 0.5 ? 1 : 2 + Math.floor(Math.random() * 5);
  const batch = {
    streamName: `kill-${Math.floor(Math.random() * Number(streams))}`,
    eventIds: Array.from({ length: count }, () => crypto.randomUUID()),
  };
  note(`ask ${batch.streamName} ${batch.eventIds.join()}`);
  return batch;
}

/** Number of the first event; undefined when there was no answer. */
async function send(url: string, batch: Batch): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/streams/${batch.streamName}`, {
      method: "POST",
      headers: { "Content-Type": "application/vnd.eventstore.events+json" },
      body: JSON.stringify(batch.eventIds.map((eventId) => ({
        eventId,
        eventType: "sent",
        data: { filler: "x".repeat(200) },
      }))),
    });
    await response.body?.cancel();
    if (response.status !== 201) return undefined;
    return Number(/(\d+)$/.exec(response.headers.get("Location") ?? "")?.[1]);
  } catch {
    return undefined;
  }
}

/** Batches that got no answer in the life before: some are sent again. */
let unanswered: Batch[] = [];

async function appendUntilGone(url: string): Promise<Batch | undefined> {
  while (true) {
    const again = Math.random() < 0.8 ? unanswered.pop() : undefined;
    const batch = again ?? newBatch();
    const number = await send(url, batch);
    if (number === undefined) return batch;
    note(`ok ${batch.eventIds[0]} ${number}`);
  }
}

let input = "";
for await (const chunk of Deno.stdin.readable) {
  input += new TextDecoder().decode(chunk);
  for (let end = input.indexOf("\n"); end >= 0; end = input.indexOf("\n")) {
    const url = input.slice(0, end);
    input = input.slice(end + 1);
    const left = await Promise.all(
      Array.from({ length: Number(connections) }, () => appendUntilGone(url)),
    );
    unanswered = left.filter((batch) => batch !== undefined);
    Deno.stdout.writeSync(ENCODER.encode("done\n"));
  }
}
