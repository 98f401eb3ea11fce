/**
 * The default users of a store that cannot be written when the server starts,
 * its device being full or failing: they are made as soon as it can be.
 *
 * @module
 */

import type { DefaultUsersReport } from "./default_users.ts";
import type { Timer } from "./login_throttle.ts";
import { QuipuError } from "../model/errors.ts";
import type { EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";

const NONE: DefaultUsersReport = { generated: [], withDefaultPassword: [] };

/** What waiting takes. */
export interface LateDefaultUsersOptions {
  readonly store: EventStore;
  readonly timer: Timer;
  /** Makes the users; may be called again when the store refused. */
  readonly ensure: () => Promise<DefaultUsersReport>;
}

/** Default users that are still to be made. */
export interface LateDefaultUsers {
  /** Settles once they are made, or waiting was cancelled: then with none. */
  readonly report: Promise<DefaultUsersReport>;
  /** Waits no more. What was begun is finished. */
  cancel(): void;
}

/**
 * Makes the default users once the store can be written; looks every
 * `LIMITS.writeRetryMs`.
 *
 * @throws {Error} `report` rejects with what `ensure` throws, unless that is
 * the store's refusal to be written.
 */
export function ensureOnceWritable(
  { store, timer, ensure }: LateDefaultUsersOptions,
): LateDefaultUsers {
  let isCancelled = false;
  let endWait: (() => void) | undefined;

  function wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = timer.after(LIMITS.writeRetryMs, resolve);
    endWait = () => {
      stopTimer();
      resolve();
    };
    return promise;
  }

  async function run(): Promise<DefaultUsersReport> {
    while (!isCancelled) {
      if (store.status().readOnlyReason === undefined) {
        try {
          return await ensure();
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
      }
      if (!isCancelled) await wait();
    }
    return NONE;
  }

  return {
    report: run(),
    cancel() {
      isCancelled = true;
      endWait?.();
    },
  };
}

/** Whether the store may take later what it refused now. */
function isRefusal(error: unknown): boolean {
  return error instanceof QuipuError &&
    (error.code === "storeReadOnly" || error.code === "storeFull");
}
