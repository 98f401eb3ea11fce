/**
 * The node: what it is, what it runs with, and stopping it
 * (spec: http-api §2.9, admin).
 *
 * @module
 */

import { PUBLIC, UNNARROWED } from "../access.ts";
import { listOptions, shutDown } from "../handlers/admin.ts";
import { readGossip } from "../handlers/gossip.ts";
import { info, listSubsystems, ping } from "../handlers/node.ts";
import { changeLogLevel, readLogLevel } from "../handlers/watching.ts";
import { LOG_LEVELS } from "../../model/logger.ts";
import { ADMIN, GOSSIP, JSON_ALONE, JSON_XML_TEXT } from "../media_types.ts";
import type { Route, Schema } from "../route.ts";
import { NEGOTIATED_CACHEABLE } from "./parameters.ts";

const TEXT = { type: "string" };

const INFO_SCHEMA: Schema = {
  name: "NodeInfo",
  shape: {
    type: "object",
    properties: {
      esVersion: TEXT,
      state: TEXT,
      projectionsMode: TEXT,
      quipuVersion: TEXT,
      readOnlyReason: TEXT,
    },
    required: ["esVersion", "state", "projectionsMode"],
  },
};

const OPTIONS_SCHEMA: Schema = {
  name: "OptionList",
  shape: {
    type: "array",
    items: {
      type: "object",
      properties: {
        name: TEXT,
        description: TEXT,
        group: TEXT,
        value: TEXT,
        possibleValues: { type: "array", items: TEXT },
      },
      required: ["name", "description", "group", "value"],
    },
  },
};

const GOSSIP_SCHEMA: Schema = {
  name: "Gossip",
  shape: {
    type: "object",
    properties: {
      members: {
        type: "array",
        items: {
          type: "object",
          properties: {
            instanceId: TEXT,
            timeStamp: TEXT,
            state: TEXT,
            isAlive: { type: "boolean" },
            externalHttpIp: TEXT,
            externalHttpPort: { type: "integer" },
          },
          required: ["instanceId", "state", "isAlive"],
        },
      },
      serverIp: TEXT,
      serverPort: { type: "integer" },
    },
    required: ["members", "serverIp", "serverPort"],
  },
};

const NAMES_SCHEMA: Schema = {
  name: "Names",
  shape: { type: "array", items: TEXT },
};

const LOG_LEVEL_SCHEMA: Schema = {
  name: "LogLevel",
  shape: {
    type: "object",
    properties: { level: { type: "string", enum: LOG_LEVELS } },
    required: ["level"],
  },
};

const READING = {
  method: "GET",
  tag: "The node",
  scopes: PUBLIC,
  access: "everybody",
} as const;

const OPERATING = {
  tag: "Upkeep",
  scopes: UNNARROWED,
  access: "operators",
} as const;

/** Part of `ROUTES`. */
export const NODE_ROUTES: readonly Route[] = [
  {
    ...READING,
    template: "/ping",
    response: JSON_XML_TEXT,
    handler: ping,
    summary: "Whether anybody answers",
    answers: { 200: { text: "The node answers" } },
  },
  {
    ...READING,
    template: "/info",
    response: JSON_XML_TEXT,
    handler: info,
    summary: "What the node is",
    details: "JSON, whatever type was asked for.",
    answers: { 200: { text: "Versions and state" } },
    schemas: { json: INFO_SCHEMA },
  },
  {
    ...READING,
    template: "/info/options",
    response: JSON_XML_TEXT,
    scopes: UNNARROWED,
    access: "operators",
    handler: listOptions,
    summary: "The options that the node runs with",
    answers: { 200: { text: "Names, meanings and values; no secrets" } },
    schemas: { json: OPTIONS_SCHEMA },
  },
  {
    ...READING,
    template: "/gossip",
    response: GOSSIP,
    handler: readGossip,
    summary: "The members of the cluster: this node",
    answers: { 200: { text: "One member", headers: NEGOTIATED_CACHEABLE } },
    schemas: { json: GOSSIP_SCHEMA },
  },
  {
    ...READING,
    template: "/sys/subsystems",
    response: JSON_ALONE,
    handler: listSubsystems,
    summary: "Subsystems of the original that run",
    answers: { 200: { text: "Their names" } },
    schemas: { json: NAMES_SCHEMA },
  },
  {
    ...OPERATING,
    method: "POST",
    template: "/admin/shutdown",
    response: ADMIN,
    handler: shutDown,
    summary: "Stop the server after finishing requests in progress",
    answers: { 200: { text: "It stops", content: "nothing" } },
  },
  {
    ...OPERATING,
    method: "GET",
    template: "/admin/log-level",
    response: JSON_ALONE,
    handler: readLogLevel,
    summary: "The lowest severity that is logged",
    answers: { 200: { text: "The level" } },
    schemas: { json: LOG_LEVEL_SCHEMA },
  },
  {
    ...OPERATING,
    method: "POST",
    template: "/admin/log-level",
    request: JSON_ALONE,
    response: JSON_ALONE,
    handler: changeLogLevel,
    summary: "Change the log level",
    body: "The level",
    bodySchemas: { json: LOG_LEVEL_SCHEMA },
    answers: { 200: { text: "The new log level" } },
    schemas: { json: LOG_LEVEL_SCHEMA },
  },
];
