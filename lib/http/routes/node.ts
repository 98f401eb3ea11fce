/**
 * The node: what it is, what it runs with, and stopping it
 * (spec: http-api §2.9, admin).
 *
 * @module
 */

import type { LogEnd } from "../../store/event_store.ts";
import { escapeXmlText } from "../../formats/xml/xml_text.ts";
import { logAudit } from "../../model/audit.ts";
import { LOG_LEVELS, type LogLevel } from "../../model/logger.ts";
import { PUBLIC, type Route, type Schema, UNNARROWED } from "../route.ts";
import { baseUrlOf, type RequestContext, requesterOf } from "../context.ts";
import {
  ADMIN,
  APPLICATION_JSON,
  GOSSIP,
  isXml,
  JSON_ALONE,
  JSON_XML_TEXT,
  TEXT_PLAIN,
} from "../negotiation.ts";
import { readMembers } from "../named_members.ts";
import { malformed } from "../errors.ts";
import {
  documentResponse,
  emptyResponse,
  jsonResponse,
  NO_STORE,
} from "../respond.ts";
import { NEGOTIATED_CACHEABLE } from "./parameters.ts";
import { FLAG, listOf, objectOf, oneOf, TEXT, WHOLE } from "./schemas.ts";

const INFO_SCHEMA: Schema = {
  name: "NodeInfo",
  shape: objectOf({
    esVersion: TEXT,
    state: TEXT,
    projectionsMode: TEXT,
    quipuVersion: TEXT,
    readOnlyReason: TEXT,
  }, ["esVersion", "state", "projectionsMode"]),
};

const OPTIONS_SCHEMA: Schema = {
  name: "OptionList",
  shape: listOf(objectOf({
    name: TEXT,
    description: TEXT,
    group: TEXT,
    value: TEXT,
    possibleValues: listOf(TEXT),
  }, ["name", "description", "group", "value"])),
};

const GOSSIP_SCHEMA: Schema = {
  name: "Gossip",
  shape: objectOf({
    members: listOf(objectOf({
      instanceId: TEXT,
      timeStamp: TEXT,
      state: TEXT,
      isAlive: FLAG,
      externalHttpIp: TEXT,
      externalHttpPort: WHOLE,
    }, ["instanceId", "state", "isAlive"])),
    serverIp: TEXT,
    serverPort: WHOLE,
  }, ["members", "serverIp", "serverPort"]),
};

const NAMES_SCHEMA: Schema = {
  name: "Names",
  shape: listOf(TEXT),
};

const LOG_LEVEL_SCHEMA: Schema = {
  name: "LogLevel",
  shape: objectOf({ level: oneOf(...LOG_LEVELS) }, ["level"]),
};

const READING = {
  method: "GET",
  tag: "The node",
  scopes: PUBLIC,
  access: "everybody",
} as const;

const OPERATING = {
  tag: "Maintenance",
  scopes: UNNARROWED,
  access: "operators",
} as const;

