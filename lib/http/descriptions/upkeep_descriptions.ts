/**
 * What the routes of long jobs do, in words.
 *
 * @module
 */

import type { RouteDescription } from "../openapi/description.ts";
import { EXPORT_CONTENT_TYPE } from "../media_types.ts";

const UPKEEP = "Upkeep";
const JOB = { json: "Job" };
const TAR = { type: "application/x-tar" } as const;

/** By handler. */
export const UPKEEP_DESCRIPTIONS = {
  startVerify: {
    tag: UPKEEP,
    summary: "Start checking all files of the store",
    access: "operators",
    query: ["deep"],
    answers: {
      202: { text: "It began", content: "negotiated" },
      400: { text: "The parameter is invalid" },
      409: { text: "One is under way", content: "negotiated" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  readVerify: {
    tag: UPKEEP,
    summary: "Progress of the running check, or the result of the last one",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  cancelVerify: {
    tag: UPKEEP,
    summary: "Stop the running check",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  startScavenge: {
    tag: UPKEEP,
    summary: "Start removing events that can no longer be read",
    access: "operators",
    query: ["startFromChunk"],
    answers: {
      200: { text: "Started, or already running", content: "nothing" },
      409: { text: "A check is under way" },
      501: { text: "The store has no upkeep" },
      503: { text: "The server runs with --read-only" },
    },
  },
  readScavenge: {
    tag: UPKEEP,
    summary: "Progress or result of a scavenge: current, last or an id",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      404: { text: "No scavenge has that id" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  cancelScavenge: {
    tag: UPKEEP,
    summary: "Stop the running scavenge",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      404: { text: "No scavenge has that id" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  downloadBackup: {
    tag: UPKEEP,
    summary: "Stream a backup of the whole store as one archive",
    access: "backup",
    answers: {
      200: { text: "The archive, as quipu restore takes it", content: TAR },
      501: { text: "The store has no upkeep" },
    },
  },
  downloadNewBackup: {
    tag: UPKEEP,
    summary: "Stream a backup of the files that the client lacks",
    access: "backup",
    body: "Names and checksums of the files that the client has",
    bodySchemas: { json: "KnownFiles" },
    answers: {
      200: { text: "The archive, as quipu restore takes it", content: TAR },
      501: { text: "The store has no upkeep" },
    },
  },
  downloadExport: {
    tag: UPKEEP,
    summary: "Stream events as lines of JSON",
    details: "What was committed when it began: all of it, or what the " +
      "parameters select, who must all be met; stream and category exclude " +
      "each other. The last line says how many events there were; without it " +
      "the answer is not whole. quipu import takes it. Other parameters are " +
      "refused.",
    access: "backup",
    query: ["stream", "category", "from", "to", "with-system"],
    queryMeanings: {
      from: "Only what was written at this time or later",
      to: "Only what stands before this log position, or was written before " +
        "this time",
    },
    answers: {
      200: {
        text: "The events",
        content: { type: EXPORT_CONTENT_TYPE },
      },
      404: { text: "The stream or category never existed" },
      501: { text: "The store has no upkeep" },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
