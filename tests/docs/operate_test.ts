/**
 * The guide for operators: every command in it runs, each section in a
 * directory of its own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { checkGuide } from "./guide.ts";
import { GUIDES, stepsOf } from "./guides.ts";

const GUIDE = Deno.readTextFileSync(
  new URL("../../docs/operate.md", import.meta.url),
);

for (const guide of GUIDES.filter(({ isBySection }) => isBySection)) {
  const sections = Map.groupBy(stepsOf(guide), ({ heading }) => heading);
  for (const [heading, steps] of sections) {
    Deno.test(`the guide's section is as it says: ${heading}`, async (t) => {
      await checkGuide(t, steps);
    });
  }
}

Deno.test("the guide has its sections, and commands in them", () => {
  const headings = GUIDE.match(/^## .*$/gm);
  assertEquals(headings, [
    "## Commands",
    "## Watching",
    "## Backup",
    "## Scavenge",
    "## Disk full",
    "## Damage",
    "## Lost password",
    "## Upgrade",
    "## Sizing",
    "## Where the data lies",
    "## In front of the network",
    "## A proxy in front",
  ]);
});
