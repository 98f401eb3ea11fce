/**
 * `GET /gossip`: what a cluster of one node says (spec: admin). The original
 * never answered on a single node.
 *
 * @module
 */

import { escapeXmlText } from "../../formats/xml/xml_text.ts";
import type { HandlerServices, RequestContext } from "../context.ts";
import { APPLICATION_JSON, isXml, TEXT_PLAIN } from "../media_types.ts";
import { documentResponse, NO_STORE } from "../responses.ts";

type Member = Readonly<Record<string, string | number | boolean>>;

/** `GET /gossip` */
export function readGossip(
  context: RequestContext,
  services: HandlerServices,
): Response {
  const { request, info, responseType, allowedMethods } = context;
  const { protocol, hostname, port } = new URL(
    services.baseUrlOf(request, info),
  );
  const server = {
    serverIp: hostname,
    serverPort: port === "" ? protocol === "https:" ? 443 : 80 : Number(port),
  };
  const member = memberOf(services, server);
  const type = responseType ?? APPLICATION_JSON;
  const body = type === TEXT_PLAIN
    ? `Server: ${server.serverIp}:${server.serverPort}, ` +
      `Members: [${textOf(member)}]`
    : isXml(type)
    ? xmlOf(member, server)
    : JSON.stringify({ members: [member], ...server }, null, 2);
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
  { observation }: HandlerServices,
  { serverIp, serverPort }: {
    readonly serverIp: string;
    readonly serverPort: number;
  },
): Member {
  const { end, lastPosition } = observation.storeStatus();
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

function textOf(member: Member): string {
  return Object.entries(member).map(([name, value]) => `${name}: ${value}`)
    .join(", ");
}

function xmlOf(
  member: Member,
  server: { readonly serverIp: string; readonly serverPort: number },
): string {
  return '<?xml version="1.0" encoding="utf-8"?>' +
    '<ClusterInfoDto xmlns:xsd="http://www.w3.org/2001/XMLSchema" ' +
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    `<Members><MemberInfoDto>${elementsOf(member)}</MemberInfoDto></Members>` +
    `${elementsOf(server)}</ClusterInfoDto>`;
}

function elementsOf(members: Member): string {
  return Object.entries(members).map(([name, value]) => {
    const element = name.charAt(0).toUpperCase() + name.slice(1);
    return `<${element}>${escapeXmlText(String(value))}</${element}>`;
  }).join("");
}
