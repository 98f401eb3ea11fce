/**
 * `quipu project deploy`: brings the projections of a directory to a server.
 *
 * Each file `NAME.js` is the projection NAME. A comment says how it runs:
 *
 * ```js
 * // quipu: mode=onetime checkpoints=yes emit=yes trackemittedstreams=yes
 * ```
 *
 * @module
 */

import { LIMITS } from "../model/limits.ts";
import { SYSTEM_TIMERS } from "../runtime/system_clock.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { systemReasonOf } from "../text/system_errors.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import { escapeControls } from "../telemetry/escape_controls.ts";
import { EXIT_CODES, type ExitCode, RunError } from "./failures.ts";
import { readOptionFile } from "./named_files.ts";
import { failureOf } from "./project_events.ts";
import { saidIn, type ServerClient } from "./server_client.ts";
import { printAnswer, printFailure } from "./terminal.ts";

/** Time for a server to answer. */
const TIMEOUT_MS = 60_000;
const QUERY_FILE = /^(.+)\.js$/;
const COMMENT = /^\s*\/\/\s*quipu:(.*)$/m;
const MODES = ["continuous", "onetime"] as const;
const SWITCHES = ["emit", "checkpoints", "trackemittedstreams"] as const;

/** A projection as its file describes it. */
interface WantedProjection {
  readonly file: string;
  readonly name: string;
  readonly query: string;
  readonly mode: typeof MODES[number];
  readonly emit: boolean;
  readonly checkpoints: boolean;
  readonly trackemittedstreams: boolean;
}

/** What is done about a projection. */
type Step = "create" | "update" | "unchanged";

const DONE: Readonly<Record<Step, readonly [done: string, planned: string]>> = {
  create: ["Created", "Would create"],
  update: ["Updated", "Would update"],
  unchanged: ["Unchanged:", "Unchanged:"],
};

/**
 * Deploys them, and prints what was done about each. All queries are checked
 * before anything is changed.
 *
 * @returns The exit code: a failure where the server refuses one.
 * @throws {RunError} If a file is wrong, or the server cannot be asked.
 */
export async function deployProjections(
  { directory, client, isDryRun }: {
    readonly directory: string;
    readonly client: ServerClient;
    readonly isDryRun: boolean;
  },
): Promise<ExitCode> {
  const wanted = readDirectory(directory);
  for (const one of wanted) await requirePreparable(one);
  const server = new ProjectionsOfServer(client);
  let exitCode: ExitCode = EXIT_CODES.ok;
  for (const one of wanted) {
    try {
      const step = await server.stepFor(one);
      if (!isDryRun) await server.take(step, one);
      printAnswer(
        `${DONE[step][isDryRun ? 1 : 0]} ${escapeControls(one.name)}\n`,
      );
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      printFailure(`${one.file}: ${error.message}`);
      exitCode = EXIT_CODES.failure;
    }
  }
  return exitCode;
}

/** The server, or what stands there, does not let one projection be deployed. */
class Refusal extends Error {
  override readonly name = "Refusal";
}

function readDirectory(directory: string): readonly WantedProjection[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    throw new RunError(`Cannot read "${directory}": ${systemReasonOf(error)}`);
  }
  const wanted = names.sort().flatMap((fileName) => {
    const name = QUERY_FILE.exec(fileName)?.[1];
    return name === undefined ? [] : [readWanted(directory, name)];
  });
  if (wanted.length > 0) return wanted;
  throw new RunError(`There is no file NAME.js in "${directory}"`);
}

