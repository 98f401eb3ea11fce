/**
 * The pages below `docs/`: their sections, their links, and the navigation,
 * which is the lists of `docs/index.md`.
 *
 * @module
 */

const DOCS = new URL("../../docs/", import.meta.url);

/** The page that the others are found from. */
export const START_PAGE = "index.md";

/** Names of all pages. */
export function listPages(): string[] {
  return [...Deno.readDirSync(DOCS)].map(({ name }) => name)
    .filter((name) => name.endsWith(".md")).sort();
}

export function readPage(name: string): string {
  return Deno.readTextFileSync(new URL(name, DOCS));
}

/** A heading, and what stands below it up to the next one of its level or above. */
export interface Section {
  readonly heading: string;
  readonly anchor: string;
  readonly level: number;
  readonly text: string;
}

/** The sections of a page, with those inside of them. */
export function sectionsOf(page: string): Section[] {
  const headings = [
    ...withoutBlocks(page).matchAll(/^(#{1,6}) (.+)$/gm),
  ].map((match) => ({
    heading: match[2] ?? "",
    level: match[1]?.length ?? 0,
    start: match.index,
  }));
  const seen = new Map<string, number>();
  return headings.map(({ heading, level, start }, at) => {
    const next = headings.slice(at + 1).find((other) => other.level <= level);
    const slug = slugOf(heading);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return {
      heading,
      level,
      anchor: count === 0 ? slug : `${slug}-${count}`,
      text: page.slice(start, next?.start),
    };
  });
}

/** Blanks in place of fenced blocks, so that places stay what they are. */
function withoutBlocks(page: string): string {
  return page.replace(
    /^```[^]*?^```$/gm,
    (block) => block.replace(/[^\n]/g, " "),
  );
}

/** The anchor that GitHub, and the site, give a heading. */
function slugOf(heading: string): string {
  return heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");
}

/** Where a page links to among the pages: `page.md`, `page.md#anchor`. */
export function linksOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => /^[\w-]*(?:\.md)?(?:#.*)?$/.test(target));
}
