/**
 * The documents as a site: each page can be found from the start page, and
 * links between pages lead to a section that is there.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  linksOf,
  listPages,
  readPage,
  sectionsOf,
  START_PAGE,
} from "./pages.ts";

Deno.test("the start page's lists have every page once, with a word on it", () => {
  const [, ...sections] = sectionsOf(readPage(START_PAGE));
  const items = sections.flatMap(({ text }) =>
    text.split(/^- /m).slice(1).map((item) =>
      /^\[[^\]]+\]\(([\w-]+\.md)\): \S/.exec(item)?.[1] ?? item
    )
  );
  const others = listPages().filter((page) => page !== START_PAGE);
  assertEquals(items.toSorted(), others);
});

Deno.test("a page begins with its title, the only one", () => {
  for (const name of listPages()) {
    const page = readPage(name);
    assert(/^# \S/.test(page), name);
    const titles = sectionsOf(page).filter(({ level }) => level === 1);
    assertEquals(titles.length, 1, name);
  }
});

Deno.test("links between pages lead to a section that is there", () => {
  const broken: string[] = [];
  for (const name of listPages()) {
    for (const link of linksOf(readPage(name))) {
      const [target, anchor] = link.split("#");
      const sections = sectionsOf(readPage(target || name));
      if (anchor === undefined) continue;
      if (!sections.some((section) => section.anchor === anchor)) {
        broken.push(`${name}: ${link}`);
      }
    }
  }
  assertEquals(broken, []);
});
