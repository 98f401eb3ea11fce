/**
 * Which function answers which rows of the route table.
 *
 * @module
 */

import type { Handler } from "../context.ts";
import type { HandlerKey } from "../routes.ts";
import { listOptions, shutDown } from "./admin.ts";
import { readOpenApi, showApi } from "./api_page.ts";
import { append, appendIncoming, writeMetadata } from "./append.ts";
import { downloadBackup, downloadNewBackup } from "./backups.ts";
import { downloadExport } from "./exports.ts";
import { deleteStream } from "./delete_stream.ts";
import { cancelVerify, readVerify, startVerify } from "./jobs.ts";
import { cancelScavenge, readScavenge, startScavenge } from "./scavenge.ts";
import { readGossip } from "./gossip.ts";
import { health, info, listSubsystems, ping } from "./node.ts";
import { readEvent, readMetadata } from "./read_event.ts";
import {
  readAllBackwardPage,
  readAllForwardPage,
  readAllHeadPage,
  readBackwardPage,
  readForwardPage,
  readHeadPage,
  readMetadataBackwardPage,
  readMetadataForwardPage,
} from "./read_feed.ts";
import { redirectToUnslashed, redirectToWeb } from "./redirect.ts";
import {
  readHistogram,
  readReplicationStats,
  readStats,
  readTcpStats,
} from "./stats.ts";
import {
  createAccessToken,
  createToken,
  listTokens,
  revokeToken,
} from "./tokens.ts";
import {
  changePassword,
  createUser,
  deleteUser,
  disableUser,
  enableUser,
  listUsers,
  readCurrentUser,
  readUser,
  resetPassword,
  updateUser,
} from "./users.ts";
import {
  changeLogLevel,
  readLogLevel,
  readMetrics,
  showLiveness,
  showReadiness,
} from "./watching.ts";
import { showWebPage } from "./web_page.ts";

/** One handler for each key. */
export const HANDLERS: Readonly<Record<HandlerKey, Handler>> = {
  append,
  appendIncoming,
  deleteStream,
  readHeadPage,
  readBackwardPage,
  readForwardPage,
  readEvent,
  writeMetadata,
  readMetadata,
  readMetadataBackwardPage,
  readMetadataForwardPage,
  readAllHeadPage,
  readAllBackwardPage,
  readAllForwardPage,
  redirectToUnslashed,
  redirectToWeb,
  ping,
  info,
  health,
  showLiveness,
  showReadiness,
  readMetrics,
  listOptions,
  readStats,
  readReplicationStats,
  readTcpStats,
  readHistogram,
  readGossip,
  listSubsystems,
  shutDown,
  readLogLevel,
  changeLogLevel,
  readOpenApi,
  showApi,
  showWebPage,
  startScavenge,
  readScavenge,
  cancelScavenge,
  startVerify,
  readVerify,
  cancelVerify,
  downloadBackup,
  downloadNewBackup,
  downloadExport,
  listUsers,
  createUser,
  readUser,
  updateUser,
  deleteUser,
  readCurrentUser,
  enableUser,
  disableUser,
  resetPassword,
  changePassword,
  listTokens,
  createToken,
  revokeToken,
  createAccessToken,
};