/** Part of `ROUTES`. */
export const NODE_ROUTES: readonly Route[] = [
  {
    ...READING,
    template: "/ping",
    isProbe: true,
    response: JSON_XML_TEXT,
    handler: ping,
    summary: "Check that the server answers",
    answers: { 200: { text: "The node answers" } },
  },
  {
    ...READING,
    template: "/info",
    response: JSON_XML_TEXT,
    handler: info,
    summary: "Version and features of the node",
    details: "Always JSON, whatever Accept says.",
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
    summary: "The servers of this store that live: this one, and others " +
      "that say where they are",
    answers: {
      200: { text: "At least one member", headers: NEGOTIATED_CACHEABLE },
    },
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

const PING_TEXT = "Ping request successfully handled";

/** The number is one of the original's internals; clients ignore it. */
const PING_JSON = `{\n  "msgTypeId": 175,\n  "text": "${PING_TEXT}"\n}`;

const PING_XML = '<?xml version="1.0" encoding="utf-8"?>' +
  '<TextMessage xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
  'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
  `<Text>${PING_TEXT}</Text></TextMessage>`;

/** Version of the server whose interface this is: clients look at it. */
const EMULATED_VERSION = "4.0.2.0";

/** `GET /ping` */
function ping(context: RequestContext): Response {
  const type = context.responseType ?? APPLICATION_JSON;
  const body = type.form === "json"
    ? PING_JSON
    : isXml(type)
    ? PING_XML
    : `Text: ${PING_TEXT}`;
  return documentResponse({ status: 200, type, body }, context.allowedMethods);
}

/** `GET /info`: JSON, whatever type was asked for, as in the original. */
function info(context: RequestContext): Response {
  const { node, store } = context.services;
  const facts = {
    esVersion: EMULATED_VERSION,
    state: "master",
    projectionsMode: node.projectionsMode,
    quipuVersion: node.version,
    // Only while it lasts: otherwise the answer is the original's.
    readOnlyReason: store.status().readOnlyReason,
  };
  return jsonResponse(facts, context, { type: context.responseType });
}

/** `GET /sys/subsystems`: those of the original that run. */
function listSubsystems(context: RequestContext): Response {
  const { node } = context.services;
  const names = node.projectionsMode === "None" ? [] : ["Projections"];
  return jsonResponse(names, context);
}

type Member = Readonly<Record<string, string | number | boolean>>;

/** `GET /gossip` */
async function readGossip(context: RequestContext): Promise<Response> {
  const { responseType, allowedMethods } = context;
  const { protocol, hostname, port } = new URL(
    baseUrlOf(context),
  );
  const server = {
    serverIp: hostname,
    serverPort: port === "" ? protocol === "https:" ? 443 : 80 : Number(port),
  };
  const end = await context.services.store.readEnd();
  const member = memberOf(context, server, end);
  const others = context.services.store.members?.list() ?? [];
  const members = [
    member,
    ...others.flatMap((other) =>
      other.isSelf || other.url === undefined
        ? []
        : [otherMember(member, other.id, new URL(other.url))]
    ),
  ];
  const type = responseType ?? APPLICATION_JSON;
  const body = type === TEXT_PLAIN
    ? `Server: ${server.serverIp}:${server.serverPort}, ` +
      `Members: [${members.map(textOf).join("; ")}]`
    : isXml(type)
    ? xmlOf(members, server)
    : JSON.stringify({ members, ...server }, null, 2);
  return documentResponse({
    status: 200,
    type,
    body,
    cacheControl: NO_STORE,
    variesByAccept: true,
  }, allowedMethods);
}

/** This node, by the address that the client used. There is no TCP protocol. */
function memberOf(
  { services: { observation } }: RequestContext,
  { serverIp, serverPort }: {
    readonly serverIp: string;
    readonly serverPort: number;
  },
  { end, lastPosition }: LogEnd,
): Member {
  const { instanceId } = observation;
  return {
    instanceId,
    timeStamp: new Date(observation.clock.nowUs() / 1000).toISOString(),
    state: "Master",
    isAlive: true,
    internalTcpIp: serverIp,
    internalTcpPort: 0,
    internalSecureTcpPort: 0,
    externalTcpIp: serverIp,
    externalTcpPort: 0,
    externalSecureTcpPort: 0,
    internalHttpIp: serverIp,
    internalHttpPort: serverPort,
    externalHttpIp: serverIp,
    externalHttpPort: serverPort,
    lastCommitPosition: lastPosition,
    writerCheckpoint: end,
    chaserCheckpoint: end,
    epochPosition: 0,
    epochNumber: 0,
    epochId: instanceId,
    nodePriority: 0,
  };
}

/** Another server of the same store, at the address that it advertises. */
function otherMember(member: Member, id: string, url: URL): Member {
  const { protocol, hostname, port } = url;
  const ports = protocol === "https:" ? 443 : 80;
  const httpPort = port === "" ? ports : Number(port);
  return {
    ...member,
    instanceId: id,
    // All take writes; clients look for one that leads.
    state: "Slave",
    internalTcpIp: hostname,
    externalTcpIp: hostname,
    internalHttpIp: hostname,
    internalHttpPort: httpPort,
    externalHttpIp: hostname,
    externalHttpPort: httpPort,
    epochId: id,
  };
}

function textOf(member: Member): string {
  return Object.entries(member).map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}

function xmlOf(
  members: readonly Member[],
  server: { readonly serverIp: string; readonly serverPort: number },
): string {
  return '<?xml version="1.0" encoding="utf-8"?>' +
    '<ClusterInfoDto xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    `<Members>${
      members.map((member) =>
        `<MemberInfoDto>${elementsOf(member)}</MemberInfoDto>`
      ).join("")
    }</Members>` +
    `${elementsOf(server)}</ClusterInfoDto>`;
}

function elementsOf(members: Member): string {
  return Object.entries(members).map(([name, value]) => {
    const element = name.charAt(0).toUpperCase() + name.slice(1);
    return `<${element}>${escapeXmlText(String(value))}</${element}>`;
  }).join("");
}

/** `POST /admin/log-level`: body `{"level": "debug"}`. */
async function changeLogLevel(context: RequestContext): Promise<Response> {
  const members = await readMembers(context);
  setLogLevel(context, members.readText("level"));
  return readLogLevel(context);
}

/**
 * Logs from a level up.
 *
 * @throws {Refusal} If it is none.
 */
export function setLogLevel(
  { caller, client, services: { observation, logger } }: RequestContext,
  level: string | undefined,
): void {
  if (level === undefined || !isLogLevel(level)) {
    throw malformed(
      `Request body invalid: expected a level of ${LOG_LEVELS.join(", ")}`,
    );
  }
  const before = observation.log.level;
  observation.log.level = level;
  logger.audit("log.level_changed", {
    by: caller?.login ?? null,
    before,
    level,
    from: client.remoteAddress,
  });
}

function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text);
}

/** `GET /admin/log-level` */
function readLogLevel(context: RequestContext): Response {
  const { observation } = context.services;
  const { level } = observation.log;
  return jsonResponse({ level }, context, { cacheControl: "no-store" });
}

/** `POST /admin/shutdown`: answers, then stops the server as a signal would. */
function shutDown(context: RequestContext): Response {
  logAudit(context.services.logger, {
    event: "node.shutdown_requested",
    requester: requesterOf(context),
    fields: {},
  });
  context.services.shutDown();
  return emptyResponse(200, context.allowedMethods);
}

/** `GET /info/options` */
function listOptions(context: RequestContext): Response {
  const { node } = context.services;
  return jsonResponse(node.options ?? [], context, {
    type: context.responseType,
  });
}
