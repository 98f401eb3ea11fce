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
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { Caller, ReadBasis, StreamService } from "../streams/outcomes.ts";
import {
  AnswerCache,
  type AnswerFacts,
  type AnswerKey,
  type AskedHeaders,
  type KeptAnswer,
  type WholeRepresentation,
} from "./answer_cache.ts";
import type { BaseUrlOf } from "./hosts.ts";
import type { WatchedRequest } from "./observation.ts";
import { Refusal } from "./refusal.ts";
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
} from "./responses.ts";

export interface KnownAnswersOptions {
  readonly streams: Pick<StreamService, "holdsStill">;
  readonly baseUrlOf: BaseUrlOf;
  readonly limits: Limits;
}

/** What has to be known of a request; a `RequestContext` says it. */
export interface AnsweredRequest {
  readonly request: Request;
  /** What `keyOf` said of it. */
  readonly answerKey: AnswerKey | undefined;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly watched: WatchedRequest;
}

/** A read of one stream that was answered. */
export interface AnsweredRead {
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
