/**
 * Making, changing and deleting projections (spec: projections §3, §5).
 * Reading them: `projections.ts`.
 *
 * @module
 */

import { logAudit } from "../../model/audit.ts";
import type {
  CommandOutcome,
  CreateCommand,
  ProjectionCommand,
  ProjectionConfig,
  ProjectionMode,
} from "../../projections/contract.ts";
import { type Route, type Schema, UNNARROWED } from "../route.ts";
import {
  baseUrlOf,
  type RequestContext,
  requesterOf,
  segmentAt,
} from "../context.ts";
import { malformed, Refusal } from "../errors.ts";
import { type NamedMembers, readMembers } from "../named_members.ts";
import { APPLICATION_JSON, JSON_ALONE } from "../negotiation.ts";
import { projectionUrl, updatedDocument } from "../projection_documents.ts";
import { documentResponse, problemResponse } from "../respond.ts";
import {
  CONFIG_SCHEMA,
  isTrue,
  NO_PROJECTIONS,
  NO_SUCH_PROJECTION,
  placeOfProjection,
  PROJECTION_PATH,
  projectionNameOf,
  projectionParametersOf,
  projectionsOf,
  refuse,
} from "./projections.ts";
import { objectOf, TEXT, WHOLE } from "./schemas.ts";

const MODES: ReadonlyMap<string, ProjectionMode> = new Map([
  ["transient", "Transient"],
  ["onetime", "OneTime"],
  ["continuous", "Continuous"],
]);

/** `POST /projections/{transient|onetime|continuous}` */
async function createProjection(context: RequestContext): Promise<Response> {
  const query = await readQuery(context);
  const mode = MODES.get(segmentAt(context, 1)) ?? "Transient";
  const command = readCreateCommand(mode, projectionParametersOf(context));
  const outcome = await projectionsOf(context).create(context.caller, {
    ...command,
    query,
  });
  return answerCommand("created", outcome, context);
}

/** `PUT /projection/{name}/query?type=&emit=` */
async function updateProjectionQuery(
  context: RequestContext,
): Promise<Response> {
  const query = await readQuery(context);
  const parameters = projectionParametersOf(context);
  const outcome = await projectionsOf(context).updateQuery(context.caller, {
    name: projectionNameOf(context),
    query,
    handlerType: parameters.get("type") || undefined,
    emitEnabled: readWord(parameters.get("emit")),
  });
  return answerCommand("query_updated", outcome, context);
}

/** `PUT /projection/{name}/config` */
async function updateProjectionConfig(
  context: RequestContext,
): Promise<Response> {
  const config = await readConfig(context);
  const outcome = await projectionsOf(context).updateConfig(
    context.caller,
    projectionNameOf(context),
    config,
  );
  return answerCommand("config_updated", outcome, context);
}

/** Commands, and how the audit names them. */
export const COMMANDS = {
  enable: "enabled",
  disable: "disabled",
  reset: "reset",
  abort: "aborted",
} satisfies Record<ProjectionCommand, string>;

/** Whether a word is a command. */
export function isCommand(word: string): word is ProjectionCommand {
  return Object.hasOwn(COMMANDS, word);
}

/** `POST /projection/{name}/command/{enable|disable|reset|abort}` */
async function commandProjection(context: RequestContext): Promise<Response> {
  const command = segmentAt(context, 3);
  if (!isCommand(command)) throw new TypeError(`No command: ${command}`);
  const outcome = await projectionsOf(context).command(
    context.caller,
    projectionNameOf(context),
    command,
  );
  return answerCommand(COMMANDS[command], outcome, context);
}

/**
 * `DELETE
 * /projection/{name}?deleteCheckpointStream=&deleteStateStream=&deleteEmittedStreams=`
 */
async function deleteProjection(context: RequestContext): Promise<Response> {
  const parameters = projectionParametersOf(context);
  const outcome = await projectionsOf(context).delete(context.caller, {
    name: projectionNameOf(context),
    deletesCheckpointStream: isTrue(parameters.get("deleteCheckpointStream")),
    deletesStateStream: isTrue(parameters.get("deleteStateStream")),
    deletesEmittedStreams: isTrue(parameters.get("deleteEmittedStreams")),
  });
  return answerCommand("deleted", outcome, context);
}

