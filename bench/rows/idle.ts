/**
 * A server that has nothing to do.
 *
 * @module
 */

import { type Bench, measured, pause, type Row } from "../row.ts";
import { startQuipu } from "../servers/quipu_server.ts";

const MEMORY_ROW: Row = {
  name: "memory-idle",
  title: "memory of a server that is empty and idle",
  unit: "MB",
  isLessBetter: true,
  marks: { goal: 80 },
};
const CPU_ROW: Row = {
  name: "cpu-idle",
  title: "CPU time of an idle, empty server in 30 s",
  unit: "ms",
  isLessBetter: true,
  marks: { goal: 30 },
};

const SETTLE_MS = 2000;
/** V8 tidies up after the start: it collects garbage 30 and 40 s later. */
const TIDY_MS = 60_000;
const IDLE_MS = 30_000;

/** An empty server that nobody asks for anything. */
export const IDLE: Bench = {
  rows: [MEMORY_ROW, CPU_ROW],
  async measure({ directory, wants }) {
    await using server = await startQuipu(`${directory}/store`);
    await pause(SETTLE_MS);
    const memory = measured(MEMORY_ROW, [server.residentMb()]);
    if (!wants(CPU_ROW)) return [memory];
    await pause(TIDY_MS);
    const before = server.cpuMs();
    await pause(IDLE_MS);
    return [memory, measured(CPU_ROW, [server.cpuMs() - before])];
  },
};
