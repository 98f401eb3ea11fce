/**
 * Names of the headers that clients send and get, in one place.
 *
 * @module
 */

/** Headers of requests; both spellings where documents and servers differ. */
export const REQUEST_HEADERS = {
  expectedVersion: "ES-ExpectedVersion",
  eventId: "ES-EventId",
  eventType: "ES-EventType",
  requireMaster: "ES-RequireMaster",
  requiresMaster: "ES-RequiresMaster",
  resolveLinkTos: "ES-ResolveLinkTos",
  resolveLinkTo: "ES-ResolveLinkTo",
  longPoll: "ES-LongPoll",
  hardDelete: "ES-HardDelete",
  ifNoneMatch: "If-None-Match",
  lastEventId: "Last-Event-ID",
} as const;

/** The original's lists, and what browsers need besides (spec: http-api §5.1). */
export const CORS = {
  allowedHeaders: "Content-Type, X-Requested-With, X-Forwarded-Host, " +
    "X-Forwarded-Prefix, X-PINGOTHER, Authorization, ES-LongPoll, " +
    "ES-ExpectedVersion, ES-EventId, ES-EventType, ES-RequiresMaster, " +
    "ES-RequireMaster, ES-HardDelete, ES-ResolveLinkTos, ES-ResolveLinkTo, If-None-Match, " +
    "Last-Event-ID",
  exposedHeaders: "Location, ES-Position, ES-CurrentVersion, ETag",
} as const;
