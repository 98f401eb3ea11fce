/**
 * What the routes of the node do, in words.
 *
 * @module
 */

import { METRICS_CONTENT_TYPE } from "../../telemetry/text_format.ts";
import type { RouteDescription } from "../openapi/description.ts";
import { TEXT_HTML } from "../media_types.ts";

const NODE = "The node";
const WATCHING = "Watching";
const UPKEEP = "Upkeep";

const CACHED = ["Cache-Control", "Vary"];

/** By handler. */
export const NODE_DESCRIPTIONS = {
  ping: {
    tag: NODE,
    summary: "Whether anybody answers",
    access: "everybody",
    answers: { 200: { text: "The node answers" } },
  },
  info: {
    tag: NODE,
    summary: "What the node is",
    details: "JSON, whatever type was asked for.",
    access: "everybody",
    answers: { 200: { text: "Versions and state" } },
    schemas: { json: "NodeInfo" },
  },
  health: {
    tag: WATCHING,
    summary: "Whether the node takes writes",
    details: "A store that is known to be damaged goes on, with a warning.",
    access: "everybody",
    answers: {
      200: { text: "It does" },
      503: { text: "It does not, and why", content: "negotiated" },
    },
  },
  showLiveness: {
    tag: WATCHING,
    summary: "Whether the process is alive",
    access: "everybody",
    answers: { 200: { text: "It is" } },
    schemas: { json: "Probe" },
  },
  showReadiness: {
    tag: WATCHING,
    summary: "Whether requests should be sent here",
    details: "Not while the node is read-only or stopping, or while too many " +
      "appends wait. A store that is known to be damaged is a warning.",
    access: "everybody",
    answers: {
      200: { text: "They should" },
      503: { text: "They should not, and why", content: "negotiated" },
    },
    schemas: { json: "Probe" },
  },
  readMetrics: {
    tag: WATCHING,
    summary: "Metrics for Prometheus",
    details: "Open to everybody with --public-metrics.",
    access: "monitors",
    answers: {
      200: {
        text: "Metrics in the text format",
        content: { type: METRICS_CONTENT_TYPE },
      },
    },
  },
  listOptions: {
    tag: NODE,
    summary: "The options that the node runs with",
    access: "operators",
    answers: { 200: { text: "Names, meanings and values; no secrets" } },
    schemas: { json: "OptionList" },
  },
  readStats: {
    tag: WATCHING,
    summary: "Statistics, or a part of them",
    details: "Under the names of the original; nothing as XML.",
    access: "everybody",
    query: ["group", "metadata"],
    answers: {
      200: { text: "Numbers and texts by name", headers: CACHED },
      404: { text: "No statistics have that name" },
    },
    schemas: { json: "Stats" },
  },
  readReplicationStats: {
    tag: WATCHING,
    summary: "Statistics of other nodes: there are none",
    access: "everybody",
    answers: { 200: { text: "An empty list", headers: CACHED } },
  },
  readTcpStats: {
    tag: WATCHING,
    summary: "Statistics of TCP connections: there are none",
    access: "everybody",
    answers: { 200: { text: "An empty list", headers: CACHED } },
  },
  readHistogram: {
    tag: WATCHING,
    summary: "A histogram of the original: none is kept",
    access: "everybody",
    answers: { 404: { text: "Not kept: /metrics has the histograms" } },
  },
  readGossip: {
    tag: NODE,
    summary: "The members of the cluster: this node",
    access: "everybody",
    answers: { 200: { text: "One member", headers: CACHED } },
    schemas: { json: "Gossip" },
  },
  listSubsystems: {
    tag: NODE,
    summary: "Subsystems of the original that run",
    access: "everybody",
    answers: { 200: { text: "Their names" } },
    schemas: { json: "Names" },
  },
  shutDown: {
    tag: UPKEEP,
    summary: "Stop the server after finishing requests in progress",
    access: "operators",
    answers: { 200: { text: "It stops", content: "nothing" } },
  },
  readLogLevel: {
    tag: UPKEEP,
    summary: "The lowest severity that is logged",
    access: "operators",
    answers: { 200: { text: "The level" } },
    schemas: { json: "LogLevel" },
  },
  changeLogLevel: {
    tag: UPKEEP,
    summary: "Change the log level",
    access: "operators",
    body: "The level",
    bodySchemas: { json: "LogLevel" },
    answers: { 200: { text: "The new log level" } },
    schemas: { json: "LogLevel" },
  },
  readOpenApi: {
    tag: NODE,
    summary: "This interface as OpenAPI",
    access: "everybody",
    answers: { 200: { text: "The document", headers: ["Cache-Control"] } },
  },
  showApi: {
    tag: NODE,
    summary: "This interface as an HTML page",
    access: "everybody",
    answers: { 200: { text: "The page", headers: ["Cache-Control"] } },
  },
  redirectToWeb: {
    tag: "Redirects",
    summary: "Redirect to the start page",
    access: "everybody",
    answers: { 302: { text: "Where it is", headers: ["Location"] } },
  },
  showWebPage: {
    tag: NODE,
    summary: "The start page for browsers",
    access: "everybody",
    answers: {
      200: {
        text: "The page",
        content: { type: TEXT_HTML.name },
        headers: CACHED,
      },
      404: { text: "Only index.html exists" },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
