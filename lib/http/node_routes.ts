/**
 * Rows of the routes of the node (spec: http-api §2.9, admin), but for those
 * of long jobs.
 *
 * @module
 */

import {
  ADMIN,
  API_PAGE,
  GOSSIP,
  JSON_ALONE,
  JSON_OR_TEXT,
  JSON_XML_TEXT,
  STATS,
} from "./media_types.ts";
import { METRICS, PUBLIC, UNNARROWED } from "./scopes.ts";

const READ = {
  method: "GET",
  request: undefined,
  operation: "readNode",
  scopes: PUBLIC,
} as const;

const REDIRECT_TO_WEB = {
  method: "GET",
  request: undefined,
  response: "any",
  handler: "redirectToWeb",
  operation: "redirect",
  scopes: PUBLIC,
} as const;

/** Part of `ROUTES`. */
export const NODE_ROUTES = [
  { ...READ, template: "/ping", response: JSON_XML_TEXT, handler: "ping" },
  { ...READ, template: "/info", response: JSON_XML_TEXT, handler: "info" },
  { ...READ, template: "/health", response: JSON_XML_TEXT, handler: "health" },
  {
    ...READ,
    template: "/health/live",
    response: JSON_OR_TEXT,
    handler: "showLiveness",
  },
  {
    ...READ,
    template: "/health/ready",
    response: JSON_OR_TEXT,
    handler: "showReadiness",
  },
  {
    ...READ,
    template: "/metrics",
    response: "any",
    handler: "readMetrics",
    scopes: METRICS,
  },
  {
    ...READ,
    template: "/info/options",
    response: JSON_XML_TEXT,
    handler: "listOptions",
    scopes: UNNARROWED,
  },
  { ...READ, template: "/stats", response: STATS, handler: "readStats" },
  // The path of the greedy template below may be empty, but not its slash.
  { ...READ, template: "/stats/", response: STATS, handler: "readStats" },
  {
    ...READ,
    template: "/stats/replication",
    response: STATS,
    handler: "readReplicationStats",
  },
  {
    ...READ,
    template: "/stats/tcp",
    response: STATS,
    handler: "readTcpStats",
  },
  {
    ...READ,
    template: "/stats/{*statPath}",
    response: STATS,
    handler: "readStats",
  },
  {
    ...READ,
    template: "/histogram/{name}",
    response: JSON_XML_TEXT,
    handler: "readHistogram",
  },
  { ...READ, template: "/gossip", response: GOSSIP, handler: "readGossip" },
  {
    ...READ,
    template: "/sys/subsystems",
    response: JSON_ALONE,
    handler: "listSubsystems",
  },
  {
    method: "POST",
    template: "/admin/shutdown",
    request: undefined,
    response: ADMIN,
    handler: "shutDown",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/admin/scavenge",
    request: undefined,
    response: ADMIN,
    handler: "startScavenge",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    ...READ,
    template: "/admin/log-level",
    response: JSON_ALONE,
    handler: "readLogLevel",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "POST",
    template: "/admin/log-level",
    request: JSON_ALONE,
    response: JSON_ALONE,
    handler: "changeLogLevel",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    ...READ,
    template: "/openapi.json",
    response: JSON_ALONE,
    handler: "readOpenApi",
  },
  { ...READ, template: "/docs", response: API_PAGE, handler: "showApi" },
  { ...REDIRECT_TO_WEB, template: "/" },
  { ...REDIRECT_TO_WEB, template: "/web" },
  { ...REDIRECT_TO_WEB, template: "/web/" },
  {
    ...READ,
    template: "/web/{*path}",
    response: "any",
    handler: "showWebPage",
  },
] as const;
