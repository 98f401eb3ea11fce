#!/usr/bin/env node
/**
 * Starts Quipu with the Deno that npm has installed beside it, and with no more
 * permissions than it needs. Under Deno, it is Quipu itself.
 */

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Path of the Deno that npm has installed for this system. */
function findDeno(require) {
  try {
    return require("deno/install_api.cjs").runInstall();
  } catch (error) {
    process.stderr.write(
      `quipu: Cannot find Deno for this system: ${error.message}\n`,
    );
    process.exit(1);
  }
}

const program = new URL("./dist/main.js", import.meta.url);

if (globalThis.Deno?.version !== undefined) {
  await import(program.href);
} else {
  const require = createRequire(import.meta.url);
  const { denoFlags } = require("./package.json");
  const child = spawn(
    findDeno(require),
    [
      "run",
      ...denoFlags,
      "--no-config",
      "--no-lock",
      "--no-remote",
      "--no-npm",
      fileURLToPath(program),
      ...process.argv.slice(2),
    ],
    {
      stdio: "inherit",
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
    },
  );
  // Ctrl-C reaches both processes; other signals only this one.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR2"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`quipu: Cannot start Deno: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
