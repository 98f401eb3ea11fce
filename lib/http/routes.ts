/**
 * Every route of the interface, one row each (spec: http-api §2). Routing, 404,
 * 405, OPTIONS, Access-Control-Allow-Methods and content negotiation follow
 * from this table alone. Rows stand in the order in which the original
 * registered them: it shows in Access-Control-Allow-Methods.
 *
 * @module
 */

import {
  ATOM,
  ATOM_JSON,
  ATOM_OR_HTML,
  ATOM_WITHOUT_BATCHES,
  EVENT,
  FEED,
  type MediaType,
  type MediaTypeSet,
} from "./media_types.ts";
import type { TokenScope } from "../model/principal.ts";
import { NODE_ROUTES } from "./node_routes.ts";
import { APPEND, READ, UNNARROWED } from "./scopes.ts";
import { UPKEEP_ROUTES } from "./upkeep_routes.ts";
import { USER_ROUTES } from "./user_routes.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What a route does with the store. */
export type Operation =
  | "appendEvents"
  | "deleteStream"
  | "readFeed"
  | "readEvent"
  | "readAll"
  | "writeMetadata"
  | "readMetadata"
  | "readNode"
  | "administer"
  | "readUsers"
  | "changeUsers"
  | "createAccessToken"
  | "redirect";

/** Which function answers; `lib/http/handlers` has one for each. */
export type HandlerKey =
  | "append"
  | "appendIncoming"
  | "deleteStream"
  | "readHeadPage"
  | "readBackwardPage"
  | "readForwardPage"
  | "readEvent"
  | "writeMetadata"
  | "readMetadata"
  | "readMetadataBackwardPage"
  | "readMetadataForwardPage"
  | "readAllHeadPage"
  | "readAllBackwardPage"
  | "readAllForwardPage"
  | "redirectToUnslashed"
  | "redirectToWeb"
  | "ping"
  | "info"
  | "health"
  | "showLiveness"
  | "showReadiness"
  | "readMetrics"
  | "listOptions"
  | "readStats"
  | "readReplicationStats"
  | "readTcpStats"
  | "readHistogram"
  | "readGossip"
  | "listSubsystems"
  | "shutDown"
  | "readLogLevel"
  | "changeLogLevel"
  | "readOpenApi"
  | "showApi"
  | "showWebPage"
  | "startScavenge"
  | "readScavenge"
  | "cancelScavenge"
  | "startVerify"
  | "readVerify"
  | "cancelVerify"
  | "downloadBackup"
  | "downloadNewBackup"
  | "downloadExport"
  | "listUsers"
  | "createUser"
  | "readUser"
  | "updateUser"
  | "deleteUser"
  | "readCurrentUser"
  | "enableUser"
  | "disableUser"
  | "resetPassword"
  | "changePassword"
  | "listTokens"
  | "createToken"
  | "revokeToken"
  | "createAccessToken";

export interface Route {
  readonly method: Method;
  /** Segments are literals, `{placeholder}`s or, at the end, `{*greedy}`. */
  readonly template: string;
  /** Types it takes; undefined: Content-Type is not looked at. */
  readonly request: MediaTypeSet | undefined;
  /** Types it offers; `"any"`: whatever the client accepts. */
  readonly response: MediaTypeSet | "any";
  /** Served instead of the set's first type without Accept, or for any type. */
  readonly withoutAccept?: MediaType;
  readonly handler: HandlerKey;
  readonly operation: Operation;
  /**
   * Scopes of which one is enough for a token to be used here; none: only
   * tokens without scopes are. A page that goes on as a live feed takes
   * `feeds` as well.
   */
  readonly scopes: readonly TokenScope[];
}

/** A feed asked for with any type is atom+json, on every route alike. */
const FEED_ANSWER = { response: FEED, withoutAccept: ATOM_JSON } as const;

/** Rows of the stream, metadata, `$all` and node routes. */
export const ROUTES: readonly Route[] = [
  // Streams (§2.3).
  {
    method: "POST",
    template: "/streams/{stream}",
    request: ATOM,
    response: ATOM,
    handler: "append",
    operation: "appendEvents",
    scopes: APPEND,
  },
  {
    method: "DELETE",
    template: "/streams/{stream}",
    request: undefined,
    response: ATOM,
    handler: "deleteStream",
    operation: "deleteStream",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/streams/{stream}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readHeadPage",
    operation: "readFeed",
    scopes: READ,
  },
  {
    method: "POST",
    template: "/streams/{stream}/",
    request: ATOM,
    response: ATOM,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: APPEND,
  },
  {
    method: "DELETE",
    template: "/streams/{stream}/",
    request: undefined,
    response: ATOM,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/streams/{stream}/",
    request: undefined,
    response: ATOM,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: READ,
  },
  {
    method: "POST",
    template: "/streams/{stream}/incoming/{guid}",
    request: ATOM_WITHOUT_BATCHES,
    response: ATOM_WITHOUT_BATCHES,
    handler: "appendIncoming",
    operation: "appendEvents",
    scopes: APPEND,
  },
  {
    method: "GET",
    template: "/streams/{stream}/{event}",
    request: undefined,
    response: EVENT,
    handler: "readEvent",
    operation: "readEvent",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/{event}/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readBackwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/{event}/backward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readBackwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/{event}/forward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readForwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  // Metadata (§2.4).
  {
    method: "POST",
    template: "/streams/{stream}/metadata",
    request: ATOM,
    response: ATOM,
    handler: "writeMetadata",
    operation: "writeMetadata",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/streams/{stream}/metadata/",
    request: ATOM,
    response: ATOM,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata",
    request: undefined,
    response: EVENT,
    handler: "readMetadata",
    operation: "readMetadata",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata/",
    request: undefined,
    response: EVENT,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata/{event}",
    request: undefined,
    response: EVENT,
    handler: "readMetadata",
    operation: "readMetadata",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata/{event}/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readMetadataBackwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata/{event}/backward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readMetadataBackwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/{stream}/metadata/{event}/forward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readMetadataForwardPage",
    operation: "readFeed",
    scopes: READ,
  },
  // The whole log (§2.5).
  {
    method: "GET",
    template: "/streams/$all",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readAllHeadPage",
    operation: "readAll",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/$all/",
    request: undefined,
    response: ATOM_OR_HTML,
    handler: "redirectToUnslashed",
    operation: "redirect",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/$all/{position}/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readAllBackwardPage",
    operation: "readAll",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/$all/{position}/backward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readAllBackwardPage",
    operation: "readAll",
    scopes: READ,
  },
  {
    method: "GET",
    template: "/streams/$all/{position}/forward/{count}",
    request: undefined,
    ...FEED_ANSWER,
    handler: "readAllForwardPage",
    operation: "readAll",
    scopes: READ,
  },
  // Users (§2.6).
  ...USER_ROUTES,
  // The node (§2.9).
  ...NODE_ROUTES,
  // Long jobs: an addition.
  ...UPKEEP_ROUTES,
];
