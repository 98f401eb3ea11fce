/**
 * What a backup that is taken of a server costs those who append meanwhile: in
 * every other turn one client takes one backup after the other, as fast as it
 * gets them.
 *
 * @module
 */

import { join } from "@std/path";
import { type Bench, measured, medianOf, type Row } from "../row.ts";
import { startQuipu } from "../servers/quipu_server.ts";
import { fillStore } from "../stores/keep_store.ts";
import { appendBeside, runsText } from "./beside.ts";

const ROW: Row = {
  name: "backup",
  title: "of a core that a backup takes from 64 connections that append",
  unit: "%",
  isLessBetter: true,
  marks: { goal: 20 },
};

const EVENTS = 1_000_000;
const MIB = 2 ** 20;

/** Over a store of a million events. */
export const BACKUP: Bench = {
  rows: [ROW],
  async measure({ options, directory }) {
    const store = join(directory, "store");
    await fillStore(store, EVENTS, EVENTS / 10);
    await using server = await startQuipu(store);
    const rates: number[] = [];
    const { alone, beside } = await appendBeside(
      server,
      options,
      () => Promise.resolve(new BackupClient(server.origin, rates)),
    );
    // The server has one thread for all of it: what the backup takes of a core,
    // appends cannot have. Rates alone say less, as the client and the driver
    // are on the same machine.
    const aloneUs = medianOf(alone, ({ serverCpuUs }) => serverCpuUs);
    const shares = beside.map(({ rate, serverCpuUs }) =>
      rate * (serverCpuUs - aloneUs) / 10_000
    );
    const mibASecond = medianOf(rates, (rate) => rate / MIB);
    return [
      measured(ROW, shares, {
        notes: [
          `alone           ${runsText(alone)}`,
          `beside a backup ${runsText(beside)}`,
          `backups come at ${mibASecond.toFixed(0)} MiB a second; memory of ` +
          `the server: ${server.residentMb().toFixed(0)} MB`,
        ],
      }),
    ];
  },
};

/** A client that takes backups until it is disposed of. */
class BackupClient implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #rates: number[];
  readonly #output: Promise<string>;

  /** @param rates Takes the bytes a second of each backup that came whole. */
  constructor(origin: string, rates: number[]) {
    // Processes of their own: their work must not count as the driver's.
    const command = `while :; do curl -sf -u admin:changeit -o /dev/null ` +
      `-w '%{speed_download}\\n' ${origin}/admin/backup; done`;
    this.#rates = rates;
    this.#process = new Deno.Command("sh", {
      args: ["-c", command],
      stdout: "piped",
    }).spawn();
    this.#output = new Response(this.#process.stdout).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    const lines = (await this.#output).split("\n").filter((line) =>
      line !== ""
    );
    this.#rates.push(...lines.map(Number));
  }
}
