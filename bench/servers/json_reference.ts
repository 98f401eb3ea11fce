/**
 * What writing JSON alone takes: a process that holds the objects of a page
 * and hands them to `JSON.stringify` again and again.
 *
 * Run: `json_reference.ts <file with a page>`. It reads lines from its input,
 * each with the milliseconds to go on for, and answers with a line of JSON.
 *
 * @module
 */

import process from "node:process";

/** What a turn came to. */
export interface JsonTurn {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly pages: number;
}

function measure(page: unknown, forMs: number): JsonTurn {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  let pages = 0;
  // The same bytes as the server's: two spaces a level.
  for (; performance.now() < startedAt + forMs; pages++) {
    JSON.stringify(page, undefined, 2);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6, pages };
}

/** The process, as the bench sees it. */
export class JsonReference implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** @param pageFile A page as the server writes it. */
  static start(pageFile: string): JsonReference {
    return new JsonReference(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-read", import.meta.url, pageFile],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn(),
    );
  }

  /** Goes on for a time. */
  async turn(forMs: number): Promise<JsonTurn> {
    await this.#writer.write(new TextEncoder().encode(`${forMs}\n`));
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The reference ended");
      text += value;
    }
    return JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
  }
}

if (import.meta.main) {
  const page = JSON.parse(await Deno.readTextFile(Deno.args[0] ?? ""));
  let rest = "";
  for await (
    const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  ) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      Deno.stdout.writeSync(new TextEncoder().encode(
        JSON.stringify(measure(page, Number(line))) + "\n",
      ));
    }
  }
}
