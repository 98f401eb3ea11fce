/**
 * Pages of sources that were read lately: groups that read the same one after
 * another, or at the same time, cost one read.
 *
 * @module
 */

import type { SourceMessage } from "./group.ts";

/** Messages of a stretch of a source. */
export interface SourcePage {
  /** In order; may be empty. */
  readonly messages: readonly SourceMessage[];
  /** Place to go on from. */
  readonly next: number;
  /** Whether nothing is left for now. */
  readonly isAtEnd: boolean;
  /** Whether the stream was deleted for good before: nothing will follow. */
  readonly isDeleted: boolean;
}

interface CachedPage {
  /** What the page was made of; it holds while that is so. */
  readonly basis: string;
  readonly page: Promise<SourcePage>;
  sizeBytes: number;
}

/** Bytes that a page without messages counts as. */
const PAGE_BYTES = 256;

/** Keeps pages, the ones asked for last the longest. */
export class PageCache {
  readonly #pages = new Map<string, CachedPage>();
  readonly #bytesMax: number;
  #sizeBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * A page, kept or read now. Who asks while it is being read waits for it.
   *
   * @param basis What the page depends on besides its key.
   */
  read(
    key: string,
    basis: string,
    readPage: () => Promise<SourcePage>,
  ): Promise<SourcePage> {
    const kept = this.#pages.get(key);
    if (kept !== undefined) {
      this.#remove(key, kept);
      if (kept.basis === basis) {
        this.#pages.set(key, kept);
        this.#sizeBytes += kept.sizeBytes;
        return kept.page;
      }
    }
    const made: CachedPage = { basis, page: readPage(), sizeBytes: PAGE_BYTES };
    this.#pages.set(key, made);
    this.#sizeBytes += made.sizeBytes;
    void made.page.then(
      (page) => this.#weigh(key, made, page),
      () => this.#remove(key, made),
    );
    return made.page;
  }

  #weigh(key: string, kept: CachedPage, { messages }: SourcePage): void {
    if (this.#pages.get(key) !== kept) return;
    for (const { sizeBytes } of messages) {
      kept.sizeBytes += sizeBytes;
      this.#sizeBytes += sizeBytes;
    }
    for (const [oldKey, old] of this.#pages) {
      if (this.#sizeBytes <= this.#bytesMax) break;
      this.#remove(oldKey, old);
    }
  }

  #remove(key: string, kept: CachedPage): void {
    if (this.#pages.get(key) !== kept) return;
    this.#pages.delete(key);
    this.#sizeBytes -= kept.sizeBytes;
  }
}
