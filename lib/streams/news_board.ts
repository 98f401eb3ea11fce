/**
 * Who wants to know when something becomes visible: reads that are held and
 * live feeds, by the name that they read. The store is listened to only while
 * somebody watches, so that appends cost nothing otherwise.
 *
 * @module
 */

import type { CommittedEvent, EventStore } from "../store/event_store.ts";
import { isSystemList, membershipsOf } from "../model/lists.ts";
import { isMetastream, originalOfMetastream } from "../model/stream_names.ts";
import { ALL_STREAM, SETTINGS_STREAM } from "./access.ts";

type Watcher = () => void;

/** Tells watchers of commits. One for all that a service serves. */
export class NewsBoard {
  readonly #store: EventStore;
  readonly #watchers = new Map<string, Set<Watcher>>();
  #watcherCount = 0;
  #listWatcherCount = 0;
  #commitCount = 0;
  #rulesEpoch = 0;
  #endListening: (() => void) | undefined;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** Grows with every commit while somebody watches. */
  get commitCount(): number {
    return this.#commitCount;
  }

  /**
   * Grows, while somebody watches, when metadata, the default access lists or
   * a tombstone are written: what was found out about rights and about hidden
   * events may hold no more.
   */
  get rulesEpoch(): number {
    return this.#rulesEpoch;
  }

  /**
   * Watches for news of a stream: events, and changes of its metadata. They
   * may turn out to be none: look.
   *
   * @param streamName A stream, a system list or `$all`.
   * @param watcher A function of its own; must neither throw nor watch.
   * @returns A function that ends it; may be called twice.
   */
  watch(streamName: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(streamName);
    if (watchers === undefined) {
      this.#watchers.set(streamName, new Set([watcher]));
    } else watchers.add(watcher);
    this.#watcherCount++;
    if (isSystemList(streamName)) this.#listWatcherCount++;
    if (this.#endListening === undefined) {
      // What happened while nobody watched was not counted.
      this.#commitCount++;
      this.#rulesEpoch++;
      this.#endListening = this.#store.onCommit((events) => this.#tell(events));
    }
    return () => this.#strike(streamName, watcher);
  }

  #strike(streamName: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(streamName);
    if (watchers?.delete(watcher) !== true) return;
    if (watchers.size === 0) this.#watchers.delete(streamName);
    this.#watcherCount--;
    if (isSystemList(streamName)) this.#listWatcherCount--;
    if (this.#watcherCount > 0) return;
    this.#endListening?.();
    this.#endListening = undefined;
  }

  #tell(events: readonly CommittedEvent[]): void {
    this.#commitCount++;
    const told = new Set<string>();
    let changesDefaults = false;
    for (const event of events) {
      const { streamName } = event;
      told.add(streamName);
      if (this.#listWatcherCount > 0) addLists(event, told);
      if (isMetastream(streamName)) {
        this.#rulesEpoch++;
        told.add(originalOfMetastream(streamName));
      } else if (
        streamName === SETTINGS_STREAM || event.eventType === "$streamDeleted"
      ) {
        this.#rulesEpoch++;
        changesDefaults ||= streamName === SETTINGS_STREAM;
      }
    }
    if (changesDefaults) {
      for (const watchers of [...this.#watchers.values()]) tellAll(watchers);
      return;
    }
    told.add(ALL_STREAM);
    for (const name of told) tellAll(this.#watchers.get(name));
  }
}

function addLists(event: CommittedEvent, names: Set<string>): void {
  const { category, eventType, isInStreams, categoryOfStream } = membershipsOf(
    event,
  );
  if (category !== undefined) names.add("$ce-" + category);
  if (eventType !== undefined) names.add("$et-" + eventType);
  // What metadata says is not told, so each may be a soft delete.
  if (isMetastream(event.streamName)) names.add("$et-$deleted");
  if (isInStreams) names.add("$streams");
  if (categoryOfStream !== undefined) {
    names.add("$category-" + categoryOfStream);
  }
}

function tellAll(watchers: ReadonlySet<Watcher> | undefined): void {
  if (watchers === undefined) return;
  for (const watcher of watchers) watcher();
}
