/**
 * The response cache: sends a stored response again if it would be the same.
 *
 * A response is stored under everything in its request that decides about it:
 * the URL as it was sent, `Accept`, the address that links begin with, and
 * whether links are followed. What else decides is compared each time: the
 * caller's right to read, looked up first, and the stream's head and metadata (a
 * `Validator`). So nothing has to be invalidated when somebody writes, deletes
 * or changes rights: a response whose validator no longer matches is not sent,
 * and is replaced by the one that is.
 *
 * A response is stored when its URL is asked for the second time within a while:
 * a client that reads a stream page by page must not evict what others ask for
 * again and again. The least recently used ones go first.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { LRUCache } from "lru-cache";
import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Caller, StreamService, Validator } from "../streams/outcomes.ts";
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

interface ResponseCacheOptions {
  readonly streams: Pick<StreamService, "isStillValid">;
  readonly baseUrlOf: BaseUrlOf;
  readonly limits: Limits;
}

/** The part of a `RequestContext` that a stored response depends on. */
interface CachedRequest {
  readonly request: Request;
  /** Made by `keyOf`. */
  readonly responseKey: ResponseKey | undefined;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly watched: WatchedRequest;
}

/** A read of one stream that was answered. */
interface CachedRead {
  readonly context: CachedRequest;
  readonly streamName: string;
  /** Undefined: the answer may be another one the next time. */
  readonly validator: Validator | undefined;
}

/** All that decides about a response besides its URL. */
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

/** Answers reads with stored responses, and stores new ones. */
export class ResponseCache {
  readonly #options: ResponseCacheOptions;
  readonly #stored: StoredResponses;
  #lastVariant = NO_VARIANT;
  #hitCount = 0;
  #missCount = 0;

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
    this.#stored = new StoredResponses(options.limits);
  }

  /** Requests that were answered with a stored response. */
  get hitCount(): number {
    return this.#hitCount;
  }

  /** Requests that could have been, but were not. */
  get missCount(): number {
    return this.#missCount;
  }

  /** Memory that stored responses take, about. */
  get bytes(): number {
    return this.#stored.bytes;
  }

  /**
   * The key of a GET; undefined if its response must not be stored: it is a long
   * poll, too long, refused, or no read of a stream.
   */
  keyOf(
    request: Request,
    info: Deno.ServeHandlerInfo,
  ): ResponseKey | undefined {
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
      const text = url + asked.text;
      return text.length > limits.responseCacheKeyLengthMax
        ? undefined
        : { url, text, asked };
    } catch (error) {
      // The handler refuses it, if nothing else is wrong.
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  /** The response under a key, if the caller may see it and it is valid. */
  find(
    key: ResponseKey,
    request: Request,
    by: { readonly caller: Caller; readonly watched: WatchedRequest },
  ): Response | undefined {
    const stored = this.#stored.find(key);
    const response = stored && this.#isValid(stored.facts, by.caller)
      ? answerFrom(stored, request)
      : undefined;
    if (response === undefined) {
      this.#missCount++;
      return undefined;
    }
    this.#hitCount++;
    by.watched.route = stored?.facts.route;
    return response;
  }

  /**
   * Answers with a page, or with 304 to a client that has it, and stores it.
   *
   * @param bodyOf Renders the page; called if the client does not have it.
   */
  page(
    read: CachedRead,
    head: RepresentationHead,
    bodyOf: () => BodyInit,
  ): Response {
    const { etag } = head;
    const { request: { headers }, allowedMethods } = read.context;
    if (etag === undefined || !isKnownToClient(headers, etag)) {
      return this.#answer(read, head, { body: bodyOf(), isConditional: true });
    }
    this.#storeNotModified(read, head);
    return notModifiedResponse(head, allowedMethods);
  }

  /** Answers with a single event, which is never 304, and stores it. */
  event(
    read: CachedRead,
    head: RepresentationHead,
    body: BodyInit,
  ): Response {
    return this.#answer(read, head, { body, isConditional: false });
  }

  /** Stores that the answer is 304, unless the page itself is stored. */
  #storeNotModified(read: CachedRead, head: RepresentationHead): void {
    const { responseKey: key } = read.context;
    const facts = factsOf(read, { head, isConditional: true });
    if (key === undefined || facts === undefined) return;
    const known = this.#stored.find(key)?.facts.head.etag;
    if (known !== head.etag) this.#stored.store(key, facts, undefined);
  }

  #answer(
    read: CachedRead,
    head: RepresentationHead,
    { body, isConditional }: {
      readonly body: BodyInit;
      readonly isConditional: boolean;
    },
  ): Response {
    const { responseKey: key, allowedMethods } = read.context;
    const facts = factsOf(read, { head, isConditional });
    const representation: Representation = { ...head, body };
    if (
      key !== undefined && facts !== undefined &&
      isWhole(representation, this.#options.limits)
    ) this.#stored.store(key, facts, representation);
    return representationResponse(representation, allowedMethods);
  }

  /** The variant with its text: the same one for requests like the last. */
  #variantOf(variant: Omit<Variant, "text">): Variant {
    const last = this.#lastVariant;
    const { accept, baseUrl, resolvesLinks } = variant;
    const isSame = accept === last.accept && baseUrl === last.baseUrl &&
      resolvesLinks === last.resolvesLinks;
    if (isSame) return last;
    // Neither a URL nor a header holds a line break.
    const text = `\n${baseUrl}\n${resolvesLinks}` +
      (accept === null ? "" : "\n" + accept);
    return this.#lastVariant = { ...variant, text };
  }

  #isValid(facts: ResponseFacts, caller: Caller): boolean {
    try {
      return this.#options.streams.isStillValid(caller, facts);
    } catch (error) {
      // Reading it anew fails as well, and the client is told.
      if (error instanceof QuipuError) return false;
      throw error;
    }
  }
}

