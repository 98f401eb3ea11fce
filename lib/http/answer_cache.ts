/**
 * Answers that were rendered lately, ready to be sent again. What they are kept
 * under and whether they still hold is the business of `known_answers.ts`.
 *
 * An answer is kept when it is asked for the second time within a while: who
 * goes through a stream page by page does not drive out what others ask for
 * again and again. What was used since it was last looked at survives once more
 * when room is needed (CLOCK).
 *
 * @module
 */

import type { Limits } from "../model/limits.ts";
import type { ReadBasis } from "../streams/outcomes.ts";
import { type Representation, representationResponse } from "./responses.ts";
import type { Route } from "./routes.ts";

/** What has to be known of an answer to tell whether it may be sent. */
export interface AnswerFacts {
  readonly streamName: string;
  readonly basis: ReadBasis;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  /** The `If-None-Match` that makes it a 304; undefined: none does. */
  readonly etag: string | undefined;
  /** Whether `If-None-Match` counts at all. */
  readonly isConditional: boolean;
  /** For whoever counts requests. */
  readonly route: Route | undefined;
}

/** A representation that is there as a whole. */
export type WholeRepresentation = Representation & {
  readonly body: string | Uint8Array<ArrayBuffer>;
};

/** An answer that is kept; `AnswerCache` alone makes and changes them. */
export interface KeptAnswer {
  readonly facts: AnswerFacts;
  /**
   * Until the answer is sent again; undefined before that if nothing is known
   * of it but that it is a 304 for those who have it.
   */
  readonly representation: WholeRepresentation | undefined;
}

interface Entry extends KeptAnswer {
  readonly key: string;
  representation: WholeRepresentation | undefined;
  /** What is sent, as its clones. */
  template: Response | undefined;
  bytes: number;
  isUsed: boolean;
}

type CacheLimits = Pick<
  Limits,
  "answerCacheBytes" | "answerCacheEntriesMax" | "answersSeenMax"
>;

/** What an entry takes besides body and key: headers, objects, the table. */
const ENTRY_BYTES = 2048;

const ENCODER = new TextEncoder();

/** Answers by key, bounded in number and size. */
export class AnswerCache {
  readonly #limits: CacheLimits;
  /** The one that was not looked at for the longest time comes first. */
  readonly #entries = new Map<string, Entry>();
  /** Keys that were asked for once lately, and in the while before. */
  #seen = new Set<string>();
  #seenBefore = new Set<string>();
  #bytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  /** Memory that the answers take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** What is kept under a key, whether it holds or not. */
  find(key: string): KeptAnswer | undefined {
    return this.#entries.get(key);
  }

  /** Notes that an answer is of use; its representation need not be sent. */
  use(answer: KeptAnswer): void {
    (answer as Entry).isUsed = true;
  }

  /** The answer once more; undefined if only its 304 is known. */
  responseOf(answer: KeptAnswer): Response | undefined {
    const entry = answer as Entry;
    entry.isUsed = true;
    const template = entry.template ?? this.#prepare(entry);
    // A clone's headers are not checked again, nor its body copied.
    return template?.clone();
  }

  /** Keeps an answer in place of what is under the key, if it is worth it. */
  keep(
    key: string,
    facts: AnswerFacts,
    representation: WholeRepresentation | undefined,
  ): void {
    const known = this.#entries.get(key);
    if (known === undefined && !this.#wasSeen(key)) return;
    const bytes = sizeOf(key, representation?.body);
    if (bytes > this.#limits.answerCacheBytes) return;
    this.#bytes += bytes - (known?.bytes ?? 0);
    this.#entries.set(key, {
      key,
      facts,
      representation,
      template: undefined,
      bytes,
      isUsed: known?.isUsed ?? false,
    });
    this.#makeRoom();
  }

  /** Whether the key was asked for before, as it is now. */
  #wasSeen(key: string): boolean {
    if (this.#seen.has(key) || this.#seenBefore.has(key)) return true;
    if (this.#seen.size >= this.#limits.answersSeenMax) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    this.#seen.add(key);
    return false;
  }

  #prepare(entry: Entry): Response | undefined {
    const { key, facts, representation } = entry;
    if (representation === undefined) return undefined;
    const { body } = representation;
    // Bytes are handed over as they are; a text would be encoded each time.
    const bytes = typeof body === "string" ? ENCODER.encode(body) : body;
    const template = representationResponse(
      { ...representation, body: bytes },
      facts.allowedMethods,
    );
    // Until its headers are looked at, an answer is held ready a second time
    // where the platform's server would take it from.
    template.headers;
    entry.template = template;
    entry.representation = undefined;
    const size = sizeOf(key, bytes);
    if (this.#entries.get(key) === entry) this.#bytes += size - entry.bytes;
    entry.bytes = size;
    this.#makeRoom();
    return template;
  }

  #makeRoom(): void {
    const { answerCacheBytes, answerCacheEntriesMax } = this.#limits;
    for (const [key, oldest] of this.#entries) {
      const hasRoom = this.#bytes <= answerCacheBytes &&
        this.#entries.size <= answerCacheEntriesMax;
      if (hasRoom) return;
      this.#entries.delete(key);
      if (oldest.isUsed) {
        // It comes last now, and is met once more before this ends.
        oldest.isUsed = false;
        this.#entries.set(key, oldest);
      } else this.#bytes -= oldest.bytes;
    }
  }
}

/** Memory of an entry; of texts the most that they can take. */
function sizeOf(
  key: string,
  body: string | Uint8Array | undefined = "",
): number {
  const bodyBytes = typeof body === "string" ? 2 * body.length : body.length;
  return ENTRY_BYTES + 2 * key.length + bodyBytes;
}
