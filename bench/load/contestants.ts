/**
 * The servers of a row, each a process of its own, all fresh: the server under
 * test on an empty store, the reference with its answers, a bare one; and, if
 * asked for, the server of another checkout.
 *
 * @module
 */

import { join } from "@std/path";
import type { RecordedAnswers } from "./answers.ts";
import {
  type ChildServer,
  type ChildServerOptions,
  startServer,
} from "./child_server.ts";
import type { BenchOptions } from "./options.ts";
import { PROJECT_ROOT } from "./project_root.ts";
import { type RecordedReads, type Row, SEED_DATA_BYTES } from "./rows.ts";
import { runFlags } from "../../tests/support/run_flags.ts";
import { recordCreated, seedReads } from "./seed_store.ts";

export type Contestant = "quipu" | "before" | "reference" | "bare";

/** Those that take part, in the order of the report. */
export function contestantsOf(options: BenchOptions): Contestant[] {
  if (options.isPaired) return ["quipu", "before"];
  return options.beforeDirectory === undefined
    ? ["quipu", "reference", "bare"]
    : ["quipu", "before", "reference", "bare"];
}

const REFERENCE = join(PROJECT_ROOT, "bench", "load", "reference_server.ts");
const NO_READS: RecordedReads = {
  events: [],
  feeds: [],
  bodyFeeds: [],
  xmlFeeds: [],
};

/** A row's servers and what can be read of the one under test. */
export interface RowServers {
  readonly servers: ReadonlyMap<Contestant, ChildServer>;
  readonly recorded: RecordedReads;
}

interface RowPlace {
  readonly options: BenchOptions;
  /** Empty, for stores and the recorded answers. */
  readonly directory: string;
}

/**
 * Starts all of them.
 *
 * @param stack Stops them when it is disposed of.
 */
export async function startContestants(
  stack: AsyncDisposableStack,
  row: Row,
  place: RowPlace,
): Promise<RowServers> {
  const servers = new Map<Contestant, ChildServer>();
  const start = async (name: Contestant, child: ChildServerOptions) => {
    const server = await startServer(child);
    stack.defer(() => server.stop());
    servers.set(name, server);
    return server;
  };
  const quipu = await start("quipu", quipuChild(row, place));
  const recorded = await seed(quipu, row, place);
  if (place.options.beforeDirectory !== undefined) {
    const cwd = place.options.beforeDirectory;
    const before = await start("before", beforeChild(cwd, place));
    await seed(before, row, place);
  }
  if (place.options.isPaired) return { servers, recorded };
  const answers: RecordedAnswers = {
    created: await recordCreated(quipu.origin),
    reads: [...recorded.events, ...recorded.feeds, ...recorded.bodyFeeds],
  };
  const answersFile = join(place.directory, "answers.json");
  await Deno.writeTextFile(answersFile, JSON.stringify(answers));
  await start("reference", referenceChild(["parse", "{port}", answersFile]));
  await start("bare", referenceChild([row.bare, "{port}"]));
  return { servers, recorded };
}

/** Writes what a read row reads. */
async function seed(
  server: ChildServer,
  row: Row,
  { options }: RowPlace,
): Promise<RecordedReads> {
  if (row.expectedStatus === 201) return NO_READS;
  return await seedReads(server, {
    dataBytes: SEED_DATA_BYTES,
    seed: options.seed,
  });
}

function referenceChild(args: readonly string[]): ChildServerOptions {
  return {
    args: ["run", ...runFlags(PROJECT_ROOT), REFERENCE, ...args],
    readyPath: "/ready",
  };
}

function quipuChild(row: Row, place: RowPlace): ChildServerOptions {
  const { serverBinary, profileDirectory } = place.options;
  const serve = serveArgs("store", place);
  if (serverBinary !== undefined) {
    return { command: serverBinary, args: serve, readyPath: "/ping" };
  }
  const profile = profileDirectory === undefined ? [] : [
    "--cpu-prof",
    `--cpu-prof-dir=${profileDirectory}`,
    `--cpu-prof-name=${row.name}.cpuprofile`,
  ];
  return {
    args: [
      "run",
      ...profile,
      ...runFlags(PROJECT_ROOT),
      "main.ts",
      ...serve,
    ],
    readyPath: "/ping",
  };
}

function beforeChild(cwd: string, place: RowPlace): ChildServerOptions {
  return {
    cwd,
    args: ["run", ...runFlags(cwd), "main.ts", ...serveArgs("before", place)],
    readyPath: "/ping",
  };
}

function serveArgs(
  storeName: string,
  { options, directory }: RowPlace,
): string[] {
  const store = options.isInMemory
    ? ["--mem-db"]
    : ["--db", join(directory, storeName)];
  return ["serve", ...store, "--port", "{port}", "--log-level", "warn"];
}