/** The projection to create, but for its query. */
function readCreateCommand(
  mode: ProjectionMode,
  parameters: ReadonlyMap<string, string>,
): Omit<CreateCommand, "query"> {
  const enabled = parameters.get("enabled") ?? "";
  return {
    mode,
    name: parameters.get("name") || undefined,
    handlerType: parameters.get("type") || "JS",
    isEnabled: enabled === "" || isTrue(enabled),
    hasCheckpoints: isTrue(parameters.get("checkpoints")),
    emitEnabled: isTrue(parameters.get("emit")),
    trackEmittedStreams: isTrue(parameters.get("trackemittedstreams")),
  };
}

/** Undefined for what is no word for yes or no. */
function readWord(text = ""): boolean | undefined {
  if (isTrue(text)) return true;
  return ["no", "false", "0"].includes(text.toLowerCase()) ? false : undefined;
}

/** The body, whatever its type says: a query. */
function readQuery(
  { request, services, limits }: RequestContext,
): Promise<string> {
  // Each unit of the text may take three bytes.
  const bytesMax = Math.min(
    limits.requestBytesMax,
    limits.projectionQueryLengthMax * 3,
  );
  return services.receiving.readText(request, { bytesMax });
}

const INT32_MAX = 2 ** 31 - 1;

/** Numbers of a configuration, with the least that each may be. */
const NUMBERS = {
  checkpointAfterMs: 0,
  checkpointHandledThreshold: 0,
  checkpointUnhandledBytesThreshold: 0,
  // With 0 the original stood still.
  pendingEventsThreshold: 1,
  maxWriteBatchLength: 1,
  maxAllowedWritesInFlight: 0,
} satisfies Partial<Record<keyof ProjectionConfig, number>>;

/**
 * A configuration in a body; missing members are undefined.
 *
 * @throws {Refusal} If it is no object, or a member has a wrong type.
 */
async function readConfig(
  context: RequestContext,
): Promise<Partial<ProjectionConfig>> {
  let members: NamedMembers;
  try {
    members = await readMembers(context, { mayBeEmpty: false });
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "malformed") throw error;
    throw badConfig(error.message);
  }
  const config: { -readonly [K in keyof ProjectionConfig]?: unknown } = {};
  for (const name of ["emitEnabled", "trackEmittedStreams"] as const) {
    const value = members.readValue(name);
    if (value === undefined) continue;
    if (typeof value !== "boolean") {
      throw badConfig(`${name} must be true or false`);
    }
    config[name] = value;
  }
  return {
    ...config as Partial<ProjectionConfig>,
    ...readConfigNumbers((name) => members.readValue(name)),
  };
}

/**
 * The numbers of a configuration; what is left out is undefined.
 *
 * @param read Gives JSON's values, or texts.
 * @throws {Refusal} If one is none, or too small or large.
 */
export function readConfigNumbers(
  read: (name: string) => unknown,
): Partial<ProjectionConfig> {
  const config: { -readonly [K in keyof ProjectionConfig]?: unknown } = {};
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = read(name);
    if (value === undefined) continue;
    const number = typeof value === "string" && /^\d{1,10}$/.test(value)
      ? Number(value)
      : value;
    if (
      typeof number !== "number" || !Number.isInteger(number) ||
      number < NUMBERS[name] || number > INT32_MAX
    ) {
      throw badConfig(
        `${name} must be a whole number from ${NUMBERS[name]} to ${INT32_MAX}`,
      );
    }
    config[name] = number;
  }
  return config as Partial<ProjectionConfig>;
}

function badConfig(reason: string): Refusal {
  return malformed(`Failed to parse the projection config: ${reason}`);
}

function answerCommand(
  event: string,
  outcome: CommandOutcome,
  context: RequestContext,
): Response {
  const { allowedMethods } = context;
  switch (outcome.kind) {
    case "conflict":
      return problemResponse(
        { status: 409, text: outcome.reason },
        allowedMethods,
      );
    case "refused":
      // The original blames itself: 500.
      return problemResponse(
        { status: 400, text: outcome.reason },
        allowedMethods,
      );
    case "notFound":
    case "unauthorized":
      return refuse(outcome.kind, context);
  }
  const { name } = outcome;
  logAudit(context.services.logger, {
    event: `projection.${event}`,
    requester: requesterOf(context),
    fields: { projection: name },
  });
  const isCreated = event === "created";
  return documentResponse({
    status: isCreated ? 201 : 200,
    type: APPLICATION_JSON,
    body: updatedDocument(name),
    ...(isCreated && { location: projectionUrl(name, baseUrlOf(context)) }),
  }, allowedMethods);
}

