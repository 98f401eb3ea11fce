/**
 * What the routes of long jobs do, in words.
 *
 * @module
 */

import type { RouteDescription } from "../../openapi/description.ts";
import { EXPORT_CONTENT_TYPE } from "../media_types.ts";

const UPKEEP = "Upkeep";
const JOB = { json: "Job" };
const TAR = { type: "application/x-tar" } as const;

/** By handler. */
export const UPKEEP_DESCRIPTIONS = {
  startVerify: {
    tag: UPKEEP,
    summary: "Start checking everything that is on disk",
    access: "operators",
    query: ["deep"],
    answers: {
      202: { text: "It began", content: "negotiated" },
      400: { text: "The parameter means nothing" },
      409: { text: "One is under way", content: "negotiated" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  readVerify: {
    tag: UPKEEP,
    summary: "How far the check is, or what came of the last one",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  cancelVerify: {
    tag: UPKEEP,
    summary: "Tell a check that is under way to stop",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  startScavenge: {
    tag: UPKEEP,
    summary: "Start giving back what nobody can see any more",
    access: "operators",
    query: ["startFromChunk"],
    answers: {
      200: { text: "It began, or is under way", content: "nothing" },
      409: { text: "A check is under way" },
      501: { text: "The store has no upkeep" },
      503: { text: "The server runs with --read-only" },
    },
  },
  readScavenge: {
    tag: UPKEEP,
    summary: "How far a scavenge is, or what came of it: current, last or id",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      404: { text: "There is none with that id" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  cancelScavenge: {
    tag: UPKEEP,
    summary: "Tell a scavenge that is under way to stop",
    access: "operators",
    answers: {
      200: { text: "Its state" },
      404: { text: "There is none with that id" },
      501: { text: "The store has no upkeep" },
    },
    schemas: JOB,
  },
  downloadBackup: {
    tag: UPKEEP,
    summary: "A backup of everything as one archive, made as it is sent",
    access: "backup",
    answers: {
      200: { text: "The archive, as quipu restore takes it", content: TAR },
      501: { text: "The store has no upkeep" },
    },
  },
  downloadNewBackup: {
    tag: UPKEEP,
    summary: "A backup of what the client does not have yet",
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
    summary: "Events as lines of JSON, made as they are sent",
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
      404: { text: "There never was such a stream or category" },
      501: { text: "The store has no upkeep" },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
