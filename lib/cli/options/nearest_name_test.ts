import { assertEquals } from "@std/assert";
import { editDistance, nearestName, suggestion } from "./nearest_name.ts";

Deno.test("editDistance() counts insertions, deletions, replacements and swaps", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["", "port", 4],
    ["port", "", 4],
    ["port", "port", 0],
    ["prot", "port", 1],
    ["por", "port", 1],
    ["porrt", "port", 1],
    ["sort", "port", 1],
    ["kitten", "sitting", 3],
  ];
  for (const [source, target, edits] of cases) {
    assertEquals(editDistance(source, target), edits, `${source} ${target}`);
  }
});

Deno.test("nearestName() finds the name that was meant", () => {
  const names = ["--db", "--mem-db", "--host", "--port", "--log-level"];
  const cases: [string, string | undefined][] = [
    ["--prot", "--port"],
    ["--loglevel", "--log-level"],
    ["--memdb", "--mem-db"],
    ["--PORT", "--port"],
    ["--segments-per-file", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ];
  for (const [typed, name] of cases) {
    assertEquals(nearestName(typed, names), name, typed);
  }
});

Deno.test("suggestion() is empty when nothing is near", () => {
  assertEquals(suggestion("srve", ["serve"]), "; did you mean serve?");
  assertEquals(suggestion("quux", ["serve"]), "");
});