const UPDATED_SCHEMA: Schema = {
  name: "ProjectionUpdated",
  shape: objectOf({ msgTypeId: WHOLE, name: TEXT }, ["name"]),
};

const COMMAND = {
  tag: "Projections",
  response: JSON_ALONE,
  scopes: UNNARROWED,
  access: "administrators",
  path: PROJECTION_PATH,
  schemas: { json: UPDATED_SCHEMA },
} as const satisfies Partial<Route>;

const NOT_AUTHORIZED = { text: "The caller lacks the right" };
const REFUSED = {
  text: "The projection cannot do this now; the body says why",
};

const CHANGED = {
  200: { text: "Done" },
  400: REFUSED,
  401: NOT_AUTHORIZED,
  404: NO_SUCH_PROJECTION,
} as const;

const QUERY = {
  request: "any",
  body: "The query: JavaScript, whatever Content-Type says",
} as const satisfies Partial<Route>;

/** Who may create what, by mode. */
const CREATORS = {
  transient: "Any user may; it runs once over what is there and is not kept.",
  onetime: "It runs once over what is there.",
  continuous: "It goes on with each event that is written.",
} as const;

const SUMMARIES = {
  enable: "Start a projection, from where it stands",
  disable: "Stop a projection, with a checkpoint",
  reset: "Have a projection begin again, with a fresh state",
  abort: "Stop a projection at once, without a checkpoint",
} satisfies Record<ProjectionCommand, string>;

/** Part of `ROUTES`. */
export const PROJECTION_COMMAND_ROUTES: readonly Route[] = [
  ...Object.entries(CREATORS).map(([mode, details]): Route => ({
    ...COMMAND,
    ...QUERY,
    method: "POST",
    template: `/projections/${mode}`,
    access: mode === "transient" ? "users" : "administrators",
    handler: createProjection,
    summary: `Make a ${mode} projection`,
    details,
    query: {
      name: "Its name; without one, a random one, where it may have none",
      type: "JS",
      enabled: "no: it is not started",
      checkpoints: "yes: a onetime projection keeps checkpoints",
      emit: "yes: it may write events",
      trackemittedstreams: "yes: the streams that it writes to are recorded",
    },
    answers: {
      201: {
        text: "Made; whether the query is sound shows in its status",
        content: "negotiated",
        headers: { Location: "Address of the projection" },
      },
      401: NOT_AUTHORIZED,
      404: NO_PROJECTIONS,
      409: { text: "The name is in use" },
    },
  })),
  {
    ...COMMAND,
    method: "DELETE",
    template: "/projection/{name}",
    runsAt: placeOfProjection,
    handler: deleteProjection,
    summary: "Delete a projection that is stopped or faulted",
    query: {
      deleteCheckpointStream: "yes: with its checkpoints",
      deleteStateStream: "Accepted; has no effect",
      deleteEmittedStreams: "yes: with the streams that it wrote to, if they " +
        "were recorded",
    },
    answers: CHANGED,
  },
  // As clients of the original may have it from statistics.
  ...["query", "query?config=yes"].map((part): Route => ({
    ...COMMAND,
    ...QUERY,
    method: "PUT",
    template: `/projection/{name}/${part}`,
    runsAt: placeOfProjection,
    handler: updateProjectionQuery,
    summary: "Replace the query of a projection",
    details: "It goes on where it stands, with the state that it has.",
    query: {
      type: "JS; left out, it stays",
      emit: "Whether it may write events; left out, it stays",
    },
    answers: CHANGED,
  })),
  {
    ...COMMAND,
    method: "PUT",
    template: "/projection/{name}/config",
    runsAt: placeOfProjection,
    request: JSON_ALONE,
    handler: updateProjectionConfig,
    summary: "Change the thresholds of a projection that is stopped or faulted",
    details: "What is left out stays.",
    body: "The thresholds",
    bodySchemas: { json: CONFIG_SCHEMA },
    answers: CHANGED,
  },
  ...Object.entries(SUMMARIES).map(([command, summary]): Route => ({
    ...COMMAND,
    method: "POST",
    template: `/projection/{name}/command/${command}`,
    runsAt: placeOfProjection,
    handler: commandProjection,
    summary,
    answers: CHANGED,
  })),
];
