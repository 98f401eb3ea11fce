/**
 * What the benches share as programs: printing, and options.
 *
 * @module
 */

/** Prints a line. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/** What went wrong, for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Options that the command line says; ends the program after having said why
 * there are none.
 *
 * @param parse Returns undefined if help is asked for.
 */
export function optionsOrExit<Options>(
  parse: (args: readonly string[]) => Options | undefined,
  usage: string,
): Options {
  try {
    const options = parse(Deno.args);
    if (options !== undefined) return options;
    print(usage.trimEnd());
    Deno.exit(0);
  } catch (error) {
    print(`${reasonOf(error)}\n\n${usage.trimEnd()}`);
    Deno.exit(2);
  }
}

/**
 * Names of rows that `--only` asks for, in the order of the table.
 *
 * @param only Names with commas between them; undefined for all rows.
 * @throws {RangeError} If there is no such row.
 */
export function chosenRows(
  only: string | undefined,
  known: readonly string[],
): readonly string[] {
  if (only === undefined) return known;
  const wanted = only.split(",");
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `Bad --only: no row "${unknown}", wanted some of ${known.join(", ")}`,
    );
  }
  return known.filter((name) => wanted.includes(name));
}
