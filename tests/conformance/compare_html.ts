/**
 * Compares HTML pages. The recorded ones hold their data in a script and send
 * the browser elsewhere; ours show it. So what counts is that everything in the
 * recorded data can be seen on the page, and that its links can be followed.
 *
 * @module
 */

import { type Difference, difference } from "./difference.ts";
import { type JsonTree, memberOf, parseJsonTree } from "./json_tree.ts";

const RECORDED_DATA = /var data = (\{[\s\S]*?\});\s*var newLocation/;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** Compares what a recorded page holds with what an answered one shows. */
export function compareHtml(
  texts: { recorded: string; answered: string },
): Difference[] {
  const data = RECORDED_DATA.exec(texts.recorded)?.[1];
  if (data === undefined) {
    return texts.recorded === texts.answered
      ? []
      : [difference("body", texts.recorded, texts.answered)];
  }
  const page = parseJsonTree(data);
  const entries = memberOf(page, "entries");
  const shown = entries?.kind === "array"
    ? [textIn(page, "streamId"), ...entries.items.flatMap(listedOf)]
    : eventOf(page);
  const links = entries?.kind === "array" ? pagingLinksOf(page) : [];
  const visible = squeezed(visibleTextOf(texts.answered));
  const targets = targetsOf(texts.answered);
  return [
    ...shown
      .filter((text) => !visible.includes(squeezed(text)))
      .map((text) => difference("page", text, "not shown")),
    ...links
      .filter((uri) => !targets.has(pathOf(uri)))
      .map((uri) => difference("page links", uri, "not there")),
  ];
}

/** What a list of events must show of one. */
function listedOf(entry: JsonTree): string[] {
  return [textIn(entry, "title"), textIn(entry, "summary")];
}

/** What the page of one event must show. */
function eventOf(entry: JsonTree): string[] {
  return [
    textIn(entry, "title"),
    textIn(entry, "eventType"),
    textIn(entry, "eventId"),
    textIn(entry, "data"),
    textIn(entry, "metaData"),
  ];
}

function pagingLinksOf(feed: JsonTree): string[] {
  const links = memberOf(feed, "links");
  if (links?.kind !== "array") return [];
  return links.items
    .filter((link) => textIn(link, "relation") !== "self")
    .map((link) => textIn(link, "uri"));
}

function textIn(tree: JsonTree, name: string): string {
  const member = memberOf(tree, name);
  return member?.kind === "string" ? member.value : "";
}

function visibleTextOf(html: string): string {
  return decoded(
    html
      .replaceAll(/<(script|style|title)\b[\s\S]*?<\/\1>/g, "")
      .replaceAll(/<[^>]*>/g, ""),
  );
}

function targetsOf(html: string): Set<string> {
  const found = html.matchAll(/<a\b[^>]*?\shref="([^"]*)"/g);
  return new Set([...found].map((match) => pathOf(decoded(match[1] ?? ""))));
}

function pathOf(uri: string): string {
  return uri.replace(/^https?:\/\/[^/]*/, "").replace(/\?.*$/, "");
}

function decoded(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (entity, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return ENTITIES[name ?? ""] ?? entity;
    },
  );
}

/** Layout does not count. */
function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, "");
}
