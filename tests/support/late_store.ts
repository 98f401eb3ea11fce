/**
 * A store that is being opened: every call waits until it is. For tests that
 * have their store at once, over engines that take a while.
 *
 * @module
 */

import { LIMITS } from "../../lib/model/limits.ts";
import type { EventStore, StorePromises } from "../../lib/store/event_store.ts";

/** Calls that are not answered, and news that are not told. */
let pendingCount = 0;

/** Whether a late store of this process has yet to answer or tell something. */
export function isLateStorePending(): boolean {
  return pendingCount > 0;
}

/** Makes a store of one that is being opened. */
export function createLateStore(
  opening: Promise<EventStore>,
  promises: StorePromises,
): EventStore {
  const call = async <Answer>(
    ask: (store: EventStore) => Promise<Answer>,
  ): Promise<Answer> => {
    pendingCount++;
    try {
      return await ask(await opening);
    } finally {
      pendingCount--;
    }
  };
  /** What was written has yet to be told to watchers. */
  const tell = () => {
    call(async (store) => await store.barrier?.()).catch(() => {});
  };
  let opened: EventStore | undefined;
  opening.then((store) => opened = store, () => {});
  return {
    get storeId() {
      return opened?.storeId ?? "";
    },
    limits: LIMITS,
    promises,
    leases: {
      acquire: (...args) => call(({ leases }) => leases.acquire(...args)),
      renew: (...args) => call(({ leases }) => leases.renew(...args)),
      release: (...args) => call(({ leases }) => leases.release(...args)),
    },
    barrier: () => call(async (store) => await store.barrier?.()),
    append: (request) => call((store) => store.append(request)).finally(tell),
    deleteStream: (request) =>
      call((store) => store.deleteStream(request)).finally(tell),
    readState: (...args) => call((store) => store.readState(...args)),
    readEvent: (...args) => call((store) => store.readEvent(...args)),
    readStream: (...args) => call((store) => store.readStream(...args)),
    findNearest: (...args) => call((store) => store.findNearest(...args)),
    readEnd: () => call((store) => store.readEnd()),
    listNames: (...args) => call((store) => store.listNames(...args)),
    readAll: (...args) => call((store) => store.readAll(...args)),
    findPosition: (...args) => call((store) => store.findPosition(...args)),
    watch(listener, isOf) {
      const watching = call((store) =>
        Promise.resolve(store.watch(listener, isOf))
      );
      return () => {
        watching.then((end) => end());
      };
    },
    status: () => opened?.status() ?? { readOnlyReason: undefined },
    close: () => call((store) => store.close()),
    [Symbol.asyncDispose]: () => call((store) => store.close()),
  };
}
