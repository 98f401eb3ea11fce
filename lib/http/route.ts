/**
 * What a row of the route table says: where a request goes, what it may hold,
 * who may send it, which function answers it, and what the description of the
 * interface says of it. The rows stand in `routes/`, a file a resource.
 *
 * @module
 */

import type { Access, Scopes } from "./access.ts";
import type { Handler } from "./context.ts";
import type { MediaType, MediaTypeSet } from "./media_types.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A route. HEAD and OPTIONS follow from the others. */
export interface Route extends RouteDescription {
  readonly method: Method;
  /** Segments are literals, `{placeholder}`s or, at the end, `{*greedy}`. */
  readonly template: string;
  /** Types it takes; absent: Content-Type is not looked at. */
  readonly request?: MediaTypeSet;
  /** Types it offers; `"any"`: whatever the client accepts. */
  readonly response: MediaTypeSet | "any";
  /** Served instead of the set's first type without Accept, or for any type. */
  readonly withoutAccept?: MediaType;
  /**
   * Scopes of which one is enough for a token to be used here; none: only
   * tokens without scopes are. A page that goes on as a live feed takes
   * `feeds` as well.
   */
  readonly scopes: Scopes;
  /**
   * Whether a GET changes something, so that pages of other origins may not
   * send it unless they are named.
   */
  readonly isWrite?: boolean;
  /** Who may use it; roles are checked before the handler is called. */
  readonly access: Access;
  /** Whether it asks about this process alone, so that the store is not waited for. */
  readonly isProbe?: true;
  /** Answers it. The log names a failed operation by the function's name. */
  readonly handler: Handler;
}

/** What `/openapi.json` says of a route besides what follows from its row. */
export interface RouteDescription {
  /** Heading under which it stands. */
  readonly tag: string;
  /** What it does, in a line without a final period. */
  readonly summary: string;
  /** More about it. */
  readonly details?: string;
  /** Placeholders of the template; others may stand here, too. */
  readonly path?: Meanings;
  /** Query parameters that it reads. */
  readonly query?: Meanings;
  /** Request headers that it reads. */
  readonly headers?: Meanings;
  /** What its body is, if it takes one. */
  readonly body?: string;
  /** Shapes of its body, by form: `json`, `eventJson`, … */
  readonly bodySchemas?: Schemas;
  /** Its own answers by status; those of the pipeline are added. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Shapes of negotiated answers, by form: `json`, `atomJson`, … */
  readonly schemas?: Schemas;
}

/** What parameters or headers mean, by name. */
export type Meanings = Readonly<Record<string, string>>;

/** Shapes of bodies, by the form of a media type. */
export type Schemas = Readonly<Record<string, Schema>>;

/** The shape of a JSON body. It names what clients rely on and allows more. */
export interface Schema {
  /** Names it in the document; unique. */
  readonly name: string;
  /** A JSON schema. */
  readonly shape: Readonly<Record<string, unknown>>;
}

/** One answer of a handler. */
export interface AnswerDescription {
  /** When it comes and what it says. */
  readonly text: string;
  /** Default: `negotiated` for 200, `text` for all else. */
  readonly content?: AnswerContent;
  /** Headers that it has besides those of all answers. */
  readonly headers?: Meanings;
}

/** What is in the body of an answer that is no refusal. */
export type AnswerContent =
  /** One of the route's types, as negotiated. */
  | "negotiated"
  /** Words as `text/plain`, or nothing. */
  | "text"
  | "nothing"
  /** That type, whatever was asked for. */
  | { readonly type: string };
