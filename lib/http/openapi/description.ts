/**
 * What there is to say about a route besides its row in the table: words, and
 * what only its handler knows.
 *
 * @module
 */

/** Who may use a route. */
export type Access =
  /** Everybody. */
  | "everybody"
  /** Whoever the access list of the stream names. */
  | "accessList"
  /** Whoever logged in. */
  | "users"
  /** Members of `$admins`. */
  | "administrators"
  /** Members of `$admins`, `$ops` or `$monitors`. */
  | "monitors"
  /** Members of `$admins` or `$backup`. */
  | "backup"
  /** Members of `$admins` or `$ops`. */
  | "operators";

/** What is in the body of an answer that is no refusal. */
export type AnswerContent =
  /** One of the route's types, as negotiated. */
  | "negotiated"
  /** Words as `text/plain`, or nothing. */
  | "text"
  | "nothing"
  /** That type, whatever was asked for. */
  | { readonly type: string };

/** One answer of a handler. */
export interface AnswerDescription {
  /** When it comes and what it says. */
  readonly text: string;
  /** Default: `negotiated` for 200, `text` for all else. */
  readonly content?: AnswerContent;
  /** Names of headers that it has besides those of all answers. */
  readonly headers?: readonly string[];
}

/** What one handler does; it may have several routes. */
export interface RouteDescription {
  /** Heading under which it stands. */
  readonly tag: string;
  /** What it does, in a line without a final period. */
  readonly summary: string;
  /** More about it. */
  readonly details?: string;
  readonly access: Access;
  /** Names of query parameters that it reads. */
  readonly query?: readonly string[];
  /** What some of them mean here, where that is not what they mean elsewhere. */
  readonly queryMeanings?: Readonly<Record<string, string>>;
  /** Names of request headers that it reads. */
  readonly headers?: readonly string[];
  /** What its body is, if it has one. */
  readonly body?: string;
  /** Its own answers; those of the pipeline are added. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Names of schemas, by form of the body: `json`, `atomJson`, … */
  readonly schemas?: Readonly<Record<string, string>>;
  /** Names of schemas of the request's body, by its form. */
  readonly bodySchemas?: Readonly<Record<string, string>>;
}

/** A row of the route table, as far as it is described. */
export interface DescribedRoute {
  readonly method: string;
  readonly template: string;
  readonly request: readonly DescribedType[] | undefined;
  readonly response: readonly DescribedType[] | "any";
  readonly handler: string;
}

/** A media type, as far as it is described. */
export interface DescribedType {
  readonly name: string;
  readonly form: string;
}

/** What parameters mean, by name; the same everywhere. */
export interface Vocabulary {
  /** Placeholders of templates. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Headers of requests. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of answers. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** Statuses of refusals. */
  readonly refusals: Readonly<Record<number, string>>;
  /** Schemas by name. */
  readonly schemas: Readonly<Record<string, unknown>>;
}
