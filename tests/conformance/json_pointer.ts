/**
 * Places in JSON documents (RFC 6901): looking one up, and setting values at
 * many of them aside before documents are compared.
 *
 * @module
 */

import { type JsonTree, memberOf } from "./json_tree.ts";
import type { KeptElements } from "./recording.ts";

/** What is not compared as it stands. */
export interface SetAside {
  /** Pointers whose values count by type alone; `*` is every member. */
  readonly ignore?: readonly string[] | undefined;
  readonly only?: KeptElements | undefined;
}

/** The value at a pointer; undefined where there is none. */
export function valueAt(document: unknown, pointer: string): unknown {
  return partsOf(pointer).reduce<unknown>((value, part) => {
    if (typeof value !== "object" || value === null) return undefined;
    return Object.hasOwn(value, part)
      ? (value as Record<string, unknown>)[part]
      : undefined;
  }, document);
}

/**
 * The document without what is set aside: a value whose type alone counts
 * becomes the name of its type, and a list keeps its kept elements.
 */
export function withoutSetAside(
  document: JsonTree,
  { ignore = [], only }: SetAside,
): JsonTree {
  const kept = only === undefined
    ? document
    : changedAt(document, partsOf(only.list), (list) => keptOf(list, only));
  return ignore
    .filter((place) => place.startsWith("/"))
    .reduce(
      (tree, place) =>
        changedAt(tree, partsOf(place), ({ kind }) => ({
          kind: "string",
          value: `any ${kind}`,
        })),
      kept,
    );
}

function keptOf(list: JsonTree, { where }: KeptElements): JsonTree {
  if (list.kind !== "array") return list;
  return {
    kind: "array",
    items: list.items.filter((item) =>
      Object.entries(where).every(([name, wanted]) => {
        const member = memberOf(item, name);
        return member?.kind === "string" && member.value === wanted;
      })
    ),
  };
}

function changedAt(
  tree: JsonTree,
  [part, ...rest]: readonly string[],
  change: (value: JsonTree) => JsonTree,
): JsonTree {
  if (part === undefined) return change(tree);
  if (tree.kind === "object") {
    return {
      kind: "object",
      members: tree.members.map(({ name, value }) =>
        part === "*" || part === name
          ? { name, value: changedAt(value, rest, change) }
          : { name, value }
      ),
    };
  }
  if (tree.kind !== "array") return tree;
  return {
    kind: "array",
    items: tree.items.map((item, index) =>
      part === "*" || part === String(index)
        ? changedAt(item, rest, change)
        : item
    ),
  };
}

function partsOf(pointer: string): string[] {
  return pointer.split("/").slice(1).map((part) =>
    part.replaceAll("~1", "/").replaceAll("~0", "~")
  );
}
