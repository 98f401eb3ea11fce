/**
 * The program as its users start it: a process with arguments, exit code and
 * log, on a port of its own.
 *
 * @module
 */

import { fromFileUrl, isAbsolute } from "@std/path";
import { runFlags } from "./run_flags.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** How a program ended. */
export interface ProgramEnd {
  readonly exitCode: number;
  readonly output: string;
  /** What it wrote to standard error: its log, too. */
  readonly log: string;
}

/** A server in a process of its own. Disposing of it stops it cleanly. */
export interface RunningServer extends AsyncDisposable {
  /** Base URL, without a slash at its end. */
  readonly url: string;
  readonly processId: number;
  /** Sends a signal without waiting. */
  kill(signal: Deno.Signal): void;
  /** Settles once the process has ended. */
  readonly end: Promise<ProgramEnd>;
}

/** Variables for the program; none of this process's own options leak in. */
function environment(): Record<string, string> {
  const variables = Deno.env.toObject();
  for (const name of Object.keys(variables)) {
    if (name.startsWith("QUIPU_")) delete variables[name];
  }
  return { ...variables, NO_COLOR: "1" };
}

/** In what circumstances a program runs. */
export interface Circumstances {
  /** Module that is run; `main.ts` by default. */
  readonly entry?: string;
  /** Where it runs; the project's directory by default. */
  readonly directory?: string;
  /** Most files that the process may have open; as many as this one else. */
  readonly openFilesMax?: number;
  /** Where its standard output goes; to the test by default. */
  readonly outputFile?: string;
  /** Whether the test writes its standard input; else there is none. */
  readonly hasInput?: boolean;
  /** Settings of the engine, instead of the usual ones. */
  readonly v8Flags?: readonly string[];
  /** Whether modes of files bind it, even if it runs as root. */
  readonly isBoundByModes?: boolean;
}

/** The rights of root to pass over modes of files. */
const OVERRIDES = "-dac_override,-dac_read_search";

function spawn(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  {
    entry = "main.ts",
    directory,
    openFilesMax,
    outputFile,
    hasInput,
    v8Flags,
    isBoundByModes,
  }: Circumstances = {},
): Deno.ChildProcess {
  const command = [
    ...(isBoundByModes && Deno.uid() === 0
      ? ["setpriv", `--bounding-set=${OVERRIDES}`, `--inh-caps=${OVERRIDES}`]
      : []),
    Deno.execPath(),
    "run",
    "--quiet",
    ...(v8Flags === undefined
      ? runFlags(ROOT, args[0] === "serve" ? "serve" : "quipu")
      : [...permissionFlags(), `--v8-flags=${v8Flags.join(",")}`]),
    `--config=${ROOT}deno.json`,
    isAbsolute(entry) ? entry : ROOT + entry,
    ...args,
  ];
  const limit = openFilesMax === undefined ? "" : `ulimit -n ${openFilesMax};`;
  const target = outputFile === undefined ? "" : `> "${outputFile}"`;
  // The shell gives its process to the program: the id stays the same.
  const [file = "", ...rest] = limit + target === ""
    ? command
    : ["sh", "-c", `${limit} exec "$0" "$@" ${target}`, ...command];
  return new Deno.Command(file, {
    args: rest,
    cwd: directory ?? ROOT,
    clearEnv: true,
    env: { ...environment(), ...variables },
    stdin: hasInput ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function permissionFlags(): string[] {
  return runFlags(ROOT).filter((flag) => !flag.startsWith("--v8-flags"));
}

/** Time for a program to end, or to listen; it takes a second or two. */
const PROGRAM_MS_MAX = 120_000;

/** Ends a process that hangs, so that its test fails instead of hanging too. */
function killLater(child: Deno.ChildProcess): () => void {
  const timer = setTimeout(() => child.kill("SIGKILL"), PROGRAM_MS_MAX);
  return () => clearTimeout(timer);
}

/** Runs the program to its end. */
export async function runProgram(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  circumstances: Circumstances = {},
): Promise<ProgramEnd> {
  const child = spawn(args, variables, circumstances);
  const keepAlive = killLater(child);
  const { code, stdout, stderr } = await child.output();
  keepAlive();
  const decoder = new TextDecoder();
  return {
    exitCode: code,
    output: decoder.decode(stdout),
    log: decoder.decode(stderr),
  };
}

/** A program that reads its standard input. */
export interface ReadingProgram {
  readonly input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  kill(signal: Deno.Signal): void;
  readonly end: Promise<ProgramEnd>;
}

/** Runs the program with a standard input that the test writes. */
export function startReading(
  args: readonly string[],
  circumstances: Circumstances = {},
  variables: Readonly<Record<string, string>> = {},
): ReadingProgram {
  const child = spawn(args, variables, { ...circumstances, hasInput: true });
  const keepAlive = killLater(child);
  const decoder = new TextDecoder();
  return {
    input: child.stdin.getWriter(),
    kill: (signal) => child.kill(signal),
    end: Promise.all([
      child.status,
      new Response(child.stdout).bytes(),
      new Response(child.stderr).bytes(),
    ]).then(([{ code }, output, log]) => {
      keepAlive();
      return {
        exitCode: code,
        output: decoder.decode(output),
        log: decoder.decode(log),
      };
    }),
  };
}

/**
 * Starts `serve` and waits until it listens.
 *
 * @param args Options besides host and port, such as `--mem-db`.
 * @param port Where it listens; a free port unless given.
 * @throws {Error} With its log, if it ends before it listens.
 */
export async function startServer(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  port = 0,
  circumstances: Circumstances = {},
): Promise<RunningServer> {
  const child = spawn(
    ["serve", `--port=${port}`, ...args],
    variables,
    circumstances,
  );
  const listening = Promise.withResolvers<string>();
  const output = new Response(child.stdout).text();
  const log = collectLog(child.stderr, listening.resolve);
  const end = Promise.all([child.status, output, log]).then(
    ([status, output, log]) => ({ exitCode: status.code, output, log }),
  );
  end.then(({ exitCode, log }) =>
    listening.reject(
      new Error(`The server ended with exit code ${exitCode}:\n${log}`),
    )
  );
  const keepAlive = killLater(child);
  const url = await listening.promise.finally(keepAlive);
  return {
    url,
    processId: child.pid,
    kill: (signal) => child.kill(signal),
    end,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      await end;
    },
  };
}

const LISTENING = /http\.listening scheme=https? hostname=(\S+) port=(\d+)\n/;

async function collectLog(
  stream: ReadableStream<BufferSource>,
  onListening: (url: string) => void,
): Promise<string> {
  let log = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    log += chunk;
    const match = LISTENING.exec(log);
    if (match !== null) onListening(`http://${match[1]}:${match[2]}`);
  }
  return log;
}
