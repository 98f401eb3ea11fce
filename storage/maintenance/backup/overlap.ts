/**
 * Keeps what is written for an operator out of stores: a backup in a store's
 * directory would go with the store, a file there would be no part of it, and
 * a store in a backup's directory would be in the way of the next backup.
 *
 * Directories are told by what they are, not by their names: links and mounts
 * lead to the same one.
 *
 * @module
 */

import { dirname, join, resolve } from "@std/path";
import { QuipuError } from "../../../lib/model/errors.ts";
import { CATALOG_NAME, SEGMENTS_NAME } from "../../disk/store_directory.ts";

/**
 * Refuses two directories of which one is in the other, or that are the same.
 *
 * @param to `doing` something "to" this one: it is named first.
 * @throws {QuipuError} `notWritable`.
 */
export function refuseOverlap(
  doing: string,
  { to, store }: { readonly to: string; readonly store: string },
): void {
  const refuse = (why: string): never => {
    throw new QuipuError(
      "notWritable",
      `Cannot ${doing} "${to}": ${why}; name a directory elsewhere, best on ` +
        `another disk`,
    );
  };
  if (isSame(to, store)) refuse(`it is the same directory as "${store}"`);
  if (isInside(to, store)) refuse(`it is inside "${store}"`);
  if (isInside(store, to)) refuse(`"${store}" is inside it`);
}

/**
 * Refuses a place inside the directory of any store.
 *
 * @throws {QuipuError} `notWritable`.
 */
export function refuseInsideStore(doing: string, path: string): void {
  for (const directory of ancestorsOf(path)) {
    if (!isStore(directory)) continue;
    throw new QuipuError(
      "notWritable",
      `Cannot ${doing} "${path}": it is inside "${directory}", the directory ` +
        `of a store; name a place elsewhere`,
    );
  }
}

function isInside(path: string, directory: string): boolean {
  return ancestorsOf(path).some((ancestor) => isSame(ancestor, directory));
}

/** The directories that a path stands in, links followed; itself left out. */
function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = realPathOf(path); dirname(at) !== at;) {
    at = dirname(at);
    ancestors.push(at);
  }
  return ancestors;
}

/** Where a path leads; what is not there yet stands where it would be made. */
function realPathOf(path: string): string {
  const full = resolve(path);
  const parent = dirname(full);
  try {
    return Deno.realPathSync(full);
  } catch {
    return parent === full
      ? full
      : join(realPathOf(parent), full.slice(parent.length));
  }
}

function isSame(one: string, other: string): boolean {
  if (realPathOf(one) === realPathOf(other)) return true;
  const [first, second] = [identityOf(one), identityOf(other)];
  return first !== undefined && first === second;
}

/** By which the system tells files apart; undefined when it does not say. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return ino === null ? undefined : `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function isStore(directory: string): boolean {
  return [CATALOG_NAME, SEGMENTS_NAME].every((name) =>
    identityOf(join(directory, name)) !== undefined
  );
}
