/**
 * A migration of a million JSON events from the stand-in of an Event Store to a
 * directory: killed three times and started again each time. Then the proof,
 * and proofs against sources with one changed byte, one missing event and one
 * event more, which must fail.
 *
 * `deno task bench:migrate [--events N] [--page N] [--keep]`
 *
 * @module
 */

import { parseArgs } from "node:util";
import { fromFileUrl, join } from "@std/path";
import { print } from "../report.ts";
import { runFlags } from "../../tests/support/run_flags.ts";
import type { Tampering } from "./generated_store.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
/** Shares of the events at which the program is killed. */
const KILLS = [0.15, 0.4, 0.7];
/** What is aimed for, in events a second. */
const RATE_MIN = 20_000;
const POLL_MS = 20;

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    page: { type: "string", default: "1000" },
    keep: { type: "boolean", default: false },
  },
});
const count = Number(values.events);
const directory = await Deno.makeTempDir({ prefix: "quipu-bench-" });
const statePath = join(directory, "state.json");
await Deno.writeTextFile(join(directory, "password"), "changeit\n");

let failed = false;
try {
  await using source = await startStandIn();
  let copyMs = 0;
  let before = 0;
  for (const share of [...KILLS, 1]) {
    const startedAtMs = performance.now();
    const entryCount = await copyUntil(source.url, share);
    const tookMs = performance.now() - startedAtMs;
    copyMs += tookMs;
    show(share < 1 ? "killed" : "ended", entryCount - before, tookMs);
    before = entryCount;
  }
  const rate = count / copyMs * 1000;
  print(`${Math.round(rate)} events/s in all, starts included`);
  check(rate >= RATE_MIN, `at least ${RATE_MIN} events/s`);
  const startedAtMs = performance.now();
  const proof = await verify(source.url);
  show("proof", count, performance.now() - startedAtMs);
  check(proof.isProven && proof.eventCount === count, "proven");
  for (const tampering of ["byte", "event", "head"] as const) {
    await using tampered = await startStandIn(tampering);
    const { differences } = await verify(tampered.url);
    print(`${tampering} ${JSON.stringify(differences)}`);
    check(differences.length === 1, `one ${tampering} is found`);
  }
} finally {
  if (values.keep) print(directory);
  else await Deno.remove(directory, { recursive: true });
}
if (failed) Deno.exit(1);

function show(what: string, events: number, tookMs: number): void {
  const rate = Math.round(events / tookMs * 1000);
  print(
    `${what}: ${events} events in ${Math.round(tookMs)} ms, ${rate} events/s`,
  );
}

function check(isFine: boolean, what: string): void {
  print(`${isFine ? "ok" : "FAILED"}: ${what}`);
  failed ||= !isFine;
}

async function startStandIn(tampering?: Tampering) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      join(ROOT, "bench/migrate/stand_in_server.ts"),
      String(count),
      ...(tampering === undefined ? [] : [tampering]),
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    url: `http://127.0.0.1:${value.trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await reader.cancel();
      await child.status;
    },
  };
}

function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...runFlags(ROOT, "quipu"),
      join(ROOT, "main.ts"),
      "migrate",
      `--from-password-file=${join(directory, "password")}`,
      `--to=${join(directory, "store")}`,
      `--page=${values.page}`,
      `--state=${statePath}`,
      "--events-only",
      "--quiet",
      "--json",
      ...args,
    ],
    stdout: "piped",
  }).spawn();
}

/** Copies until a share is done, then kills the program; 1: to the end. */
async function copyUntil(url: string, share: number): Promise<number> {
  const child = start([`--from=${url}`, "--skip-proof"]);
  if (share < 1) {
    while (await entryCount() < share * count) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    child.kill("SIGKILL");
    await child.output();
    return await entryCount();
  }
  const { success, stdout } = await child.output();
  const { copied } = JSON.parse(new TextDecoder().decode(stdout));
  check(success, "the migration ended well");
  return copied.entryCount;
}

async function entryCount(): Promise<number> {
  try {
    return JSON.parse(await Deno.readTextFile(statePath)).entryCount;
  } catch {
    return 0;
  }
}

async function verify(url: string) {
  const { stdout } = await start([`--from=${url}`, "--verify"]).output();
  return JSON.parse(new TextDecoder().decode(stdout)).proof;
}
