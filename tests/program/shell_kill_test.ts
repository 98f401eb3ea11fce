/**
 * Events through two shells, `quipu append` on one side and `quipu tail` and
 * `quipu subscribe --exec` on the other, while each of them and the server are
 * killed with SIGKILL again and again and started anew: nothing is lost and
 * nothing is doubled.
 *
 * `QUIPU_SHELL_EVENTS` says how many events there are; `QUIPU_SEED` repeats who
 * is killed when.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type ReadingProgram,
  type RunningServer,
  runProgram,
  startReading,
  startServer,
} from "../support/program.ts";
import { withSeed } from "../support/random.ts";

const EVENTS = Number(Deno.env.get("QUIPU_SHELL_EVENTS") ?? "10000");
const KILLS = 12;
/** Time between two kills: some programs are still starting, others at work. */
const KILL_MS = [200, 2_500] as const;

/** A command that is started again whenever it ends before it is done. */
class Restarted {
  readonly done: Promise<void>;
  readonly #args: readonly string[];
  readonly #variables: Readonly<Record<string, string>>;
  #program: ReadingProgram | undefined;
  #isStopped = false;
  startCount = 0;

  constructor(
    args: readonly string[],
    variables: Readonly<Record<string, string>>,
  ) {
    this.#args = args;
    this.#variables = variables;
    this.done = this.#run();
  }

  /** Ends the process now, without a chance to do anything. */
  kill(): void {
    try {
      this.#program?.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  /** Has it end by Ctrl-C, and not start again. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    try {
      this.#program?.kill("SIGINT");
    } catch {
      // It has ended already.
    }
    await this.done;
  }

  async #run(): Promise<void> {
    for (;;) {
      this.startCount++;
      const program = startReading(this.#args, {}, this.#variables);
      this.#program = program;
      await program.input.close().catch(() => {});
      const { exitCode, log } = await program.end;
      if (exitCode === 0) return;
      // Killed, or it gave up waiting for the server.
      assert(exitCode === 137 || exitCode === 1, `${exitCode}: ${log}`);
      if (this.#isStopped) return;
    }
  }
}

/** A server that is killed and started again on its port and its directory. */
class KilledServer implements AsyncDisposable {
  readonly url: string;
  readonly #directory: string;
  #server: RunningServer;

  constructor(server: RunningServer, directory: string) {
    this.#server = server;
    this.#directory = directory;
    this.url = server.url;
  }

  async kill(): Promise<void> {
    this.#server.kill("SIGKILL");
    await this.#server.end;
    const port = Number(new URL(this.url).port);
    this.#server = await startServer([`--db=${this.#directory}`], {}, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function lineCountOf(path: string): Promise<number> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").length - 1;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await sleep(500);
}

Deno.test({
  name:
    `${EVENTS} events through two shells with kills: none lost, none doubled`,
  ignore: Deno.build.os === "windows",
  fn: () =>
    withSeed(async (random) => {
      const root = await Deno.makeTempDir();
      try {
        await runShells(root, (least, most) => random.integer(least, most));
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    }),
});

async function runShells(
  root: string,
  choose: (least: number, most: number) => number,
): Promise<void> {
  const directory = join(root, "data");
  await using server = new KilledServer(
    await startServer([`--db=${directory}`]),
    directory,
  );
  const variables = { QUIPU_URL: server.url, XDG_CONFIG_HOME: root };
  const group = await runProgram(
    ["subscription", "create", "s", "g", "--set=maxRetryCount=1000"],
    { ...variables, QUIPU_USER: "admin", QUIPU_PASSWORD: "changeit" },
  );
  assertEquals(group.exitCode, 0, group.log);
  const input = join(root, "input");
  const output = join(root, "output");
  const done = join(root, "done");
  await Deno.mkdir(done);
  await Deno.writeTextFile(
    input,
    Array.from({ length: EVENTS }, (_, n) => `{"n":${n}}\n`).join(""),
  );

  const append = new Restarted([
    ...["append", "s", input, "--type=Counted", "--id-seed=shells"],
    ...["--batch=10", "--quiet"],
  ], variables);
  const tail = new Restarted(
    ["tail", "s", "--from=0", `--output=${output}`],
    variables,
  );
  // Done twice is done once: what the event says to do, by its number.
  const subscribe = new Restarted([
    ...["subscribe", "s", "g", "--parallel=4", "--buffer=20"],
    `--exec=read line; echo "$line" > ${done}/$EVENT_NUMBER`,
  ], variables);

  for (let kills = 0; kills < KILLS; kills++) {
    await sleep(choose(...KILL_MS));
    const victims = [append, tail, subscribe, server];
    await victims[kills % victims.length]?.kill();
  }
  await append.done;
  await until(async () => await lineCountOf(output) >= EVENTS);
  await until(() => [...Deno.readDirSync(done)].length >= EVENTS);
  await Promise.all([tail.stop(), subscribe.stop()]);

  const wanted = Array.from({ length: EVENTS }, (_, n) => n);
  const read = await runProgram(["read", "s", "--json"], variables);
  assertEquals(countsIn(read.output), wanted);
  assertEquals(countsIn(await Deno.readTextFile(output)), wanted);
  for (const n of wanted) {
    const line = await Deno.readTextFile(join(done, String(n)));
    assertEquals(countsIn(line), [n]);
  }
  for (const { startCount } of [append, tail, subscribe]) {
    assert(startCount > 1, "nothing was killed");
  }
}

function countsIn(lines: string): number[] {
  return lines.trim().split("\n").map((line) => JSON.parse(line).data.n);
}
