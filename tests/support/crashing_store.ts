/**
 * A store as a process has it that is killed: from one moment on, nothing that
 * it asks for happens or is answered.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { AppendRequest, EventStore } from "../../lib/store/event_store.ts";

/** When a process is killed. */
export interface CrashPoint {
  /** With so many appends. */
  readonly appendCount?: number;
  /** With such an append. */
  readonly isPoint?: (request: AppendRequest) => boolean;
  /** Whether the last one of them is written, though nobody hears of it. */
  readonly isLastWritten: boolean;
}

/** A store of one life, and whether that is over. */
export interface CrashingStore {
  readonly store: EventStore;
  readonly hasCrashed: boolean;
}

/** Makes a life's view of a store that outlives it. */
export function createCrashingStore(
  store: EventStore,
  { appendCount = Infinity, isPoint = () => false, isLastWritten }: CrashPoint,
): CrashingStore {
  let count = 0;
  let isOver = false;
  const refuse = () => {
    if (isOver) throw new QuipuError("storeClosed", "The process was killed");
  };
  const guarded = <Args extends unknown[], Result>(
    call: (...args: Args) => Promise<Result>,
  ) =>
  async (...args: Args): Promise<Result> => {
    refuse();
    const result = await call(...args);
    refuse();
    return result;
  };
  const view: EventStore = {
    storeId: store.storeId,
    limits: store.limits,
    promises: store.promises,
    leases: store.leases,
    async append(request) {
      refuse();
      const isLast = ++count >= appendCount || isPoint(request);
      if (!isLast) return await store.append(request);
      isOver = true;
      if (isLastWritten) await store.append(request);
      throw new QuipuError("storeClosed", "The process was killed");
    },
    deleteStream: guarded((request) => store.deleteStream(request)),
    readState: guarded((name) => store.readState(name)),
    readEvent: guarded((name, number) => store.readEvent(name, number)),
    readStream: guarded((request) => store.readStream(request)),
    findNearest: guarded((name, from, way) =>
      store.findNearest(name, from, way)
    ),
    readEnd: guarded(() => store.readEnd()),
    listNames: guarded((kind, request) => store.listNames(kind, request)),
    readAll: guarded((request) => store.readAll(request)),
    findPosition: guarded((atUs) => store.findPosition(atUs)),
    watch: (listener, isOf) => store.watch(listener, isOf),
    status: () => store.status(),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    store: view,
    get hasCrashed() {
      return isOver;
    },
  };
}
