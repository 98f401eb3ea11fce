/**
 * A page that shows commands and programs, run: each in the order in which it
 * stands, in one directory, beside a server on `./data` that takes part in the
 * service manager's stead. Options that the server needs are shown as a file
 * `quipu.json`, before anything else.
 *
 * Understood are `quipu …`, `curl …` (with `-o FILE`, too), `deno run …`,
 * `systemctl start`, `stop` and `restart quipu`, `cat > FILE <<'END'`, and plain
 * file commands; with `isInShell` whatever a shell does with `quipu`. A program
 * is a file, whose name its first line says: `// name.ts`. What does not end by
 * itself ends once what is shown of it has come.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import project from "../../deno.json" with { type: "json" };
import {
  type RunningServer,
  runProgram,
  startServer,
} from "../support/program.ts";
import { runFlags } from "../support/run_flags.ts";
import { runCurl } from "./curl.ts";
import { parseScript } from "./shell_script.ts";
import {
  describeDifference,
  idsIn,
  matches,
  settle,
  type ShownStep,
} from "./shown_output.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** The server of the documents. */
const SHOWN_ORIGIN = "http://127.0.0.1:2113";
/** How they show a token. */
const SHOWN_TOKEN = "quipu.…";

/** Commands of the system that may be shown: they only deal with files. */
const FILE_COMMANDS = ["cp", "ls", "mkdir", "mv", "rm", "tar"];

/** Time for a program to show what it shows. */
const SHOW_MS_MAX = 60_000;

/** How the blocks of a page are run. */
export interface GuideOptions {
  /** Whether commands are run by a shell, with pipes and all that. */
  readonly isInShell?: boolean;
}

/** Runs steps, one test step each. */
export async function checkGuide(
  t: Deno.TestContext,
  steps: readonly ShownStep[],
  options: GuideOptions = {},
): Promise<void> {
  await using place = await openPlace(options);
  const fixedIds = idsIn(steps.map(({ script }) => script).join("\n"));
  for (const step of steps) {
    const { heading, script } = step;
    await t.step(`${heading}: ${script.split("\n").at(-1)}`, async () => {
      await checkStep(step, place, fixedIds);
    });
  }
}

/** A directory, and its server. */
interface Place extends AsyncDisposable, GuideOptions {
  readonly directory: string;
  /** Undefined while it is stopped. */
  server: RunningServer | undefined;
  /** Programs that have shown what they show, and go on: each ends one. */
  readonly running: (() => Promise<void>)[];
  /** The token that was shown last; `quipu.…` stands for it in commands. */
  token: string;
}

async function openPlace(options: GuideOptions): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-guide-" });
  const place: Place = {
    ...options,
    directory,
    server: undefined,
    running: [],
    token: "",
    async [Symbol.asyncDispose]() {
      for (const end of place.running) await end();
      await place.server?.[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
  return place;
}

async function checkStep(
  { language, script, output }: ShownStep,
  place: Place,
  fixedIds: ReadonlySet<string>,
): Promise<void> {
  if (language === "ts") return await writeProgram(script, place);
  const settled = (text: string) => {
    const url = place.server?.url;
    return settle(
      url === undefined ? text : text.replaceAll(url, SHOWN_ORIGIN),
      fixedIds,
    );
  };
  const shown = output === undefined ? undefined : settle(output, fixedIds);
  const isEnough = (came: string) =>
    shown !== undefined && matches(shown, settled(came));
  const came = place.isInShell
    ? await runInShell(script, place, isEnough)
    : await runStatements(script, place, isEnough);
  if (shown === undefined) return;
  assert(isEnough(came), describeDifference(shown, settled(came)));
}

async function runStatements(
  script: string,
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  let came = "";
  for (const statement of parseScript(script)) {
    if (statement.kind === "file") {
      const path = join(place.directory, statement.name);
      await Deno.writeTextFile(path, statement.text);
      continue;
    }
    const words = statement.words.map((word) =>
      word.replace(SHOWN_TOKEN, place.token)
    );
    const before = came;
    came += await run(words, place, (text) => isEnough(before + text));
    place.token = /"token": "([^"]+)"/.exec(came)?.[1] ?? place.token;
  }
  return came;
}

async function run(
  words: readonly string[],
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  const [command = "", ...args] = words;
  switch (command) {
    case "curl":
      return await curl(words, place, isEnough);
    case "quipu":
      return await quipu(args, place);
    case "deno":
      return await runDeno(args, place, isEnough);
    case "systemctl":
      await control(args, place);
      return "";
  }
  assert(FILE_COMMANDS.includes(command), `Not understood: ${command}`);
  return await runFileCommand(command, args, place);
}

/** Starts and stops the server as a service manager would. */
async function control(
  [verb = "", service]: readonly string[],
  place: Place,
): Promise<void> {
  assertEquals(service, "quipu");
  assert(["start", "stop", "restart"].includes(verb), verb);
  await place.server?.[Symbol.asyncDispose]();
  place.server = undefined;
  if (verb !== "stop") await serverOf(place);
}

async function serverOf(place: Place): Promise<RunningServer> {
  const { directory } = place;
  const options = await hasFile(join(directory, "quipu.json"))
    ? ["--config=quipu.json"]
    : [];
  place.server ??= await startServer(["--db=data", ...options], {}, 0, {
    directory,
  });
  return place.server;
}

