/**
 * One thing in which an answer is not as recorded.
 *
 * @module
 */

export interface Difference {
  /** Place in the answer: `status`, `header ETag`, `body.links[1].uri` … */
  readonly where: string;
  readonly recorded: string;
  readonly answered: string;
}

const SHOWN_LENGTH_MAX = 300;

/** Makes a difference of any two values. */
export function difference(
  where: string,
  recorded: unknown,
  answered: unknown,
): Difference {
  return { where, recorded: shown(recorded), answered: shown(answered) };
}

/** A difference in one line. */
export function lineOf(found: Difference): string {
  return `${found.where}: recorded ${found.recorded}, ` +
    `answered ${found.answered}`;
}

function shown(value: unknown): string {
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : Array.isArray(value)
    ? `[${value.join(", ")}]`
    : String(value);
  return text.length <= SHOWN_LENGTH_MAX
    ? text
    : `${text.slice(0, SHOWN_LENGTH_MAX)}…`;
}
