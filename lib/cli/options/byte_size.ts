/**
 * Numbers of bytes as people write them: `256MiB`.
 *
 * @module
 */

const UNITS = new Map<string, number>([
  ["", 1],
  ["b", 1],
  ["kib", 1024],
  ["mib", 1024 ** 2],
  ["gib", 1024 ** 3],
  ["kb", 1000],
  ["mb", 1000 ** 2],
  ["gb", 1000 ** 3],
]);

/**
 * Decodes a whole number with an optional unit (B, KiB, MiB, GiB, kB, MB, GB,
 * in any case).
 *
 * @returns `undefined` when it is written otherwise or is no safe integer.
 */
export function decodeByteSize(text: string): number | undefined {
  const match = /^(\d{1,16}) ?([a-z]{0,3})$/i.exec(text);
  if (match === null) return undefined;
  const [, digits = "", unit = ""] = match;
  const bytesPerUnit = UNITS.get(unit.toLowerCase());
  if (bytesPerUnit === undefined) return undefined;
  const bytes = Number(digits) * bytesPerUnit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact way to write a number of bytes: `256MiB`, `1500B`. */
export function encodeByteSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const bytesPerUnit = UNITS.get(unit.toLowerCase()) ?? 1;
    if (bytes >= bytesPerUnit && bytes % bytesPerUnit === 0) {
      return `${bytes / bytesPerUnit}${unit}`;
    }
  }
  return `${bytes}B`;
}
