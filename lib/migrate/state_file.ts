/**
 * The file that remembers how far a migration is, so that one that was stopped
 * goes on there. Losing it costs time and nothing else.
 *
 * @module
 */

import { decodeUtf8 } from "../text/utf8.ts";
import type { CopyState } from "./copy_events.ts";
import { MigrationError } from "./errors.ts";

/** Between which server and which store a migration goes. */
export interface MigrationSides {
  readonly from: string;
  /**
   * Of the destination, whether a server has it open or not; empty: it has
   * nothing yet.
   */
  readonly storeId: string;
}

const FORMAT = 1;

/**
 * Reads it.
 *
 * @returns Undefined if there is none.
 * @throws {MigrationError} If it is of another migration, or damaged.
 */
export async function readState(
  path: string,
  sides: MigrationSides,
): Promise<CopyState | undefined> {
  let text: string;
  try {
    text = decodeUtf8(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const state = parsed(text);
  const { format, from, storeId, position, entryCount } = state;
  const isSound = format === FORMAT && typeof position === "string" &&
    /^[0-9A-F]{32}$/.test(position) && Number.isSafeInteger(entryCount);
  if (!isSound) {
    throw new MigrationError(
      `${JSON.stringify(path)} is no state of a migration: name another ` +
        "with --state, or remove it",
    );
  }
  const isSame = from === sides.from && storeId === sides.storeId;
  if (isSame) return { position, entryCount: Number(entryCount) };
  throw new MigrationError(
    `${JSON.stringify(path)} is of another migration: remove it to begin ` +
      "anew, which writes no event twice, or name another with --state",
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Replaces it, whole or not at all. */
export async function writeState(
  path: string,
  sides: MigrationSides,
  state: CopyState,
): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, ...sides, ...state });
  const next = `${path}.next`;
  await Deno.writeTextFile(next, text + "\n", { mode: 0o600 });
  await Deno.rename(next, path);
}
