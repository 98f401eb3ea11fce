/**
 * A state that is watched: what it is now, then each change. Nothing is queued:
 * a reader who is slow gets the state as it is when it asks again.
 *
 * @module
 */

import type { StateFeed, StateView } from "./contract.ts";

/** What a feed shows. */
export interface WatchedState {
  /** Undefined: there is nothing to be shown any more. */
  read(): Promise<StateView | undefined>;
  /** Calls a function after each change; the one that is returned ends it. */
  listen(listener: () => void): () => void;
}

/** A feed of one state. */
export class WatchedStateFeed implements StateFeed {
  readonly #state: WatchedState;
  readonly #endListening: () => void;
  readonly #onClose: () => void;
  #hasNews = true;
  #isClosed = false;
  #waiting: PromiseWithResolvers<void> | undefined;
  #shown: string | undefined;

  constructor(state: WatchedState, onClose: () => void) {
    this.#state = state;
    this.#onClose = onClose;
    this.#endListening = state.listen(() => this.wake());
  }

  async next(): Promise<StateView | undefined> {
    while (!this.#isClosed) {
      if (!this.#hasNews) {
        this.#waiting ??= Promise.withResolvers();
        await this.#waiting.promise;
        continue;
      }
      this.#hasNews = false;
      const view = await this.#state.read();
      if (view === undefined) break;
      if (view.text === this.#shown) continue;
      this.#shown = view.text;
      return view;
    }
    this.close();
    return undefined;
  }

  /** Has it look again. */
  wake(): void {
    this.#hasNews = true;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endListening();
    this.#onClose();
    this.wake();
  }
}
