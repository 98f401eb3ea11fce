/**
 * The three servers of a row, each a process of its own, all fresh: the server
 * under test on an empty store, the reference with its answers, a bare one.
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
import { recordCreated, seedReads } from "./seed_store.ts";

/** Their names, in the order of the report. */
export const CONTESTANTS = ["quipu", "reference", "bare"] as const;

export type Contestant = typeof CONTESTANTS[number];

const REFERENCE = join(PROJECT_ROOT, "bench", "load", "reference_server.ts");
const NO_READS: RecordedReads = {
  events: [],
  feeds: [],
  bodyFeeds: [],
  xmlFeeds: [],
};

/** A row's servers and what can be read of the one under test. */
export interface RowServers {
  readonly servers: Readonly<Record<Contestant, ChildServer>>;
  readonly recorded: RecordedReads;
}

/**
 * Starts all three.
 *
 * @param stack Stops them when it is disposed of.
 * @param directory Empty, for the store and the recorded answers.
 */
export async function startContestants(
  stack: AsyncDisposableStack,
  row: Row,
  { options, directory }: {
    readonly options: BenchOptions;
    readonly directory: string;
  },
): Promise<RowServers> {
  const start = async (args: readonly string[], readyPath: string) => {
    const server = await startServer({ args, readyPath });
    stack.defer(() => server.stop());
    return server;
  };
  const quipu = await startServer(quipuChild(row, { options, directory }));
  stack.defer(() => quipu.stop());
  const recorded = row.expectedStatus === 201
    ? NO_READS
    : await seedReads(quipu, {
      dataBytes: SEED_DATA_BYTES,
      seed: options.seed,
    });
  const answers: RecordedAnswers = {
    created: await recordCreated(quipu.origin),
    reads: [...recorded.events, ...recorded.feeds, ...recorded.bodyFeeds],
  };
  const answersFile = join(directory, "answers.json");
  await Deno.writeTextFile(answersFile, JSON.stringify(answers));
  const serve = ["run", "--allow-net", "--allow-read", REFERENCE];
  return {
    servers: {
      quipu,
      reference: await start(
        [...serve, "parse", "{port}", answersFile],
        "/ready",
      ),
      bare: await start([...serve, row.bare, "{port}"], "/ready"),
    },
    recorded,
  };
}

function quipuChild(
  row: Row,
  { options, directory }: {
    readonly options: BenchOptions;
    readonly directory: string;
  },
): ChildServerOptions {
  const store = options.isInMemory
    ? ["--mem-db"]
    : ["--db", join(directory, "store")];
  const serve = ["serve", ...store, "--port", "{port}", "--log-level", "warn"];
  if (options.serverBinary !== undefined) {
    return {
      command: options.serverBinary,
      args: serve,
      readyPath: "/ping",
    };
  }
  const profile = options.profileDirectory === undefined ? [] : [
    "--cpu-prof",
    `--cpu-prof-dir=${options.profileDirectory}`,
    `--cpu-prof-name=${row.name}.cpuprofile`,
  ];
  const permissions = [
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys=hostname",
  ];
  return {
    args: ["run", ...profile, ...permissions, "main.ts", ...serve],
    readyPath: "/ping",
  };
}
