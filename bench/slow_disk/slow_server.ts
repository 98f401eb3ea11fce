/**
 * The server on a slow disk, in a process of its own. Besides the interface it
 * answers `GET /counts`: what the writer did so far.
 *
 * Run: `slow_server.ts <port> <directory> <sync ms>`
 *
 * @module
 */

import { openAuth } from "../../lib/users/open_auth.ts";
import { createApp } from "../../lib/http/app.ts";
import { openUpkeep } from "../../lib/maintenance/upkeep.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { SILENT_LOGGER as logger } from "../../lib/model/logger.ts";
import { newEventId } from "../../lib/runtime/event_ids.ts";
import {
  SYSTEM_CLOCK as clock,
  SYSTEM_TIMERS,
} from "../../lib/runtime/system_clock.ts";
import { createStreamService } from "../../lib/streams/stream_service.ts";
import { openStoreOn } from "../../storage/mod.ts";
import { createSlowPlatform } from "./slow_platform.ts";

/** What the writer did so far. */
export interface WriterCounts {
  batches: number;
  requests: number;
  /** Time of all syncs, and of all commits. */
  syncMs: number;
  commits: number;
  commitMs: number;
}

const SEGMENT_BYTES = 256 * 1024 * 1024;

async function serve(
  port: number,
  directory: string,
  syncMs: number,
): Promise<void> {
  const counts: WriterCounts = {
    batches: 0,
    requests: 0,
    syncMs: 0,
    commits: 0,
    commitMs: 0,
  };
  const store = await openStoreOn(createSlowPlatform(syncMs), {
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock,
    newEventId,
    logger,
    observer: {
      batchEncoded(requests) {
        counts.batches++;
        counts.requests += requests;
      },
      synced(durationMs) {
        counts.syncMs += durationMs;
      },
      committed(durationMs) {
        counts.commits++;
        counts.commitMs += durationMs;
      },
    },
  });
  const { authenticator, users, tokens } = await openAuth({
    timers: SYSTEM_TIMERS,
    store,
    clock,
    newEventId,
    logger,
    isLoopbackServer: true,
    adminPassword: "changeit",
    isTrustedPeer: undefined,
  });
  const upkeep = await openUpkeep({
    store,
    clock,
    newEventId,
    logger,
    version: "0.0.0",
    history: undefined,
  });
  const app = createApp({
    store,
    upkeep,
    streams: createStreamService({ store, clock }),
    authenticate: (authorization, request) =>
      authenticator.authenticate(authorization, request),
    users,
    tokens,
    logger,
    newId: newEventId,
    node: { version: "0.0.0", projectionsMode: "System" },
    limits: LIMITS,
  });
  const countsUrl = `http://127.0.0.1:${port}/counts`;
  Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    (request, info) =>
      request.url === countsUrl ? Response.json(counts) : app(request, info),
  );
}

if (import.meta.main) {
  const [port = "", directory = "", syncMs = ""] = Deno.args;
  await serve(Number(port), directory, Number(syncMs));
}