async function hasFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function curl(
  words: readonly string[],
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  const { url } = await serverOf(place);
  const { directory } = place;
  const at = words.indexOf("-o");
  if (at >= 0) {
    const path = join(directory, words[at + 1] ?? "");
    await download(words.toSpliced(at, 2), { path, url });
    return "";
  }
  return await runCurl(words, {
    readFile: (name) => Deno.readTextFileSync(join(directory, name)),
    originOf(origin) {
      assertEquals(origin, SHOWN_ORIGIN);
      return url;
    },
    isEnough,
  });
}

/** What `curl -u LOGIN URL -o FILE` does: bytes stay what they are. */
async function download(
  words: readonly string[],
  { path, url }: { readonly path: string; readonly url: string },
): Promise<void> {
  const rest = [...words.slice(1)];
  const headers = new Headers();
  let address = "";
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "-u") {
      headers.set("Authorization", `Basic ${btoa(rest.shift() ?? "")}`);
    } else {
      assert(!word.startsWith("-"), `Not understood beside -o: ${word}`);
      address = word;
    }
  }
  const response = await fetch(address.replace(SHOWN_ORIGIN, url), { headers });
  assertEquals(response.status, 200, address);
  await Deno.writeFile(path, await response.bytes());
}

/** Runs a command of the program; it must succeed. Its output is all it prints. */
async function quipu(args: readonly string[], place: Place): Promise<string> {
  const { directory, server } = place;
  const actual = args.map((argument) =>
    argument.replace(SHOWN_ORIGIN, server?.url ?? SHOWN_ORIGIN)
  );
  const end = await runProgram(actual, {}, { directory });
  assertEquals(end.exitCode, 0, `quipu ${args.join(" ")}\n${end.log}`);
  return end.output;
}

async function runFileCommand(
  command: string,
  args: readonly string[],
  { directory }: Place,
): Promise<string> {
  const isInside = args.every((arg) =>
    !arg.startsWith("/") && !arg.split("/").includes("..")
  );
  assert(isInside, `Leads elsewhere: ${command} ${args.join(" ")}`);
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: directory,
  }).output();
  const decoder = new TextDecoder();
  assert(success, `${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** A program whose imports of this package are those of this checkout. */
export function withOwnImports(program: string): string {
  return Object.entries(project.exports).reduce(
    (text, [name, file]) =>
      text.replaceAll(
        `"${project.name}${name.slice(1)}"`,
        JSON.stringify(new URL(`../../${file}`, import.meta.url).href),
      ),
    program,
  );
}

/** The name of a program's file, as its first line says it. */
export function programName(program: string): string {
  const name = /^\/\/ ([\w-]+\.ts)\n/.exec(program)?.[1];
  assert(name !== undefined, `No "// name.ts": ${program.slice(0, 60)}`);
  return name;
}

async function writeProgram(program: string, place: Place): Promise<void> {
  let text = withOwnImports(program);
  if (text.includes(SHOWN_ORIGIN)) {
    text = text.replaceAll(SHOWN_ORIGIN, (await serverOf(place)).url);
  }
  await Deno.writeTextFile(
    join(place.directory, programName(program)),
    text,
  );
}

async function runDeno(
  [verb, ...args]: readonly string[],
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  assertEquals(verb, "run", "deno run alone is understood");
  const child = new Deno.Command(Deno.execPath(), {
    // Types are checked by another test, of all programs together.
    args: [
      ...["run", "--quiet", "--no-check", "--no-lock", "--no-prompt"],
      `--config=${ROOT}deno.json`,
      ...args,
    ],
    cwd: place.directory,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  return await outputOf(child, place, isEnough);
}

/** Runs a script in a shell whose `quipu` is the program of this checkout. */
async function runInShell(
  script: string,
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  const { url } = await serverOf(place);
  const { directory } = place;
  const bin = join(directory, "bin");
  await Deno.mkdir(bin, { recursive: true });
  const program = [
    ...[Deno.execPath(), "run", "--quiet", ...runFlags(ROOT, "quipu")],
    ...[`--config=${ROOT}deno.json`, `${ROOT}main.ts`],
  ];
  await Deno.writeTextFile(
    join(bin, "quipu"),
    `#!/bin/sh\nexec ${program.map((word) => `"${word}"`).join(" ")} "$@"\n`,
    { mode: 0o755 },
  );
  const child = new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", script.replaceAll(SHOWN_ORIGIN, url)],
    cwd: directory,
    env: {
      HOME: directory,
      NO_COLOR: "1",
      PATH: `${bin}:${Deno.env.get("PATH")}`,
      QUIPU_URL: url,
      QUIPU_PASSWORD: "changeit",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    // A group of its own, so that the shell's programs end with it.
    detached: true,
  }).spawn();
  return await outputOf(child, place, isEnough);
}

/**
 * What a program prints: all of it if it ends, and it must end well; else as
 * much as is shown.
 */
async function outputOf(
  child: Deno.ChildProcess,
  place: Place,
  isEnough: (output: string) => boolean,
): Promise<string> {
  const shown = Promise.withResolvers<string>();
  const id = place.isInShell ? -child.pid : child.pid;
  const timer = setTimeout(() => Deno.kill(id, "SIGKILL"), SHOW_MS_MAX);
  let output = "";
  const read = async () => {
    // It is read to its end, because a program may not outlive its output.
    const stream = child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of stream) {
      output += part;
      if (isEnough(output)) shown.resolve(output);
    }
    const { success } = await child.status;
    return { success, output };
  };
  const end = read();
  place.running.push(async () => {
    try {
      Deno.kill(id, "SIGTERM");
    } catch {
      // It has ended already.
    }
    await end;
  });
  const first = await Promise.race([shown.promise, end]);
  clearTimeout(timer);
  if (typeof first === "string") return first;
  assert(first.success, first.output);
  return first.output;
}
