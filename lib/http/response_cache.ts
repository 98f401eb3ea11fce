/**
 * Sends again what was sent before, if it would be the same.
 *
 * An answer is kept under everything in its request that decides about it: the
 * URL as it was sent, `Accept`, the address that links begin with, and whether
 * links are followed. What else decides is compared each time: the caller's
 * right to read, looked up first, and the stream's head and metadata (a
 * `ReadBasis`). So nothing has to be thrown away when somebody writes, deletes
 * or changes rights: what does not hold any more is not sent, and is replaced by
 * what is.
 *
 * An answer is kept when it is asked for the second time within a while: a client
 * that reads a stream page by page does not drive out what others ask for again
 * and again. What was used since it was last looked at survives once more when
 * room is needed (CLOCK).
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Caller, ReadBasis, StreamService } from "../streams/outcomes.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { BaseUrlOf } from "./hosts.ts";
import type { WatchedRequest, WatchedRoute } from "./observation.ts";
import { Refusal } from "./errors.ts";
import {
  checkRequireMaster,
  isKnownToClient,
  readResolveLinks,
  REQUEST_HEADERS,
} from "./request_headers.ts";
import {
  notModifiedResponse,
  type Representation,
  type RepresentationHead,
  representationResponse,
} from "./respond.ts";

interface KnownAnswersOptions {
  readonly streams: Pick<StreamService, "holdsStill">;
  readonly baseUrlOf: BaseUrlOf;
  readonly limits: Limits;
}

/** What has to be known of a request; a `RequestContext` says it. */
interface AnsweredRequest {
  readonly request: Request;
  /** What `keyOf` said of it. */
  readonly answerKey: AnswerKey | undefined;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly watched: WatchedRequest;
}

/** A read of one stream that was answered. */
interface AnsweredRead {
  readonly context: AnsweredRequest;
  readonly streamName: string;
  /** Undefined: the answer may be another one the next time. */
  readonly basis: ReadBasis | undefined;
}

/** What decides about an answer besides its URL. */
interface Variant extends AskedHeaders {
  readonly accept: string | null;
  /** All of it in one. */
  readonly text: string;
}

const NO_VARIANT: Variant = {
  accept: null,
  baseUrl: "",
  resolvesLinks: true,
  text: "",
};

/** Answers that can be sent again. */
export class KnownAnswers {
  readonly #options: KnownAnswersOptions;
  readonly #cache: AnswerCache;
  #lastVariant = NO_VARIANT;
  #hitCount = 0;
  #missCount = 0;

  constructor(options: KnownAnswersOptions) {
    this.#options = options;
    this.#cache = new AnswerCache(options.limits);
  }

  /** Requests that were answered again with what was known. */
  get hitCount(): number {
    return this.#hitCount;
  }

  /** Requests that could have been, but were answered anew. */
  get missCount(): number {
    return this.#missCount;
  }

  /** Memory that the answers take, about. */
  get bytes(): number {
    return this.#cache.bytes;
  }

