/**
 * The context of a handler: its request and the services.
 *
 * @module
 */

import type { MaintenanceService } from "../maintenance/maintenance_service.ts";
import type { ProjectionService } from "../projections/contract.ts";
import type { SubscriptionService } from "../subscriptions/contract.ts";
import type { Authentication, LoginRequest } from "../users/contract.ts";
import type { TokenService } from "../users/tokens.ts";
import type { UserService } from "../users/users.ts";
import type { Requester } from "../model/audit.ts";
import type { Limits } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import type { EventStore } from "../store/event_store.ts";
import type { XmlEncoding } from "../text/xml_encoding.ts";
import type { Caller, StreamService } from "../streams/outcomes.ts";
import type { ResponseCache, ResponseKey } from "./response_cache.ts";
import type { Forwarder } from "./forwarding.ts";
import type { BaseUrlOf } from "./hosts.ts";
import type { MediaType } from "./negotiation.ts";
import type { Observation, WatchedRequest } from "./observation.ts";
import type { Query, RequestTarget } from "./router.ts";
import type { FormMarks } from "./sessions.ts";
import type { Receiving } from "./body.ts";
import { describedStream } from "../model/stream_names.ts";
import { longNameMessage } from "../store/append_refusal.ts";
import { isLongerThan } from "../text/utf8.ts";
import { Refusal } from "./errors.ts";
import type { Quota } from "./quota.ts";
import type { Sending } from "./pull_stream.ts";

/** A request that was routed, authenticated and negotiated. */
export interface RequestContext {
  readonly services: HandlerServices;
  readonly request: Request;
  readonly info: Deno.ServeHandlerInfo;
  readonly caller: Caller;
  /** Where the request comes from. */
  readonly client: LoginRequest;
  readonly limits: Limits;
  readonly target: RequestTarget;
  /** Decoded segments of the path. */
  readonly segments: readonly string[];
  readonly query: Query;
  /** Type of the body; undefined on routes that take none. */
  readonly requestType: MediaType | undefined;
  /** The charset parameter of Content-Type; undefined without one. */
  readonly requestCharset: XmlEncoding | undefined;
  /** Type of the answer; undefined on routes that answer whatever is accepted. */
  readonly responseType: MediaType | undefined;
  /** Value of `Access-Control-Allow-Methods`. */
  readonly allowedMethods: string;
  readonly watched: WatchedRequest;
  /** Under what the answer may be kept; undefined: it may not. */
  readonly responseKey: ResponseKey | undefined;
  /** The start of links, if it is known already: see {@link baseUrlOf}. */
  readonly baseUrl: string | undefined;
}

/** Facts about the server for its clients. */
export interface NodeInfo {
  /** Version of this program. */
  readonly version: string;
  /** Which projections run, in the original's words. */
  readonly projectionsMode: "None" | "System" | "All";
  /** The options that it runs with; secrets have no value. */
  readonly options?: readonly NodeOption[];
}

/** The part of the store that the node itself uses. */
export type NodeStore = Pick<
  EventStore,
  | "barrier"
  | "limits"
  | "maintenance"
  | "members"
  | "promises"
  | "readEnd"
  | "status"
>;

/** An option as `/info/options` shows it. */
export interface NodeOption {
  readonly name: string;
  readonly description: string;
  readonly group: string;
  readonly value: string;
  readonly possibleValues?: readonly string[];
}

/** Judges the `Authorization` header and what else a login depends on. */
export type Authenticate = (
  authorization: string | null,
  request: LoginRequest,
) => Authentication | Promise<Authentication>;

/** The services that handlers use. */
export interface HandlerServices {
  readonly streams: StreamService;
  readonly users: UserService;
  readonly tokens: TokenService;
  readonly quota: Quota;
  readonly responseCache: ResponseCache;
  readonly sending: Sending;
  readonly logger: Logger;
  /** Stops the server, once what is under way is answered. */
  readonly shutDown: () => void;
  readonly maintenance: MaintenanceService;
  /** Persistent subscriptions; undefined: this server has none (503). */
  readonly subscriptions: SubscriptionService | undefined;
  /** Projections; undefined: this server runs none (404). */
  readonly projections: ProjectionService | undefined;
  /** To other servers of the store; undefined: there can be none. */
  readonly forwarder: Forwarder | undefined;
  readonly baseUrlOf: BaseUrlOf;
  /** Of the forms on pages. */
  readonly marks: FormMarks;
  /** Judges a password that was typed into a form, as if it came as Basic. */
  readonly authenticate: Authenticate;
  /** Bounds the time to send a body. */
  readonly receiving: Receiving;
  /** A new random UUID, lower case with hyphens. */
  readonly newId: () => string;
  readonly node: NodeInfo;
  readonly observation: Observation;
  /** For what the node says of it; streams are read through `streams`. */
  readonly store: NodeStore;
}

/** Answers a request; throws `Refusal`s and `QuipuError`s. */
export type Handler = (context: RequestContext) => Response | Promise<Response>;

/**
 * The start of links in the answer: `http://host[:port][/prefix]`, no slash
 * at its end.
 *
 * @throws {Refusal} If the request names a host that is none.
 */
export function baseUrlOf(
  { request, info, services, responseKey, baseUrl }: RequestContext,
): string {
  return baseUrl ?? responseKey?.asked?.baseUrl ??
    services.baseUrlOf(request, info);
}

/** Who asks, for the services of users. */
export function requesterOf({ caller, client }: RequestContext): Requester {
  return { caller, remoteAddress: client.remoteAddress };
}

/**
 * A placeholder's value: the segment at its place in the template, counted from
 * 0, or from the end by negative numbers.
 */
export function segmentAt(
  { segments }: RequestContext,
  index: number,
): string {
  return segments.at(index) ?? "";
}

/**
 * Name of the stream in `/streams/{stream}…`.
 *
 * @throws {Refusal} If it is longer than any that a store may hold; how long a new one
 * may be is the store's business.
 */
export function streamNameOf(context: RequestContext): string {
  const streamName = segmentAt(context, 1);
  const { storedStreamNameBytesMax, streamNameBytesMax } = context.limits;
  if (isLongerThan(storedStreamNameBytesMax, describedStream(streamName))) {
    throw new Refusal("nameTooLong", longNameMessage(streamNameBytesMax));
  }
  return streamName;
}
