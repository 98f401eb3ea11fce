/**
 * Whether a concurrent history could have happened one operation after the
 * other: the search of Wing and Gong, with Lowe's memory of what was tried.
 * It is asked for each stream by itself: by Herlihy and Wing's locality a
 * history is linearizable if and only if that of each object is.
 *
 * @module
 */

/** An operation as a client saw it. */
export interface Operation<Input, Output> {
  readonly input: Input;
  /** Undefined when no answer came: it may have happened, or not, or later. */
  readonly output: Output | undefined;
  readonly calledAt: number;
  /** Infinity when no answer came. */
  readonly returnedAt: number;
}

/** What an object does, one operation after the other. */
export interface SequentialObject<State, Input, Output> {
  readonly initial: State;
  /**
   * The state after the operation; undefined when it cannot have had that
   * output. An undefined output is any.
   */
  step(
    state: State,
    input: Input,
    output: Output | undefined,
  ): State | undefined;
  /** The same text for the same state. */
  keyOf(state: State): string;
}

/** Whether the operations can be put in an order that explains every output. */
export function isLinearizable<State, Input, Output>(
  object: SequentialObject<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): boolean {
  const byCall = [...operations].sort((one, other) =>
    one.calledAt - other.calledAt
  );
  const isDone = new Array<boolean>(byCall.length).fill(false);
  const tried = new Set<string>();

  function search(state: State, answeredLeft: number): boolean {
    if (answeredLeft === 0) return true;
    const key = isDone.map((done) => done ? "1" : "0").join("") +
      object.keyOf(state);
    if (tried.has(key)) return false;
    tried.add(key);
    // Whoever returned first of those that are left bounds who may be next.
    let firstReturn = Infinity;
    for (const [index, { returnedAt }] of byCall.entries()) {
      if (!isDone[index]) firstReturn = Math.min(firstReturn, returnedAt);
    }
    for (const [index, operation] of byCall.entries()) {
      if (operation.calledAt > firstReturn) break;
      if (isDone[index]) continue;
      const { input, output } = operation;
      const next = object.step(state, input, output);
      if (next === undefined) continue;
      isDone[index] = true;
      const left = answeredLeft - (output === undefined ? 0 : 1);
      if (search(next, left)) return true;
      isDone[index] = false;
    }
    return false;
  }

  const answered = byCall.filter(({ output }) => output !== undefined).length;
  return search(object.initial, answered);
}