function readWanted(directory: string, name: string): WantedProjection {
  const file = `${directory.replace(/\/+$/, "")}/${name}.js`;
  const query = readOptionFile(file, "the query ");
  const said = new Map<string, string>();
  for (const word of COMMENT.exec(query)?.[1]?.trim().split(/\s+/) ?? []) {
    const [key = "", value] = word.split("=");
    const choices = key === "mode"
      ? MODES
      : SWITCHES.some((one) => one === key)
      ? ["yes", "no"]
      : undefined;
    if (choices === undefined) {
      throw new RunError(
        `${file}: "${word}" is unknown: expected mode=, ` +
          SWITCHES.map((one) => `${one}=`).join(", "),
      );
    }
    if (value === undefined || !choices.some((one) => one === value)) {
      throw new RunError(
        `${file}: "${word}" has a bad value: expected ${choices.join(" or ")}`,
      );
    }
    said.set(key, value);
  }
  const isOn = (key: typeof SWITCHES[number]) => said.get(key) === "yes";
  return {
    file,
    name,
    query,
    mode: said.get("mode") === "onetime" ? "onetime" : "continuous",
    emit: isOn("emit"),
    checkpoints: isOn("checkpoints"),
    trackemittedstreams: isOn("trackemittedstreams"),
  };
}

/** @throws {RunError} With the line, if the query makes no projection. */
async function requirePreparable(
  { file, query, emit }: WantedProjection,
): Promise<void> {
  const { ProjectionEngine } = await import("../projections/engine/engine.ts");
  using engine = new ProjectionEngine(
    { query, canEmit: emit, limits: LIMITS },
    { timers: SYSTEM_TIMERS },
  );
  const answer = await engine.define();
  if ("fault" in answer) throw failureOf(file, answer.fault);
}

/** Projections of a running server. */
class ProjectionsOfServer {
  readonly #client: ServerClient;

  constructor(client: ServerClient) {
    this.#client = client;
  }

  /** What must be done so that the projection is as its file describes it. */
  async stepFor(wanted: WantedProjection): Promise<Step> {
    const path = `/projection/${encodePathSegment(wanted.name)}`;
    const statistics = await this.#read(path);
    if (statistics === undefined) return "create";
    const shown = String(statistics["mode"]);
    if (shown.toLowerCase() !== wanted.mode) {
      throw new Refusal(
        `the projection "${wanted.name}" is there as ${shown}: delete it ` +
          "before it is deployed in another mode",
      );
    }
    const there = await this.#read(`${path}/query?config=yes`) ?? {};
    const isSame = there["query"] === wanted.query &&
      (there["emitEnabled"] === true) === wanted.emit;
    return isSame ? "unchanged" : "update";
  }

  /** Does it. */
  async take(step: Step, wanted: WantedProjection): Promise<void> {
    const { name, query, mode } = wanted;
    if (step === "unchanged") return;
    if (step === "update") {
      const path = `/projection/${encodePathSegment(name)}/query`;
      const emit = wanted.emit ? "yes" : "no";
      await this.#change("PUT", `${path}?emit=${emit}`, query);
      return;
    }
    const on = SWITCHES.filter((key) => wanted[key]).map((key) =>
      `&${key}=yes`
    );
    await this.#change(
      "POST",
      `/projections/${mode}?name=${encodeURIComponent(name)}${on.join("")}`,
      query,
    );
  }

  async #change(
    method: "POST" | "PUT",
    path: string,
    script: string,
  ): Promise<void> {
    const response = await this.#ask({ method, path, script });
    const text = decodeUtf8Leniently(await response.bytes());
    if (!response.ok) throw refusalOf(response.status, text);
  }

  /** A document; undefined: there is none. */
  async #read(
    path: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const response = await this.#ask({ method: "GET", path });
    const text = decodeUtf8Leniently(await response.bytes());
    if (response.status === 404) return undefined;
    if (!response.ok) throw refusalOf(response.status, text);
    try {
      return Object(JSON.parse(text));
    } catch {
      throw new RunError(`The server answers no JSON: ${saidIn(text)}`);
    }
  }

  #ask(
    request: {
      readonly method: "GET" | "POST" | "PUT";
      readonly path: string;
      readonly script?: string;
    },
  ): Promise<Response> {
    return this.#client.ask({
      ...request,
      accept: "application/json, application/javascript",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  }
}

function refusalOf(status: number, text: string): Refusal {
  return new Refusal(
    status === 401
      ? "the server refuses the login, or it may not change projections"
      : `the server answers ${status}: ${saidIn(text)}`,
  );
}
