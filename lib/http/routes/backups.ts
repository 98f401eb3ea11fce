/**
 * Backups and exports over HTTP, made as they are sent: an addition to the
 * original's interface.
 *
 * @module
 */

import type { KnownFiles } from "../../maintenance/downloads.ts";
import type { ExportSelection, LogPoint } from "../../store/transfer.ts";
import { parseIsoTime } from "../../text/iso_time.ts";
import { BACKUP, type Route, type Schema } from "../route.ts";
import { type RequestContext, requesterOf } from "../context.ts";
import { EXPORT_CONTENT_TYPE, JSON_ALONE } from "../negotiation.ts";
import { malformed, Refusal } from "../errors.ts";
import { parametersOf } from "../router.ts";
import { downloadResponse } from "../respond.ts";
import { maintenanceOf, NO_MAINTENANCE } from "./maintenance.ts";
import { listOf, objectOf, TEXT } from "./schemas.ts";

const KNOWN_FILES_SCHEMA: Schema = {
  name: "KnownFiles",
  shape: objectOf({
    have: listOf(objectOf({ name: TEXT, crc32: TEXT }, ["name", "crc32"])),
  }, ["have"]),
};

/** The selection of an export. */
const EXPORT_QUERY = {
  stream: "Only this stream",
  category: "Only the streams of this category",
  from: "Only events written at this time or later",
  to: "Only events before this log position, or written before this time",
  "with-system": "true: streams of the system, too: users, tokens, " +
    "settings and metadata",
};

const ARCHIVE_TYPE = "application/x-tar";

const DOWNLOAD = {
  tag: "Maintenance",
  response: "any",
  scopes: BACKUP,
  access: "backup",
} as const;

const ARCHIVE_ANSWERS = {
  200: {
    text: "The archive, as quipu restore takes it",
    content: { type: ARCHIVE_TYPE },
  },
  501: NO_MAINTENANCE,
} as const;

/** Part of `ROUTES`. */
export const BACKUP_ROUTES: readonly Route[] = [
  {
    ...DOWNLOAD,
    method: "GET",
    template: "/admin/backup",
    handler: downloadBackup,
    summary: "Stream a backup of the whole store as one archive",
    answers: ARCHIVE_ANSWERS,
  },
  {
    ...DOWNLOAD,
    method: "POST",
    template: "/admin/backup",
    request: JSON_ALONE,
    handler: downloadNewBackup,
    summary: "Stream a backup of the files that the client lacks",
    body: "Names and checksums of the files that the client has",
    bodySchemas: { json: KNOWN_FILES_SCHEMA },
    answers: ARCHIVE_ANSWERS,
  },
  {
    ...DOWNLOAD,
    method: "GET",
    template: "/admin/export",
    handler: downloadExport,
    summary: "Stream events as lines of JSON",
    details: "What was committed when it began: all of it, or what the " +
      "parameters select, which must all be met; stream and category exclude " +
      "each other. The last line says how many events there were; without it " +
      "the answer is not whole. quipu import takes it. Other parameters are " +
      "refused.",
    query: EXPORT_QUERY,
    answers: {
      200: { text: "The events", content: { type: EXPORT_CONTENT_TYPE } },
      404: { text: "The stream or category never existed" },
    },
  },
];

/**
 * `GET /admin/backup`: all of it. Damage that is found on the way breaks the
 * answer off; the log says what it is.
 */
function downloadBackup(context: RequestContext): Promise<Response> {
  return sendBackup(undefined, context);
}

/**
 * `POST /admin/backup`: all but what the client has, which the body tells:
 * `{"have": [{"name": …, "crc32": …}, …]}`, as a manifest says it.
 */
async function downloadNewBackup(context: RequestContext): Promise<Response> {
  backupsOf(context);
  const body = await context.services.receiving.readText(context.request, {
    bytesMax: context.limits.backupListBytesMax,
  });
  return await sendBackup(readHave(body), context);
}

/**
 * What takes backups.
 *
 * @throws {Refusal} If the store has none.
 */
