/**
 * The projections of this server: those that the registry names, those that
 * are built in, and transient ones.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type { CommitHint } from "../store/event_store.ts";
import {
  type ManagedParts,
  ManagedProjection,
  type ManagedSetup,
} from "./managed_projection.ts";
import type { ProjectionRecord } from "./record.ts";
import {
  PROJECTION_STREAM_PREFIX,
  type Registration,
  REGISTRY_STREAM,
} from "./registry.ts";
import { STANDARD_RECORDS } from "./standard.ts";

/** Projections that are read, or started, side by side. */
const SIDE_BY_SIDE = 16;
/** Times that a creation is tried again because of others' changes. */
const CONFLICTS_MAX = 20;
/** How often transient ones are looked through. */
const SWEEP_MS = 30_000;

/** Every projection there is. */
export class Projections {
  readonly #parts: ManagedParts;
  readonly #byName = new Map<string, ManagedProjection>();
  /** Changes of which there are, one after another. */
  #turns: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #endWatching: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;

  constructor(parts: ManagedParts) {
    this.#parts = parts;
  }

  /** Built-in ones first, then in the order of their creation. */
  get all(): readonly ManagedProjection[] {
    return [...this.#byName.values()];
  }

  find(name: string): ManagedProjection | undefined {
    return this.#byName.get(name);
  }

  /** Reads which there are, and begins to start them. Throws as a read. */
  async open(): Promise<void> {
    // Watched first, then read: nothing is missed.
    this.#endWatching = this.#parts.store.watch(
      (hints) => this.#hear(hints),
      (streamName) => streamName.startsWith(PROJECTION_STREAM_PREFIX),
    );
    const { registry } = this.#parts;
    await registry.refresh();
    for (const [name, builtIn] of STANDARD_RECORDS) {
      const registration = registry.find(name);
      const record = registration && await registry.readRecord(registration);
      const isChanged = record !== undefined;
      this.#add({
        name,
        registration: isChanged ? registration : undefined,
        record: record ?? builtIn,
      });
    }
    await this.#inTurn(() => this.#readRegistry());
    // Not waited for: there may be many.
    void this.#openAll(this.all);
  }

  /**
   * Adds a projection, and starts it if it is enabled.
   *
   * @returns False: there is one of that name.
   * @throws {QuipuError} As `EventStore.append` does.
   */
  async create(setup: Omit<ManagedSetup, "registration">): Promise<boolean> {
    const created = await this.#inTurn(async () => {
      if (this.#isClosed) {
        throw new QuipuError("storeClosed", "The server is about to stop");
      }
      if (this.#byName.has(setup.name)) return undefined;
      return setup.record.mode === "Transient"
        ? await this.#claim(setup)
        : await this.#register(setup);
    });
    await created?.open();
    return created !== undefined;
  }

  /** Waits for the changes that are under way of which there are. */
  async settle(): Promise<void> {
    await this.#turns;
  }

  /** Leaves out one that was deleted. */
  forget(managed: ManagedProjection): void {
    const { name } = managed;
    if (this.#byName.get(name) === managed) this.#byName.delete(name);
  }

  /** Rights of a user may have changed. */
  recheckRights(login: string): void {
    const concerned = this.all.filter(({ record }) =>
      record.runAs.name === login
    );
    void this.#inParallel(concerned, (one) => one.recheckRights());
  }

  /** Ends all of them, with checkpoints. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWatching?.();
    this.#cancelSweep?.();
    await this.#inTurn(async () => {
      const all = this.all;
      this.#byName.clear();
      await this.#inParallel(all, (one) => one.end());
    });
  }

  #add(setup: ManagedSetup): ManagedProjection {
    const managed = new ManagedProjection(setup, this.#parts);
    this.#byName.set(setup.name, managed);
    return managed;
  }

  /** A transient one: its name must not be that of another server's. */
  async #claim(
    setup: Omit<ManagedSetup, "registration">,
  ): Promise<ManagedProjection | undefined> {
    const { name } = setup;
    const managed = new ManagedProjection(
      { ...setup, registration: undefined },
      this.#parts,
    );
    if (!await managed.life.claim(name)) return undefined;
    this.#byName.set(name, managed);
    this.#sweepLater();
    return managed;
  }

  async #register(
    setup: Omit<ManagedSetup, "registration">,
  ): Promise<ManagedProjection | undefined> {
    const { registry } = this.#parts;
    const { name } = setup;
    for (let attempt = 0; attempt < CONFLICTS_MAX; attempt++) {
      const found = registry.find(name);
      // One without a record is what a crash has left.
      if (found !== undefined && await registry.readRecord(found)) {
        return undefined;
      }
      const registration = await registry.register(name);
      if (registration === undefined) continue;
      const version = await registry.nextVersion(name);
      const record = { ...setup.record, version };
      if (!await registry.writeRecords(name, [record])) continue;
      return this.#add({ ...setup, registration, record });
    }
    return undefined;
  }

  /** Takes over what the registry names by now; those that are new. */
  async #readRegistry(): Promise<readonly ManagedProjection[]> {
    const { registry } = this.#parts;
    await registry.refresh();
    for (const managed of this.all) {
      const { name, registration } = managed;
      if (registration === undefined) continue;
      if (registry.find(name)?.number === registration.number) continue;
      this.forget(managed);
      await managed.end();
    }
    const missing: Registration[] = [];
    for (const registration of registry.registrations) {
      const managed = this.#byName.get(registration.name);
      if (managed === undefined) missing.push(registration);
      else if (managed.registration === undefined) await managed.followRecord();
    }
    const found: (readonly [Registration, ProjectionRecord])[] = [];
    await this.#inParallel(missing, async (registration) => {
      const record = await registry.readRecord(registration);
      if (record !== undefined) found.push([registration, record]);
    });
    found.sort(([one], [other]) => one.number - other.number);
    return found.map(([registration, record]) =>
      this.#add({ name: registration.name, registration, record })
    );
  }

  /** Somebody wrote streams of projections, perhaps this server. */
  #hear(hints: readonly CommitHint[]): void {
    let isRegistryConcerned = false;
    for (const { streamName, eventNumber } of hints) {
      const name = streamName.slice(PROJECTION_STREAM_PREFIX.length);
      const managed = this.#byName.get(name);
      const isNew = managed === undefined &&
        this.#parts.registry.find(name) !== undefined;
      isRegistryConcerned ||= streamName === REGISTRY_STREAM || isNew;
      if (managed !== undefined && eventNumber > managed.record.version) {
        void this.#inParallel([managed], (one) => one.followRecord());
      }
    }
    if (isRegistryConcerned) void this.#followRegistry();
  }

  async #followRegistry(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        if (this.#isClosed) return;
        const added = await this.#readRegistry();
        await this.#openAll(added);
      });
    } catch (error) {
      this.#complain(error);
    }
  }

  #openAll(projections: readonly ManagedProjection[]): Promise<void> {
    return this.#inParallel(projections, async (one) => {
      await one.open();
      if (one.isEnded) this.forget(one);
    });
  }

  #sweepLater(): void {
    if (this.#isClosed) return;
    this.#cancelSweep ??= this.#parts.timers.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
    });
  }

  /** Ends the transient ones that nobody has asked for lately. */
  #sweep(): void {
    const { timers, limits } = this.#parts;
    const oldest = timers.nowMs() - limits.projectionTransientMs;
    const transient = this.all.filter(({ record }) =>
      record.mode === "Transient"
    );
    const over = transient.filter(({ accessedAtMs }) => accessedAtMs <= oldest);
    for (const managed of over) this.forget(managed);
    void this.#inParallel(over, (one) => one.end());
    if (over.length < transient.length) this.#sweepLater();
  }

  /** Works on many, some at a time; what fails is logged. */
  async #inParallel<T>(
    items: readonly T[],
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    const waiting = [...items];
    const workOn = async () => {
      for (;;) {
        const item = waiting.shift();
        if (item === undefined) return;
        await work(item).catch((error) => this.#complain(error));
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, workOn));
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.logger.warn("projections.failed", { reason });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }
}
