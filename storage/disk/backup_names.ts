/**
 * Names of what lies in the directory of a backup. Whoever takes a directory
 * for a store must know it from one.
 *
 * @module
 */

export const MANIFEST_NAME = "manifest.json";
/** Directory of the segments in a backup. */
export const BACKUP_SEGMENTS_NAME = "segments";

/** A segment's file in a backup, by its name. */
interface BackupFileName {
  readonly number: number;
  readonly generation: number;
  /** Log position after the last record of it that the backup holds. */
  readonly endPosition: number;
  /** Header CRC of that record. */
  readonly checksum: number;
}

/**
 * Name of a segment's file in a backup. It says what is in it: a segment that
 * was rewritten has another generation, one that has grown another end, and
 * one of a store that went another way after a restore another header or
 * another chain of checksums. So a file with the right name never has to be
 * replaced, and a new backup leaves what the manifest of the one before names.
 *
 * @param headerCrc CRC-32 of the header of the segment's file.
 */
export function backupFileName(
  file: BackupFileName,
  headerCrc: number,
): string {
  const number = String(file.number).padStart(8, "0");
  return `${number}.g${file.generation}.${hexOf(headerCrc)}.` +
    `${file.endPosition}.${hexOf(file.checksum)}.seg`;
}

const FILE_NAME =
  /^(\d{8,10})\.g(\d{1,9})\.([0-9a-f]{8})\.(\d{1,16})\.([0-9a-f]{8})\.seg$/;

/** Parses the name of a file in `segments/`; undefined for another name. */
export function parseBackupFileName(
  name: string,
):
  | BackupFileName & {
    readonly headerCrc: number;
  }
  | undefined {
  const match = FILE_NAME.exec(name);
  if (match === null) return undefined;
  const [, number, generation, headerCrc, endPosition, checksum] = match;
  return {
    number: Number(number),
    generation: Number(generation),
    headerCrc: parseInt(headerCrc ?? "", 16),
    endPosition: Number(endPosition),
    checksum: parseInt(checksum ?? "", 16),
  };
}

/** A number as eight hexadecimal digits. */
export function hexOf(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
