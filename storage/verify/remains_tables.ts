/**
 * Reads the tables of a scavenged segment: places and ends.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { type DiskFile, readExactly } from "../disk/disk.ts";
import { type ListEnd, readEnds, type RemainsHeader } from "../log/remains.ts";

/** The ends, if all of the tables are as they were written. */
export function readWholeEnds(
  file: DiskFile,
  remains: RemainsHeader,
): ListEnd[] | undefined {
  const { placesOffset, fileBytes, tablesCrc } = remains;
  const tables = readExactly(file, placesOffset, fileBytes - placesOffset);
  const isWhole = tables !== undefined && crc32(tables) === tablesCrc;
  return isWhole ? readEnds(file, remains) : undefined;
}
