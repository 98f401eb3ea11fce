/**
 * The end of the program.
 *
 * @module
 */

/** Ends the program now, whatever still runs. */
export function exitProgram(exitCode: number): never {
  Deno.exit(exitCode);
}