function backupsOf(context: RequestContext) {
  const { downloads, store } = maintenanceOf(context);
  const { openBackup } = store;
  if (openBackup !== undefined) {
    return { downloads, store: { ...store, openBackup } };
  }
  throw new Refusal(
    "unsupportedByStore",
    "Not Implemented: the store is in a database. Back that up with its own " +
      "tools (pg_basebackup, pgBackRest, the managed service's), or download " +
      "/admin/export",
  );
}

async function sendBackup(
  have: KnownFiles | undefined,
  context: RequestContext,
): Promise<Response> {
  const { downloads, store } = backupsOf(context);
  const { source, bytes, end } = await context.services.quota.keep(
    "backups",
    context,
    () =>
      downloads.startBackup(store, {
        have,
        requester: requesterOf(context),
      }),
  );
  const body = context.services.sending.download(source);
  return downloadResponse({
    body,
    contentType: ARCHIVE_TYPE,
    bytes,
    name: `quipu-${end}.tar`,
  }, context.allowedMethods);
}

const WANTED = 'Wanted a body such as {"have": [{"name": "…", "crc32": "…"}]}';
const FILE_NAME = /^[0-9a-z.]{1,100}$/;
const CRC32 = /^[0-9a-f]{8}$/;

function readHave(body: string): KnownFiles {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw malformed(WANTED);
  }
  const files = isRecord(parsed) ? parsed["have"] : undefined;
  if (!Array.isArray(files)) throw malformed(WANTED);
  const have = new Map<string, string>();
  for (const file of files) {
    const { name, crc32 } = isRecord(file) ? file : {};
    const isWhole = typeof name === "string" && FILE_NAME.test(name) &&
      typeof crc32 === "string" && CRC32.test(crc32);
    if (!isWhole) throw malformed(WANTED);
    have.set(name, crc32);
  }
  return have;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * `GET /admin/export`: what `?stream=` or `?category=`, `?from=` and `?to=`
 * select of everything that is committed now. The last line says how much it
 * was; an answer without one is not whole.
 */
async function downloadExport(context: RequestContext): Promise<Response> {
  const { downloads } = context.services.maintenance;
  const selection = selectionOf(context.target.query);
  const { source, end } = await context.services.quota.keep(
    "exports",
    context,
    () => downloads.startExport(selection, requesterOf(context)),
  );
  const body = context.services.sending.download(source);
  return downloadResponse({
    body,
    contentType: EXPORT_CONTENT_TYPE,
    name: `quipu-${end}.ndjson`,
  }, context.allowedMethods);
}

function selectionOf(query: string): ExportSelection {
  const parameters = parametersOf(query);
  for (const [name, value] of parameters) {
    // Left out, it would be an export of more than was asked for.
    if (!Object.hasOwn(EXPORT_QUERY, name)) {
      throw malformed(
        `Wanted no parameters but ${Object.keys(EXPORT_QUERY).join(", ")}`,
      );
    }
    if (value === "") throw malformed(`${name} is empty`);
  }
  const streamName = parameters.get("stream");
  const category = parameters.get("category");
  const from = parameters.get("from");
  const to = parameters.get("to");
  const withSystem = parameters.get("with-system") ?? "false";
  if (withSystem !== "true" && withSystem !== "false") {
    throw malformed("with-system must be true or false");
  }
  return {
    withSystem: withSystem === "true",
    ...(streamName !== undefined && { streamName }),
    ...(category !== undefined && { category }),
    ...(from !== undefined && { fromUs: timeOf(from, "from must be") }),
    ...(to !== undefined && { to: pointOf(to) }),
  };
}

function pointOf(text: string): LogPoint {
  if (/^\d{1,16}$/.test(text)) {
    const position = Number(text);
    if (Number.isSafeInteger(position)) return { position };
  }
  return { timeUs: timeOf(text, "to must be a log position or") };
}

function timeOf(text: string, wanted: string): number {
  const timeUs = parseIsoTime(text);
  if (timeUs !== undefined) return timeUs;
  throw malformed(`${wanted} a time such as 2026-03-01T12:00:00Z`);
}