  /**
   * All of a GET that decides about its answer; undefined if that is none to
   * be kept: it is held, too long, refused, or about something else.
   */
  keyOf(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): AnswerKey | undefined {
    const { url, headers } = request;
    const { baseUrlOf, limits } = this.#options;
    if (!url.includes("/streams/")) return undefined;
    try {
      if (headers.has(REQUEST_HEADERS.longPoll)) return undefined;
      checkRequireMaster(headers);
      const asked = this.#variantOf({
        accept: headers.get("accept"),
        baseUrl: baseUrlOf(request, info),
        resolvesLinks: readResolveLinks(headers),
      });
      const variant = asked.text;
      const length = url.length + variant.length;
      return length > limits.answerCacheKeyLengthMax
        ? undefined
        : { url, variant, asked };
    } catch (error) {
      // Whoever answers the request refuses it, if nothing else is wrong.
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  /** What is known under a key, if the caller may see it and it holds. */
  find(
    key: AnswerKey,
    request: Request,
    by: { readonly caller: Caller; readonly watched: WatchedRequest },
  ): Response | undefined {
    const answer = this.#cache.find(key);
    const response = answer && this.#holds(answer.facts, by.caller)
      ? this.#responseOf(answer, request)
      : undefined;
    if (response === undefined) {
      this.#missCount++;
      return undefined;
    }
    this.#hitCount++;
    by.watched.route = answer?.facts.route;
    return response;
  }

  /**
   * Answers with a page, or with 304 to a client that has it, and keeps it.
   *
   * @param bodyOf Renders the page; called if the client does not have it.
   */
  page(
    read: AnsweredRead,
    head: RepresentationHead,
    bodyOf: () => BodyInit,
  ): Response {
    const { etag } = head;
    const { request: { headers }, allowedMethods } = read.context;
    if (etag === undefined || !isKnownToClient(headers, etag)) {
      return this.#answer(read, head, { body: bodyOf(), isConditional: true });
    }
    this.#keepNotModified(read, head);
    return notModifiedResponse(head, allowedMethods);
  }

  /** Answers with a single event, which is never 304, and keeps it. */
  event(
    read: AnsweredRead,
    head: RepresentationHead,
    body: BodyInit,
  ): Response {
    return this.#answer(read, head, { body, isConditional: false });
  }

  /** Keeps that an answer is 304, unless the page itself is kept. */
  #keepNotModified(read: AnsweredRead, head: RepresentationHead): void {
    const { answerKey: key } = read.context;
    const facts = factsOf(read, { head, isConditional: true });
    if (key === undefined || facts === undefined) return;
    const known = this.#cache.find(key)?.facts.head.etag;
    if (known !== head.etag) this.#cache.keep(key, facts, undefined);
  }

  #answer(
    read: AnsweredRead,
    head: RepresentationHead,
    { body, isConditional }: {
      readonly body: BodyInit;
      readonly isConditional: boolean;
    },
  ): Response {
    const { answerKey: key, allowedMethods } = read.context;
    const facts = factsOf(read, { head, isConditional });
    const representation: Representation = { ...head, body };
    if (
      key !== undefined && facts !== undefined &&
      isWhole(representation, this.#options.limits)
    ) this.#cache.keep(key, facts, representation);
    return representationResponse(representation, allowedMethods);
  }

  /** The variant with its text: the same one for requests like the last. */
  #variantOf(variant: Omit<Variant, "text">): Variant {
    const last = this.#lastVariant;
    const { accept, baseUrl, resolvesLinks } = variant;
    const isSame = accept === last.accept && baseUrl === last.baseUrl &&
      resolvesLinks === last.resolvesLinks;
    if (isSame) return last;
    // No header holds a line break.
    const text = `${baseUrl}\n${resolvesLinks}` +
      (accept === null ? "" : "\n" + accept);
    return this.#lastVariant = { ...variant, text };
  }

  #responseOf(answer: KeptAnswer, request: Request): Response | undefined {
    const { head: { etag }, isConditional } = answer.facts;
    return isConditional && etag !== undefined &&
        isKnownToClient(request.headers, etag)
      ? this.#cache.notModifiedOf(answer)
      : this.#cache.responseOf(answer);
  }

  #holds(facts: AnswerFacts, caller: Caller): boolean {
    try {
      return this.#options.streams.holdsStill(caller, facts);
    } catch (error) {
      // Reading it anew fails as well, and is told.
      if (error instanceof QuipuError) return false;
      throw error;
    }
  }
}

function factsOf(
  { context, streamName, basis }: AnsweredRead,
  conditions: Pick<AnswerFacts, "head" | "isConditional">,
): AnswerFacts | undefined {
  if (basis === undefined) return undefined;
  const { allowedMethods, watched: { route } } = context;
  return { streamName, basis, allowedMethods, route, ...conditions };
}

/** Whether the body is there, and not too long to be kept. */
function isWhole(
  representation: Representation,
  { answerCacheBodyBytesMax }: Limits,
): representation is WholeRepresentation {
  const { body } = representation;
  return (typeof body === "string" || body instanceof Uint8Array) &&
    body.length <= answerCacheBodyBytesMax;
}

/** What has to be known of an answer to tell whether it may be sent. */
export interface AnswerFacts {
  readonly streamName: string;
  readonly basis: ReadBasis;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly head: RepresentationHead;
  /** Whether `If-None-Match` counts. */
  readonly isConditional: boolean;
  /** For whoever counts requests. */
  readonly route: WatchedRoute | undefined;
}

/** What an answer is kept under. */
export interface AnswerKey {
  /** As the request named it. */
  readonly url: string;
  /** Whatever else of the request decides about the answer. */
  readonly variant: string;
  /** What its headers say, so that whoever answers need not read them again. */
  readonly asked?: AskedHeaders;
}

/** What the headers of a read say. */
interface AskedHeaders {
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  /** Whether links are followed. */
  readonly resolvesLinks: boolean;
}

/** A representation that is there as a whole. */
export type WholeRepresentation = Representation & {
  readonly body: string | Uint8Array<ArrayBuffer>;
};

/** An answer that is kept; `AnswerCache` alone makes and changes them. */
interface KeptAnswer {
  readonly facts: AnswerFacts;
  /**
   * Until the answer is sent again; undefined before that if nothing is known
   * of it but that it is a 304 for those who have it.
   */
  readonly representation: WholeRepresentation | undefined;
}

interface Entry extends KeptAnswer {
  readonly key: AnswerKey;
  facts: AnswerFacts;
  representation: WholeRepresentation | undefined;
  /** What is sent, as its clones. */
  template: Response | undefined;
  /** What all clients that have it are sent; see `withOwnHeaders`. */
  notModified: Response | undefined;
  /** Counted for it; 0 once it is kept no longer. */
  bytes: number;
  isUsed: boolean;
  /** Another variant of the same URL. */
  next: Entry | undefined;
}

type CacheLimits = Pick<
  Limits,
  "answerCacheBytes" | "answerCacheEntriesMax" | "answersSeenMax"
