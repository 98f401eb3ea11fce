/**
 * The program on a machine whose clock jumps back a day: each SIGUSR2 does it.
 *
 * @module
 */

const DAY_MS = 24 * 3600 * 1000;

const realNow = Date.now;
let shiftMs = 0;
Date.now = () => realNow() - shiftMs;
Deno.addSignalListener("SIGUSR2", () => shiftMs += DAY_MS);

await import("../../main.ts");
