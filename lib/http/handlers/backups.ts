/**
 * Backups over HTTP: one tar archive, made as it is sent.
 *
 * @module
 */

import type { KnownFiles } from "../../maintenance/backups.ts";
import {
  type HandlerServices,
  type RequestContext,
  requesterOf,
} from "../context.ts";
import { PROBLEMS } from "../problem.ts";
import { Refusal } from "../refusal.ts";
import { archiveResponse, problemResponse } from "../responses.ts";
import { mayBackUp } from "./admin.ts";
import { withUpkeep } from "./jobs.ts";

/**
 * `GET /admin/backup`: all of it. Damage that is found on the way breaks the
 * answer off; the log says what it is.
 */
export function downloadBackup(
  context: RequestContext,
  services: HandlerServices,
): Response {
  return respond(context, services, undefined);
}

/**
 * `POST /admin/backup`: all but what the client has, which the body tells:
 * `{"have": [{"name": …, "crc32": …}, …]}`, as a manifest says it.
 */
export async function downloadNewBackup(
  context: RequestContext,
  services: HandlerServices,
): Promise<Response> {
  return await withUpkeep(context, services, async () => {
    const body = await services.receiving.readText(context.request, {
      bytesMax: context.limits.backupListBytesMax,
    });
    return respond(context, services, readHave(body));
  }, mayBackUp);
}

function respond(
  context: RequestContext,
  services: HandlerServices,
  have: KnownFiles | undefined,
): Response {
  return withUpkeep(context, services, ({ backups }) => {
    const { allowedMethods } = context;
    const download = backups.start(have, requesterOf(context));
    if (download === undefined) {
      return problemResponse(PROBLEMS.tooManyBackups, allowedMethods);
    }
    const { stream, bytes, end } = download;
    return archiveResponse({
      body: stream,
      bytes,
      name: `quipu-${end}.tar`,
    }, allowedMethods);
  }, mayBackUp);
}

const NAME = /^[0-9a-z.]{1,100}$/;
const CRC32 = /^[0-9a-f]{8}$/;

function readHave(body: string): KnownFiles {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw malformed();
  }
  const files = isRecord(parsed) ? parsed["have"] : undefined;
  if (!Array.isArray(files)) throw malformed();
  const have = new Map<string, string>();
  for (const file of files) {
    const { name, crc32 } = isRecord(file) ? file : {};
    const isWhole = typeof name === "string" && NAME.test(name) &&
      typeof crc32 === "string" && CRC32.test(crc32);
    if (!isWhole) throw malformed();
    have.set(name, crc32);
  }
  return have;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function malformed(): Refusal {
  return new Refusal(
    "malformed",
    'Wanted a body such as {"have": [{"name": "…", "crc32": "…"}]}',
  );
}
