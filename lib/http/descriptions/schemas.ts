/**
 * Shapes of JSON bodies. They name what clients rely on and allow more.
 *
 * @module
 */

import { LOG_LEVELS } from "../../model/logger.ts";

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;
const WHOLE = { type: "integer" } as const;
const LINK = {
  type: "object",
  properties: { uri: TEXT, relation: TEXT },
  required: ["uri", "relation"],
} as const;

const USER_PROPERTIES = {
  loginName: TEXT,
  fullName: TEXT,
  groups: { type: "array", items: TEXT },
  disabled: FLAG,
  links: { type: "array", items: { type: "object" } },
} as const;

const RESULT_PROPERTIES = {
  success: FLAG,
  error: TEXT,
  msgTypeId: WHOLE,
} as const;

/** By name. */
export const SCHEMAS = {
  Feed: {
    type: "object",
    description: "A page of a feed.",
    properties: {
      title: TEXT,
      id: TEXT,
      updated: TEXT,
      streamId: TEXT,
      headOfStream: FLAG,
      selfUrl: TEXT,
      eTag: TEXT,
      links: { type: "array", items: LINK },
      entries: {
        type: "array",
        items: { $ref: "#/components/schemas/Entry" },
      },
    },
    required: ["title", "id", "updated", "links", "entries"],
  },
  Entry: {
    type: "object",
    description: "An event as an entry of a feed.",
    properties: {
      title: TEXT,
      id: TEXT,
      updated: TEXT,
      summary: TEXT,
      content: {},
      links: { type: "array", items: LINK },
    },
    required: ["title", "id", "updated", "summary", "links"],
  },
  WrittenEvents: {
    type: "array",
    description: "Events to append.",
    items: {
      type: "object",
      properties: {
        eventId: { type: "string", format: "uuid" },
        eventType: TEXT,
        data: {},
        metadata: {},
      },
      required: ["eventId", "eventType"],
    },
  },
  NodeInfo: {
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
  Probe: {
    type: "object",
    properties: {
      status: oneOf("ok", "notReady"),
      reasons: arrayOfReasons(oneOf("readOnly", "stopping", "queueFull")),
      warnings: arrayOfReasons(oneOf("damage")),
    },
    required: ["status"],
  },
  OptionList: {
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
  Stats: {
    type: "object",
    description: "Values by name; nested unless group is false.",
    additionalProperties: true,
  },
  Gossip: {
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
            isAlive: FLAG,
            externalHttpIp: TEXT,
            externalHttpPort: WHOLE,
          },
          required: ["instanceId", "state", "isAlive"],
        },
      },
      serverIp: TEXT,
      serverPort: WHOLE,
    },
    required: ["members", "serverIp", "serverPort"],
  },
  Names: { type: "array", items: TEXT },
  LogLevel: {
    type: "object",
    properties: { level: oneOf(...LOG_LEVELS) },
    required: ["level"],
  },
  Job: {
    type: "object",
    description: "A long job: the last one of its kind.",
    properties: {
      job: TEXT,
      id: TEXT,
      state: oneOf(
        "none",
        "running",
        "stopping",
        "done",
        "failed",
        "cancelled",
      ),
      request: {},
      startedAt: TEXT,
      endedAt: TEXT,
      progress: { type: "object" },
      result: {},
      error: TEXT,
    },
    required: ["job", "state"],
  },
  KnownFiles: {
    type: "object",
    properties: {
      have: {
        type: "array",
        items: {
          type: "object",
          properties: { name: TEXT, crc32: TEXT },
          required: ["name", "crc32"],
        },
      },
    },
    required: ["have"],
  },
  NewUser: {
    type: "object",
    properties: {
      loginName: TEXT,
      fullName: TEXT,
      groups: { type: "array", items: TEXT },
      password: TEXT,
    },
    required: ["loginName", "fullName", "password"],
  },
  UserResult: {
    type: "object",
    properties: { loginName: TEXT, ...RESULT_PROPERTIES },
    required: ["success", "error"],
  },
  OneUser: {
    type: "object",
    properties: {
      data: { type: "object", properties: USER_PROPERTIES },
      ...RESULT_PROPERTIES,
    },
    required: ["success", "error"],
  },
  UserList: {
    type: "object",
    properties: {
      data: {
        type: "array",
        items: { type: "object", properties: USER_PROPERTIES },
      },
      ...RESULT_PROPERTIES,
    },
    required: ["success", "error"],
  },
} as const;

/** Why something is as it is: a code for programs, and words. */
function arrayOfReasons<Code>(code: Code) {
  return {
    type: "array",
    items: {
      type: "object",
      properties: { code, reason: TEXT },
      required: ["code", "reason"],
    },
  } as const;
}

function oneOf(...words: readonly string[]) {
  return { type: "string", enum: words } as const;
}