function answerFrom(
  stored: StoredResponse,
  { headers }: Request,
): Response | undefined {
  const { head: { etag }, isConditional } = stored.facts;
  return isConditional && etag !== undefined && isKnownToClient(headers, etag)
    ? notModifiedOf(stored)
    : responseOf(stored);
}

function factsOf(
  { context, streamName, validator }: CachedRead,
  conditions: Pick<ResponseFacts, "head" | "isConditional">,
): ResponseFacts | undefined {
  if (validator === undefined) return undefined;
  const { allowedMethods, watched: { route } } = context;
  return { streamName, validator, allowedMethods, route, ...conditions };
}

/** Whether the body is there, and not too long to be stored. */
function isWhole(
  representation: Representation,
  { responseCacheBodyBytesMax }: Limits,
): representation is WholeRepresentation {
  const { body } = representation;
  return (typeof body === "string" || body instanceof Uint8Array) &&
    body.length <= responseCacheBodyBytesMax;
}

/** The conditions under which a stored response may be sent, and its head. */
export interface ResponseFacts {
  readonly streamName: string;
  readonly validator: Validator;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly head: RepresentationHead;
  /** Whether `If-None-Match` counts. */
  readonly isConditional: boolean;
  /** For the metrics of requests. */
  readonly route: WatchedRoute | undefined;
}

/** The key of a stored response. */
export interface ResponseKey {
  /** As the request named it. */
  readonly url: string;
  /** The URL and all else in the request that decides about the response. */
  readonly text: string;
  /** The headers as they were parsed, so that the handler need not do it again. */
  readonly asked?: AskedHeaders;
}

/** The headers of a read. */
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

interface StoredResponse {
  readonly facts: ResponseFacts;
  /**
   * Until the response is sent again; undefined before that if only its 304 is
   * known.
   */
  representation: WholeRepresentation | undefined;
  /** Its clones are sent. */
  template: Response | undefined;
  /** Sent to all clients that have it; see `withOwnHeaders`. */
  notModified: Response | undefined;
}

type StoreLimits = Pick<Limits, "responseCacheBytes" | "responsesSeenMax">;

/** Memory of a stored response besides body and key: headers, objects, the table. */
const ENTRY_BYTES = 2048;

/** Responses by key, bounded in size. */
export class StoredResponses {
  readonly #responses: LRUCache<string, StoredResponse>;
  /** URLs that were asked for once lately. */
  readonly #seen: LRUCache<string, true>;

  constructor({ responseCacheBytes, responsesSeenMax }: StoreLimits) {
    this.#responses = new LRUCache({
      maxSize: Math.max(1, responseCacheBytes),
    });
    this.#seen = new LRUCache({ max: responsesSeenMax });
  }

  /** Memory that the responses take, about. */
  get bytes(): number {
    return this.#responses.calculatedSize;
  }

  /** How many there are. */
  get size(): number {
    return this.#responses.size;
  }

  /** The response that is stored under a key, whether it is valid or not. */
  find({ text }: ResponseKey): StoredResponse | undefined {
    return this.#responses.get(text);
  }

  /** Stores a response in place of that under the key, if it is worth it. */
  store(
    { url, text }: ResponseKey,
    facts: ResponseFacts,
    representation: WholeRepresentation | undefined,
  ): void {
    if (!this.#responses.has(text) && !this.#wasSeen(url)) return;
    const { body = "" } = representation ?? {};
    const bodyBytes = typeof body === "string"
      ? Buffer.byteLength(body)
      : body.length;
    this.#responses.set(text, {
      facts,
      representation,
      template: undefined,
      notModified: undefined,
    }, { size: ENTRY_BYTES + 2 * text.length + bodyBytes });
  }

  #wasSeen(url: string): boolean {
    if (this.#seen.has(url)) return true;
    this.#seen.set(url, true);
    return false;
  }
}

/** The 304 for clients that have a stored response. */
export function notModifiedOf(stored: StoredResponse): Response {
  const { head, allowedMethods } = stored.facts;
  return stored.notModified ??= notModifiedResponse(head, allowedMethods);
}

/** A stored response once more; undefined if only its 304 is known. */
export function responseOf(stored: StoredResponse): Response | undefined {
  const { facts, representation } = stored;
  if (representation !== undefined) {
    const { body } = representation;
    // Bytes are handed over as they are; a text would be encoded each time.
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    const template = representationResponse(
      { ...representation, body: bytes },
      facts.allowedMethods,
    );
    // Until its headers are looked at, a response is held ready a second time
    // where the platform's server would take it from.
    template.headers;
    stored.template = template;
    stored.representation = undefined;
  }
  // A clone's headers are not checked again, nor its body copied.
  return stored.template?.clone();
}
