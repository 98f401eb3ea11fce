/**
 * Rows of the route table: where a request goes, what it may hold,
 * who may send it, which function answers it, and what the description of the
 * interface says of it. The rows stand in `routes/`, a file a resource.
 *
 * The roles that a route asks for, and the scopes that open it to tokens, are
 * judged here alone, after routing and negotiation, so no handler and no header
 * can widen a token.
 *
 * @module
 */

import {
  type Principal,
  ROLE_ADMINS,
  ROLE_BACKUP,
  ROLE_MONITORS,
  ROLE_OPS,
  type TokenScope,
} from "../model/principal.ts";
import type { Handler, RequestContext } from "./context.ts";
import {
  EVENT_STREAM,
  type MediaType,
  type MediaTypeSet,
} from "./negotiation.ts";

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A route. HEAD and OPTIONS follow from the others. */
export interface Route extends RouteDescription {
  readonly method: Method;
  /** Segments are literals, `{placeholder}`s or, at the end, `{*greedy}`. */
  readonly template: string;
  /**
   * Types it takes; `"any"`: whatever the client says that it is; absent:
   * Content-Type is not looked at.
   */
  readonly request?: MediaTypeSet | "any";
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
  /**
   * Tells where another server is that runs what is asked for, and so answers
   * if it can be reached. Undefined: this one answers.
   */
  readonly runsAt?: (
    context: RequestContext,
  ) => Promise<string | undefined>;
  /** Answers it. The log names a failed operation by the function's name. */
  readonly handler: Handler;
}

/** Documentation of a route for `/openapi.json`, besides its row. */
interface RouteDescription {
  /** Heading under which it stands. */
  readonly tag: string;
  /** Its effect, in a line without a final period. */
  readonly summary: string;
  /** More about it. */
  readonly details?: string;
  /** Placeholders of the template; others may stand here, too. */
  readonly path?: Meanings;
  /** Query parameters that it reads. */
  readonly query?: Meanings;
  /** Request headers that it reads. */
  readonly headers?: Meanings;
  /** Its body, if it takes one. */
  readonly body?: string;
  /** Shapes of its body, by form: `json`, `eventJson`, … */
  readonly bodySchemas?: Schemas;
  /** Its own answers by status; those of the pipeline are added. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Shapes of negotiated answers, by form: `json`, `atomJson`, … */
  readonly schemas?: Schemas;
}

/** Meanings of parameters or headers, by name. */
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

/** The body of an answer that is no refusal. */
export type AnswerContent =
  /** One of the route's types, as negotiated. */
  | "negotiated"
  /** Words as `text/plain`, or nothing. */
  | "text"
  | "nothing"
  /** That type, or one of those, whatever was asked for. */
  | { readonly type: string | readonly string[] };

/** Who may use a route. */
type Access = keyof typeof ACCESS;

/**
 * In words, as OpenAPI says it, and by roles: who has none of them is refused
 * before the handler is called. Without roles the service behind the route
 * decides.
 */
export const ACCESS = {
  everybody: { text: "Open to everyone.", isOpen: true, roles: undefined },
  accessList: {
    text: "Requires the right that the stream's access list grants (default: " +
      "everyone).",
    isOpen: true,
    roles: undefined,
  },
  users: { text: "Requires a login.", isOpen: false, roles: undefined },
  administrators: {
    text: "Requires membership in $admins.",
    isOpen: false,
    roles: undefined,
  },
  owners: {
    text: "Requires membership in $admins.",
    isOpen: false,
    roles: [ROLE_ADMINS],
  },
  settings: {
    text: "Requires the right to write $settings (default: $admins).",
    isOpen: false,
    roles: undefined,
  },
  monitors: {
    text: "Requires membership in $admins, $ops or $monitors.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_OPS, ROLE_MONITORS],
  },
  // Operators are missing: a backup holds every event, whatever its access
  // list says.
  backup: {
    text: "Requires membership in $admins or $backup.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_BACKUP],
  },
  operators: {
    text: "Requires membership in $admins or $ops.",
    isOpen: false,
    roles: [ROLE_ADMINS, ROLE_OPS],
  },
} as const;

/** Whether the caller has the role that a route asks for. */
export function hasRole(
  caller: Principal | undefined,
  access: Access,
): boolean {
  const { roles } = ACCESS[access];
  return roles === undefined ||
    caller !== undefined && roles.some((role) => caller.roles.has(role));
}

type Scopes = readonly TokenScope[];

/** Streams, their metadata, the whole log and users. */
export const READ: Scopes = ["read"];
/** Making a token of the scope `feeds`. */
export const FEEDS: Scopes = ["feeds", "read"];
export const APPEND: Scopes = ["append"];
export const METRICS: Scopes = ["metrics"];
export const BACKUP: Scopes = ["backup"];
/**
 * The routes that are open without a login. `feeds` is missing: such tokens stand
 * in addresses and must open nothing but feeds.
 */
export const PUBLIC: Scopes = ["read", "append", "metrics", "backup"];
/** Routes that change users, tokens, rights or the server, or delete. */
export const UNNARROWED: Scopes = [];

/** The fields of a row that decide. */
interface ScopedRoute {
  readonly method: string;
  readonly scopes: Scopes;
}

/**
 * Whether the caller's credentials may be used for an answer of that type on a
 * route. Says nothing of the rights of the user behind them.
 */
export function allowsRoute(
  { isReadOnly, scopes }: Principal,
  route: ScopedRoute,
  responseType: MediaType | undefined,
): boolean {
  if (isReadOnly && isWrite(route)) return false;
  if (scopes === undefined) return true;
  if (responseType === EVENT_STREAM && scopes.has("feeds")) return true;
  return route.scopes.some((scope) => scopes.has(scope));
}

/** A POST is reading, too, where a scope that reads is enough for it. */
function isWrite({ method, scopes }: ScopedRoute) {
  return method !== "GET" && !scopes.some((scope) => scope !== "append");
}
