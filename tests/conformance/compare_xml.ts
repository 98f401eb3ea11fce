/**
 * Compares XML bodies: elements, attributes and texts, without the white space
 * between elements.
 *
 * @module
 */

import { type Difference, difference } from "./difference.ts";
import {
  type FeedTimes,
  isDatedAlike,
  type ServerMade,
} from "./server_made.ts";
import {
  childrenNamed,
  localNameOf,
  parseXmlTree,
  textOf,
  type XmlElement,
} from "./xml_tree.ts";

/** Compares two XML documents node by node. */
export function compareXml(
  texts: { recorded: string; answered: string },
  made: ServerMade,
): Difference[] {
  const trees = parseBoth(texts);
  if (Array.isArray(trees)) return trees;
  const { recorded, answered } = trees;
  const found: Difference[] = [];
  compareElements("body", recorded, answered, { made, found });
  const times = { recorded: timesOf(recorded), answered: timesOf(answered) };
  if (!isDatedAlike(times.recorded, times.answered)) {
    found.push(difference("body updated", "of the same entry", "of another"));
  }
  return found;
}

/** Compares names of elements and attributes only. */
export function compareXmlShape(
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
): { recorded: XmlElement; answered: XmlElement } | Difference[] {
  try {
    return {
      recorded: parseXmlTree(texts.recorded),
      answered: parseXmlTree(texts.answered),
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

function compareElements(
  where: string,
  recorded: XmlElement,
  answered: XmlElement,
  comparison: Comparison,
): void {
  const { found } = comparison;
  const here = `${where}/${recorded.name}`;
  if (recorded.name !== answered.name) {
    found.push(difference(where, recorded.name, answered.name));
    return;
  }
  const wanted = attributesOf(recorded);
  const got = attributesOf(answered);
  if (!comparison.made.isSameText(wanted, got)) {
    found.push(difference(`${here} attributes`, wanted, got));
  }
  const outlines = {
    recorded: outlineOf(recorded),
    answered: outlineOf(answered),
  };
  if (outlines.recorded !== outlines.answered) {
    found.push(
      difference(`${here} children`, outlines.recorded, outlines.answered),
    );
    return;
  }
  recorded.children.forEach((child, index) => {
    const other = answered.children[index];
    if (typeof child === "string" && typeof other === "string") {
      if (!isSameText(recorded, child, other, comparison.made)) {
        found.push(difference(here, child, other));
      }
    } else if (typeof child === "object" && typeof other === "object") {
      compareElements(here, child, other, comparison);
    }
  });
}

function isSameText(
  element: XmlElement,
  recorded: string,
  answered: string,
  made: ServerMade,
): boolean {
  return localNameOf(element) === "updated"
    ? made.isSameTime(recorded, answered)
    : made.isSameText(recorded, answered);
}

/** The order of attributes means nothing in XML. */
function attributesOf(element: XmlElement): string {
  return Object.entries(element.attributes)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .sort()
    .join(" ");
}

function outlineOf(element: XmlElement): string {
  return element.children
    .map((child) => typeof child === "string" ? "text" : `<${child.name}>`)
    .join(" ");
}

function timesOf(root: XmlElement): FeedTimes {
  const updated = childrenNamed(root, "updated")[0];
  return {
    feed: updated === undefined ? "" : textOf(updated),
    entries: childrenNamed(root, "entry").map((entry) =>
      childrenNamed(entry, "updated").map(textOf).join()
    ),
  };
}

function compareShapes(
  where: string,
  examples: readonly XmlElement[],
  answered: XmlElement,
  found: Difference[],
): void {
  const outline = shapeOf(answered);
  const fitting = examples.filter((example) => shapeOf(example) === outline);
  if (fitting.length === 0) {
    found.push(difference(where, examples.map(shapeOf)[0], outline));
    return;
  }
  const children = fitting.flatMap((example) =>
    example.children.filter((child) => typeof child !== "string")
  );
  for (const child of answered.children) {
    if (typeof child === "string") continue;
    const alike = children.filter((other) => other.name === child.name);
    compareShapes(`${where}/${answered.name}`, alike, child, found);
  }
}

/** Name, attribute names and the names of the children, repeated ones once. */
function shapeOf(element: XmlElement): string {
  const children = element.children
    .map((child) => typeof child === "string" ? "text" : child.name)
    .filter((name, index, names) => name !== names[index - 1]);
  const attributes = Object.keys(element.attributes).sort();
  return `<${[element.name, ...attributes].join(" ")}>${children.join(" ")}`;
}
