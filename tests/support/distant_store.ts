/**
 * A store as unlike the one of files as the port allows, so that nothing above
 * the port can rely on more than it says. It stands for an engine in another
 * process that several servers share:
 *
 * - every call takes turns of the event loop before and after it is done, so an
 *   answer may be old when it arrives;
 * - positions are opaque: they begin anywhere and are irregularly far apart;
 * - watchers hear late, of several commits at once, and of events with the same
 *   stream and type only of the first;
 * - leases run out;
 * - there are neither local reads nor maintenance, but there is a barrier.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  CommitHint,
  DeleteRequest,
  DeleteResult,
  EventStore,
  ListEntry,
  LogEnd,
  NamesRequest,
  ReadAllRequest,
  ReadAllResult,
  ReadRequest,
  ReadResult,
  StorePromises,
  StoreStatus,
  StreamState,
} from "../../lib/store/event_store.ts";
import type { Lease, Leases } from "../../lib/store/leases.ts";
import { createModelStore, type ModelStoreOptions } from "./model_store.ts";

/** How long watchers wait to hear of a commit. */
const NEWS_DELAY_MS = 5;

/** Calls that are not answered, and news that are not told. */
let pendingCount = 0;

/** Whether a distant store of this process has yet to answer or tell something. */
export function isDistantStorePending(): boolean {
  return pendingCount > 0;
}

/** Makes an empty store. */
export function createDistantStore(options: ModelStoreOptions): EventStore {
  const [store] = createDistantStores(1, options);
  if (store === undefined) throw new Error("One store was made");
  return store;
}

/** Makes what so many servers have of one empty store. */
export function createDistantStores(
  count: number,
  options: ModelStoreOptions,
): EventStore[] {
  const engine: Engine = {
    model: createModelStore({ ...options, positions: "opaque" }),
    leases: new ExpiringLeases(options.clock),
  };
  return Array.from({ length: count }, () => new DistantStore(engine));
}

/** What all servers share. */
interface Engine {
  readonly model: EventStore;
  readonly leases: ExpiringLeases;
}

class DistantStore implements EventStore {
  readonly promises: StorePromises = {
    positions: "opaque",
    ordinals: "gapless",
  };
  readonly limits: EventStore["limits"];
  readonly storeId: string;
  readonly leases: Leases;
  readonly #engine: Engine;
  readonly #news: LateNews;
  #isClosed = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#news = new LateNews(engine.model);
    this.limits = engine.model.limits;
    this.storeId = engine.model.storeId;
    const { leases } = engine;
    this.leases = {
      acquire: (name, holdMs) => this.#ask(() => leases.acquire(name, holdMs)),
      renew: (lease, holdMs) => this.#ask(() => leases.renew(lease, holdMs)),
      release: (lease) => this.#ask(() => leases.release(lease)),
    };
  }

  append({ lease, ...request }: AppendRequest): Promise<AppendResult> {
    return this.#ask(({ model, leases }) => {
      if (lease === undefined || leases.isHeld(lease)) {
        return model.append(request);
      }
      throw new QuipuError("leaseLost", `The lease of "${lease.name}" is lost`);
    });
  }

  deleteStream(request: DeleteRequest): Promise<DeleteResult> {
    return this.#ask(({ model }) => model.deleteStream(request));
  }

  readState(streamName: string): Promise<StreamState> {
    return this.#ask(({ model }) => model.readState(streamName));
  }

  readEvent(
    streamName: string,
    eventNumber: number,
  ): Promise<ListEntry | undefined> {
    return this.#ask(({ model }) => model.readEvent(streamName, eventNumber));
  }

  readStream(request: ReadRequest): Promise<ReadResult> {
    return this.#ask(({ model }) => model.readStream(request));
  }

  findNearest(
    streamName: string,
    from: number,
    direction: "forward" | "backward",
  ): Promise<number | undefined> {
    return this.#ask(({ model }) =>
      model.findNearest(streamName, from, direction)
    );
  }

  readEnd(): Promise<LogEnd> {
    return this.#ask(({ model }) => model.readEnd());
  }

  listNames(
    kind: "streams" | "categories" | "types",
    request: NamesRequest,
  ): Promise<readonly string[]> {
    return this.#ask(({ model }) => model.listNames(kind, request));
  }

  readAll(request: ReadAllRequest): Promise<ReadAllResult> {
    return this.#ask(({ model }) => model.readAll(request));
  }

  findPosition(createdAtUs: number): Promise<number> {
    return this.#ask(({ model }) => model.findPosition(createdAtUs));
  }

  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf?: (streamName: string) => boolean,
  ): () => void {
    return this.#news.watch(listener, isOf);
  }

  async barrier(): Promise<void> {
    await this.#ask(() => this.#news.tell());
  }

  status(): StoreStatus {
    return { readOnlyReason: undefined };
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#news.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** There and back, which both take their time. */
  async #ask<Answer>(
    question: (engine: Engine) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    pendingCount++;
    try {
      await oneTurn();
      if (this.#isClosed) {
        throw new QuipuError("storeClosed", "The store is closed");
      }
      const answer = await question(this.#engine);
      await oneTurn();
      return answer;
    } finally {
      pendingCount--;
    }
  }
}

function oneTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Gathers what was committed, and tells it late. */
class LateNews {
  readonly #watchers = new Map<
    (hints: readonly CommitHint[]) => void,
    (streamName: string) => boolean
  >();
  readonly #endListening: () => void;
  #gathered = new Map<string, CommitHint>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: EventStore) {
    this.#endListening = model.watch((hints) => this.#gather(hints));
  }

  watch(
    listener: (hints: readonly CommitHint[]) => void,
    isOf: (streamName: string) => boolean = () => true,
  ): () => void {
    this.#watchers.set(listener, isOf);
    return () => this.#watchers.delete(listener);
  }

  /** Tells what was gathered now. */
  tell(): void {
    this.#stopTimer();
    // In an order of its own, which is nobody's promise either.
    const gathered = [...this.#gathered.values()].reverse();
    this.#gathered = new Map();
    for (const [listener, isOf] of [...this.#watchers]) {
      const hints = gathered.filter(({ streamName }) => isOf(streamName));
      if (hints.length > 0) listener(hints);
    }
  }

  close(): void {
    this.#stopTimer();
    this.#endListening();
    this.#watchers.clear();
  }

  #stopTimer(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    pendingCount--;
  }

  #gather(hints: readonly CommitHint[]): void {
    if (this.#watchers.size === 0) return;
    for (const hint of hints) {
      const key = JSON.stringify([hint.streamName, hint.eventType]);
      if (!this.#gathered.has(key)) this.#gathered.set(key, hint);
    }
    if (this.#timer !== undefined) return;
    pendingCount++;
    this.#timer = setTimeout(() => this.tell(), NEWS_DELAY_MS);
  }
}

/** Leases that end by the clock. */
class ExpiringLeases {
  readonly #clock: Clock;
  readonly #held = new Map<string, { token: number; endsAtUs: number }>();
  #lastToken = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  acquire(name: string, holdMs: number): Lease | undefined {
    const held = this.#held.get(name);
    const nowUs = this.#clock.nowUs();
    if (held !== undefined && held.endsAtUs > nowUs) return undefined;
    const token = ++this.#lastToken;
    this.#held.set(name, { token, endsAtUs: nowUs + 1000 * holdMs });
    return { name, token };
  }

  renew(lease: Lease, holdMs: number): boolean {
    if (!this.isHeld(lease)) return false;
    const endsAtUs = this.#clock.nowUs() + 1000 * holdMs;
    this.#held.set(lease.name, { token: lease.token, endsAtUs });
    return true;
  }

  release(lease: Lease): void {
    if (this.isHeld(lease)) this.#held.delete(lease.name);
  }

  /** Whether nobody has taken its place. */
  isHeld({ name, token }: Lease): boolean {
    return this.#held.get(name)?.token === token;
  }
}
