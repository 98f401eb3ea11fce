/**
 * Which streams one reader may read, for one page or one wait: what was decided
 * once holds until it is over, so that a page is not judged by two rules.
 *
 * @module
 */

import { type ReadAccess, readsEverything } from "./access.ts";
import type { RecordedEvent } from "../model/event.ts";
import type { ReadContext } from "./context.ts";
import type { Caller } from "./outcomes.ts";

/** Decides for one reader, and remembers. */
export class Readability {
  readonly #context: ReadContext;
  readonly #caller: Caller;
  readonly #readsEverything: boolean;
  readonly #known = new Map<string, boolean>();
  #isPublic: boolean;

  /** @param access What the reader may see of what the page is read from. */
  constructor(context: ReadContext, caller: Caller, access: ReadAccess) {
    this.#context = context;
    this.#caller = caller;
    this.#readsEverything = readsEverything(caller);
    this.#isPublic = access === "public";
  }

  /** Whether everybody may read that, and every stream asked for so far. */
  get isPublic(): boolean {
    return this.#isPublic;
  }

  /** Whether the reader may read a stream or a system list. */
  async mayRead(streamName: string): Promise<boolean> {
    const known = this.peek(streamName);
    if (known !== undefined) return known;
    const { store, access } = this.#context;
    const state = await store.readState(streamName);
    return this.#learn(
      streamName,
      await access.readAccess(this.#caller, streamName, state),
    );
  }

  /** As `mayRead`, if that is known without waiting. */
  peek(streamName: string): boolean | undefined {
    // Nothing is left to find out.
    if (this.#readsEverything && !this.#isPublic) return true;
    const known = this.#known.get(streamName);
    if (known !== undefined) return known;
    const { store, access } = this.#context;
    const state = store.local?.peekState(streamName);
    const granted = state &&
      access.peekReadAccess(this.#caller, streamName, state);
    return granted && this.#learn(streamName, granted);
  }

  /** Leaves out events of streams that the reader may not read. */
  async keepReadable(
    events: readonly RecordedEvent[],
  ): Promise<readonly RecordedEvent[]> {
    const kept: RecordedEvent[] = [];
    for (const event of events) {
      const { streamName } = event;
      const mayRead = this.peek(streamName) ?? await this.mayRead(streamName);
      if (mayRead) kept.push(event);
    }
    return kept;
  }

  #learn(streamName: string, granted: ReadAccess): boolean {
    if (granted !== "public") this.#isPublic = false;
    const mayRead = granted !== "denied";
    this.#known.set(streamName, mayRead);
    return mayRead;
  }
}
