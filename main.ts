/**
 * The program: runs the command that its arguments name, and ends with the exit
 * code that came of it.
 *
 * @module
 */

import { runProgram } from "./lib/cli/run.ts";
import { exitProgram } from "./lib/runtime/process.ts";

exitProgram(
  await runProgram({ args: Deno.args, environment: Deno.env.toObject() }),
);
