/**
 * Keeping the store well: checks, scavenges, backups and exports. All of it
 * but starting a scavenge is an addition to the original's interface.
 *
 * @module
 */

import { BACKUP, UNNARROWED } from "../access.ts";
import { downloadBackup, downloadNewBackup } from "../handlers/backups.ts";
import { downloadExport } from "../handlers/exports.ts";
import { cancelVerify, readVerify, startVerify } from "../handlers/jobs.ts";
import {
  cancelScavenge,
  readScavenge,
  startScavenge,
} from "../handlers/scavenge.ts";
import { ADMIN, EXPORT_CONTENT_TYPE, JSON_ALONE } from "../media_types.ts";
import type { AnswerDescription, Route, Schema } from "../route.ts";

const TEXT = { type: "string" };

const JOB_STATES = [
  "none",
  "running",
  "stopping",
  "done",
  "failed",
  "cancelled",
];

const JOB_SCHEMA: Schema = {
  name: "Job",
  shape: {
    type: "object",
    description: "A long job: the last one of its kind.",
    properties: {
      job: TEXT,
      id: TEXT,
      state: { type: "string", enum: JOB_STATES },
      request: {},
      startedAt: TEXT,
      endedAt: TEXT,
      progress: { type: "object" },
      result: {},
      error: TEXT,
    },
    required: ["job", "state"],
  },
};

const KNOWN_FILES_SCHEMA: Schema = {
  name: "KnownFiles",
  shape: {
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
};

const NO_UPKEEP: AnswerDescription = { text: "The store has no upkeep" };
const NO_SCAVENGE: AnswerDescription = { text: "No scavenge has that id" };

const JOB = {
  tag: "Upkeep",
  response: JSON_ALONE,
  scopes: UNNARROWED,
  access: "operators",
  path: { id: "Id of the job" },
  answers: { 200: { text: "Its state" }, 501: NO_UPKEEP },
  schemas: { json: JOB_SCHEMA },
} as const;

const DOWNLOAD = {
  tag: "Upkeep",
  response: "any",
  scopes: BACKUP,
  access: "backup",
} as const;

const ARCHIVE_ANSWERS = {
  200: {
    text: "The archive, as quipu restore takes it",
    content: { type: "application/x-tar" },
  },
  501: NO_UPKEEP,
} as const;

/** Part of `ROUTES`. */
export const MAINTENANCE_ROUTES: readonly Route[] = [
  {
    ...JOB,
    method: "POST",
    template: "/admin/verify",
    handler: startVerify,
    summary: "Start checking all files of the store",
    query: {
      deep: "true: indexes are compared with the log entry by entry, too",
    },
    answers: {
      202: { text: "It began", content: "negotiated" },
      400: { text: "The parameter is invalid" },
      409: { text: "One is under way", content: "negotiated" },
      501: NO_UPKEEP,
    },
  },
  {
    ...JOB,
    method: "GET",
    template: "/admin/verify",
    handler: readVerify,
    summary: "Progress of the running check, or the result of the last one",
  },
  {
    ...JOB,
    method: "DELETE",
    template: "/admin/verify",
    handler: cancelVerify,
    summary: "Stop the running check",
  },
  {
    tag: JOB.tag,
    method: "POST",
    template: "/admin/scavenge",
    response: ADMIN,
    scopes: UNNARROWED,
    access: "operators",
    handler: startScavenge,
    summary: "Start removing events that can no longer be read",
    query: { startFromChunk: "Number of the first segment to look at" },
    answers: {
      200: { text: "Started, or already running", content: "nothing" },
      409: { text: "A check is under way" },
      501: NO_UPKEEP,
      503: { text: "The server runs with --read-only" },
    },
  },
  {
    ...JOB,
    method: "GET",
    template: "/admin/scavenge/{id}",
    handler: readScavenge,
    summary: "Progress or result of a scavenge: current, last or an id",
    answers: { ...JOB.answers, 404: NO_SCAVENGE },
  },
  {
    ...JOB,
    method: "DELETE",
    template: "/admin/scavenge/{id}",
    handler: cancelScavenge,
    summary: "Stop the running scavenge",
    answers: { ...JOB.answers, 404: NO_SCAVENGE },
  },
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
      "parameters select, who must all be met; stream and category exclude " +
      "each other. The last line says how many events there were; without it " +
      "the answer is not whole. quipu import takes it. Other parameters are " +
      "refused.",
    query: {
      stream: "Only this stream",
      category: "Only the streams of this category",
      from: "Only what was written at this time or later",
      to: "Only what stands before this log position, or was written before " +
        "this time",
      "with-system": "true: streams of the system, too: users, tokens, " +
        "settings and metadata",
    },
    answers: {
      200: { text: "The events", content: { type: EXPORT_CONTENT_TYPE } },
      404: { text: "The stream or category never existed" },
      501: NO_UPKEEP,
    },
  },
];
