/**
 * Commands whose first operand is an action.
 *
 * @module
 */

import { UsageError } from "../failures.ts";

/**
 * The action of that name.
 *
 * @throws {UsageError} If there is none.
 */
export function actionOf<Action>(
  actions: Readonly<Record<string, Action>>,
  name: string,
): Action {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action !== undefined) return action;
  throw new UsageError(
    `Unknown action "${name}": expected one of ${
      Object.keys(actions).join(", ")
    }`,
  );
}

/**
 * An operand that the action needs.
 *
 * @throws {UsageError} If it is missing.
 */
export function needed(operand: string | undefined, label: string): string {
  if (operand !== undefined) return operand;
  throw new UsageError(`${label} is missing for this action`);
}
