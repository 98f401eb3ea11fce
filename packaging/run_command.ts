/**
 * Running the tools that packages are made with.
 *
 * @module
 */

import { ROOT } from "./project.ts";

/**
 * Runs a command to its end. `deno` is the Deno that runs this.
 *
 * @param directory Where it runs; the directory of the project by default.
 * @returns What it printed.
 * @throws {Error} With what it said, if it fails.
 */
export async function outputOf(
  [name = "", ...args]: readonly string[],
  directory: string = ROOT,
): Promise<string> {
  const isNpm = name === "npm" && Deno.build.os === "windows";
  const { success, stdout, stderr } = await new Deno.Command(
    name === "deno" ? Deno.execPath() : isNpm ? "npm.cmd" : name,
    { args, cwd: directory, stdin: "null" },
  ).output();
  const [output, errors] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  if (!success) {
    throw new Error(`Failed: ${name} ${args.join(" ")}\n${output}${errors}`);
  }
  return output ?? "";
}

/** Like {@linkcode outputOf}, of commands whose output nobody needs. */
export async function runCommand(command: readonly string[]): Promise<void> {
  await outputOf(command);
}
