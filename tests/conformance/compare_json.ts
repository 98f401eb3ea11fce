/**
 * Compares JSON bodies: every member, in order. Values that a server makes up
 * are compared by what can be said about them (`server_made.ts`).
 *
 * @module
 */

import { type Difference, difference } from "./difference.ts";
import { type SetAside, withoutSetAside } from "./json_pointer.ts";
import { type JsonTree, memberOf, parseJsonTree } from "./json_tree.ts";
import {
  type FeedTimes,
  isDatedAlike,
  type ServerMade,
} from "./server_made.ts";

/** Members that hold the moment something happened. */
const TIME_MEMBERS = new Set(["updated", "dateLastUpdated"]);

/** Members that hold numbers of the log and of projections. */
const NUMBERED_MEMBERS = new Set(["$c", "$p", "$v"]);

/** Members that ours may have besides, at its end: documented additions. */
const ADDED_MEMBERS = new Set([
  // Of the node.
  "quipuVersion",
  // Of a persistent subscription and a projection.
  "outstandingMessagesCount",
  "parkedMessagesCount",
  "oldestInFlightMilliseconds",
  "lagEvents",
  "lagMilliseconds",
  "eventsPerSecond",
  "runAs",
]);

/** Documents that have them: whole ones, and statistics in lists. */
const HAS_ADDITIONS = /^body(\.projections\[\d+\])?$/;

/** Compares two JSON documents value by value, but for what is set aside. */
export function compareJson(
  texts: { recorded: string; answered: string },
  { made, ...setAside }: SetAside & { readonly made: ServerMade },
): Difference[] {
  const trees = parseBoth(texts);
  if (Array.isArray(trees)) return trees;
  const recorded = withoutSetAside(trees.recorded, setAside);
  const answered = withoutSetAside(trees.answered, setAside);
  const found: Difference[] = [];
  compareTrees("body", recorded, answered, { made, found });
  const times = { recorded: timesOf(recorded), answered: timesOf(answered) };
  if (times.recorded !== undefined && times.answered !== undefined) {
    if (!isDatedAlike(times.recorded, times.answered)) {
      found.push(difference("body.updated", "of the same entry", "of another"));
    }
  }
  return found;
}

/**
 * Compares names and types of the members only. The items of a recorded array
 * are examples of what its items may look like.
 */
export function compareJsonShape(
  texts: { recorded: string; answered: string },
): Difference[] {
  const trees = parseBoth(texts);
  if (Array.isArray(trees)) return trees;
  const found: Difference[] = [];
  compareShapes("body", [trees.recorded], trees.answered, found);
  return found;
}