>;

/** Variants of one URL: they are gone through one after the other. */
const VARIANTS_MAX = 8;

/** What an entry takes besides body and key: headers, objects, the table. */
const ENTRY_BYTES = 2048;

/** Answers by key, bounded in number and size. */
export class AnswerCache {
  readonly #limits: CacheLimits;
  /** By URL; the one that was not looked at for the longest time comes first. */
  readonly #entries = new Map<string, Entry>();
  /** URLs that were asked for once lately, and in the while before. */
  #seen = new Set<string>();
  #seenBefore = new Set<string>();
  #bytes = 0;
  #size = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  /** Memory that the answers take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** What is kept under a key, whether it holds or not. */
  find(key: AnswerKey): KeptAnswer | undefined {
    return this.#find(key);
  }

  /** The answer to a client that has it. */
  notModifiedOf(answer: KeptAnswer): Response {
    const entry = answer as Entry;
    const { head, allowedMethods } = entry.facts;
    entry.isUsed = true;
    return entry.notModified ??= notModifiedResponse(head, allowedMethods);
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
    key: AnswerKey,
    facts: AnswerFacts,
    representation: WholeRepresentation | undefined,
  ): void {
    const known = this.#find(key);
    if (known === undefined && !this.#wasSeen(key.url)) return;
    const bytes = sizeOf(key, representation?.body);
    if (bytes > this.#limits.answerCacheBytes) return;
    const entry = known ?? this.#add(key, facts);
    entry.facts = facts;
    entry.representation = representation;
    entry.template = undefined;
    entry.notModified = undefined;
    this.#resize(entry, bytes);
  }

  #find({ url, variant }: AnswerKey): Entry | undefined {
    let entry = this.#entries.get(url);
    while (entry !== undefined && entry.key.variant !== variant) {
      entry = entry.next;
    }
    return entry;
  }

  /** Whether the URL was asked for before, as it is now. */
  #wasSeen(url: string): boolean {
    if (this.#seen.has(url) || this.#seenBefore.has(url)) return true;
    if (this.#seen.size >= this.#limits.answersSeenMax) {
      this.#seenBefore = this.#seen;
      this.#seen = new Set();
    }
    this.#seen.add(url);
    return false;
  }

  #add(key: AnswerKey, facts: AnswerFacts): Entry {
    const next = this.#entries.get(key.url);
    const entry: Entry = {
      key,
      facts,
      representation: undefined,
      template: undefined,
      notModified: undefined,
      bytes: 0,
      isUsed: false,
      next,
    };
    this.#entries.set(key.url, entry);
    this.#size++;
    let last = entry;
    for (let count = 1; last.next !== undefined; count++) {
      if (count === VARIANTS_MAX) {
        this.#forget(last.next);
        last.next = undefined;
      } else last = last.next;
    }
    return entry;
  }

  #prepare(entry: Entry): Response | undefined {
    const { key, facts, representation } = entry;
    if (representation === undefined) return undefined;
    const { body } = representation;
    // Bytes are handed over as they are; a text would be encoded each time.
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    const template = representationResponse(
      { ...representation, body: bytes },
      facts.allowedMethods,
    );
    // Until its headers are looked at, an answer is held ready a second time
    // where the platform's server would take it from.
    template.headers;
    entry.template = template;
    entry.representation = undefined;
    this.#resize(entry, sizeOf(key, bytes));
    return template;
  }

  /** Takes down what an entry takes now, and makes room for it. */
  #resize(entry: Entry, bytes: number): void {
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    const { answerCacheBytes, answerCacheEntriesMax } = this.#limits;
    for (const [url, oldest] of this.#entries) {
      const hasRoom = this.#bytes <= answerCacheBytes &&
        this.#size <= answerCacheEntriesMax;
      if (hasRoom) return;
      this.#entries.delete(url);
      if (takeUse(oldest)) {
        // They come last now, and are met once more before this ends.
        this.#entries.set(url, oldest);
      } else this.#forget(oldest);
    }
  }

  /** Counts an entry and those after it no longer. */
  #forget(first: Entry): void {
    for (
      let entry: Entry | undefined = first;
      entry !== undefined;
      entry = entry.next
    ) {
      this.#bytes -= entry.bytes;
      entry.bytes = 0;
      this.#size--;
    }
  }
}

/** Whether one of a URL's entries was used; from now on none was. */
function takeUse(first: Entry): boolean {
  let isUsed = false;
  for (
    let entry: Entry | undefined = first;
    entry !== undefined;
    entry = entry.next
  ) {
    isUsed ||= entry.isUsed;
    entry.isUsed = false;
  }
  return isUsed;
}

/** Memory of an entry; of texts the most that they can take. */
function sizeOf(
  { url, variant }: AnswerKey,
  body: string | Uint8Array | undefined = "",
): number {
  const bodyBytes = typeof body === "string" ? 2 * body.length : body.length;
  return ENTRY_BYTES + 2 * (url.length + variant.length) + bodyBytes;
}
