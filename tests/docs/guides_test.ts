/**
 * The pages that lead through the server: every command and program in them
 * runs against a new server, and what they show is what comes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { checkGuide } from "./guide.ts";
import { GUIDES, stepsOf } from "./guides.ts";
import { matches } from "./shown_output.ts";

for (const guide of GUIDES.filter(({ isBySection }) => !isBySection)) {
  Deno.test(`${guide.path} is as it says`, async (t) => {
    await checkGuide(t, stepsOf(guide), guide);
  });
}

Deno.test("output matches only what is shown of it", () => {
  const output = "one\ntwo\nthree two\n";
  for (
    const shown of ["one\n…", "…\nthree two", "…two\nthr… two", "one\n…two"]
  ) {
    assertEquals([shown, matches(shown, output)], [shown, true]);
  }
  for (const shown of ["one", "two\n…", "…\ntwo", "one\n…\nfour", "…three"]) {
    assertEquals([shown, matches(shown, output)], [shown, false]);
  }
});