/** Both trees; or the differences between texts of which one is no tree. */
function parseBoth(
  texts: { recorded: string; answered: string },
): { recorded: JsonTree; answered: JsonTree } | Difference[] {
  try {
    return {
      recorded: parseJsonTree(texts.recorded),
      answered: parseJsonTree(texts.answered),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return texts.recorded === texts.answered
      ? []
      : [difference("body", texts.recorded, texts.answered)];
  }
}

interface Comparison {
  readonly made: ServerMade;
  readonly found: Difference[];
}

function compareTrees(
  where: string,
  recorded: JsonTree,
  answered: JsonTree,
  comparison: Comparison,
): void {
  if (recorded.kind === "object" && answered.kind === "object") {
    const wanted = recorded.members.map((member) => member.name);
    const got = answered.members
      .map((member) => member.name)
      .filter((name, index) =>
        index < wanted.length || !HAS_ADDITIONS.test(where) ||
        !ADDED_MEMBERS.has(name)
      );
    if (wanted.join("\n") !== got.join("\n")) {
      comparison.found.push(difference(`${where} members`, wanted, got));
    }
    for (const { name, value } of recorded.members) {
      const other = memberOf(answered, name);
      if (other === undefined) continue;
      compareTrees(`${where}.${name}`, value, other, comparison);
    }
    return;
  }
  if (recorded.kind === "array" && answered.kind === "array") {
    if (recorded.items.length !== answered.items.length) {
      comparison.found.push(difference(
        `${where} length`,
        recorded.items.length,
        answered.items.length,
      ));
    }
    recorded.items.forEach((item, index) => {
      const other = answered.items[index];
      if (other === undefined) return;
      compareTrees(`${where}[${index}]`, item, other, comparison);
    });
    return;
  }
  if (!isSameLeaf(where, recorded, answered, comparison.made)) {
    comparison.found.push(
      difference(where, leafOf(recorded), leafOf(answered)),
    );
  }
}

function isSameLeaf(
  where: string,
  recorded: JsonTree,
  answered: JsonTree,
  made: ServerMade,
): boolean {
  const name = where.slice(where.lastIndexOf(".") + 1);
  if (recorded.kind === "string" && answered.kind === "string") {
    if (TIME_MEMBERS.has(name)) {
      return made.isSameTime(recorded.value, answered.value);
    }
    return made.isSameText(recorded.value, answered.value) ||
      isSameNumbered();
  }
  // Its value differs from build to build of the recorded server and means
  // nothing to clients.
  if (name === "msgTypeId") return isInteger(recorded) && isInteger(answered);
  return leafOf(recorded) === leafOf(answered) || isSameNumbered();

  function isSameNumbered() {
    return NUMBERED_MEMBERS.has(name) &&
      made.isSameMember(name, leafOf(recorded), leafOf(answered));
  }
}

function isInteger(tree: JsonTree): boolean {
  return tree.kind === "number" && /^-?\d+$/.test(tree.text);
}

function leafOf(tree: JsonTree): string {
  switch (tree.kind) {
    case "string":
      return JSON.stringify(tree.value);
    case "number":
      return tree.text;
    case "boolean":
      return String(tree.value);
    case "null":
      return "null";
    case "array":
      return `an array of ${tree.items.length}`;
    case "object":
      return `an object of ${tree.members.map((member) => member.name)}`;
  }
}

function timesOf(tree: JsonTree): FeedTimes | undefined {
  const feed = memberOf(tree, "updated");
  const entries = memberOf(tree, "entries");
  if (feed?.kind !== "string" || entries?.kind !== "array") return undefined;
  return {
    feed: feed.value,
    entries: entries.items.map((entry) => {
      const updated = memberOf(entry, "updated");
      return updated?.kind === "string" ? updated.value : "";
    }),
  };
}

function compareShapes(
  where: string,
  examples: readonly JsonTree[],
  answered: JsonTree,
  found: Difference[],
): void {
  const kinds = new Set(examples.map((example) => example.kind));
  if (!kinds.has(answered.kind)) {
    found.push(difference(where, [...kinds].join(" or "), answered.kind));
    return;
  }
  if (answered.kind === "object") {
    compareMemberShapes(where, examples, answered, found);
    return;
  }
  if (answered.kind !== "array") return;
  const items = examples.flatMap((example) =>
    example.kind === "array" ? example.items : []
  );
  if (items.length === 0) return;
  if (
    answered.items.length === 0 &&
    examples.every((example) =>
      example.kind === "array" && example.items.length > 0
    )
  ) {
    found.push(difference(where, "items", "none"));
  }
  answered.items.forEach((item, index) => {
    compareShapes(`${where}[${index}]`, items, item, found);
  });
}

function compareMemberShapes(
  where: string,
  examples: readonly JsonTree[],
  answered: JsonTree & { kind: "object" },
  found: Difference[],
): void {
  const objects = examples.filter((example) => example.kind === "object");
  const names = answered.members
    .map((member) => member.name)
    .filter((name) => !HAS_ADDITIONS.test(where) || !ADDED_MEMBERS.has(name));
  const fitting = objects.filter((example) =>
    example.members.map((member) => member.name).join("\n") ===
      names.join("\n")
  );
  if (fitting.length === 0) {
    const wanted = objects[0]?.members.map((member) => member.name);
    found.push(difference(`${where} members`, wanted, names));
    return;
  }
  for (const { name, value } of answered.members) {
    const values = fitting.flatMap((example) => memberOf(example, name) ?? []);
    if (values.length === 0) continue;
    compareShapes(`${where}.${name}`, values, value, found);
  }
}
