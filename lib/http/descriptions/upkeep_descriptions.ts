/**
 * What the routes of long jobs do, in words.
 *
 * @module
 */

import type { RouteDescription } from "../../openapi/description.ts";

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
  downloadBackup: {
    tag: UPKEEP,
    summary: "A backup of everything as one archive, made as it is sent",
    access: "operators",
    answers: {
      200: { text: "The archive, as quipu restore takes it", content: TAR },
      501: { text: "The store has no upkeep" },
    },
  },
  downloadNewBackup: {
    tag: UPKEEP,
    summary: "A backup of what the client does not have yet",
    access: "operators",
    body: "Names and checksums of the files that the client has",
    bodySchemas: { json: "KnownFiles" },
    answers: {
      200: { text: "The archive, as quipu restore takes it", content: TAR },
      501: { text: "The store has no upkeep" },
    },
  },
} as const satisfies Readonly<Record<string, RouteDescription>>;
