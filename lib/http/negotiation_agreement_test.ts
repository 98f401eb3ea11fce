/**
 * Where the interface's rules and those of HTTP agree, they come to the same
 * choice: types without wildcards, no two of equal quality, none of quality 0,
 * no blanks. `accepts()` of `@std/http` is the independent judge.
 *
 * @module
 */

import { accepts } from "@std/http/negotiation";
import { assertEquals } from "@std/assert";
import { type Random, withSeed } from "../../tests/support/random.ts";
import { ATOM_OR_HTML, EVENT, negotiateResponse } from "./negotiation.ts";

const UNKNOWN = ["image/png", "application/pdf", "text/csv"];

Deno.test("negotiateResponse() chooses as accepts() does where the rules agree", () =>
  withSeed((random) => {
    for (let round = 0; round < 2000; round++) {
      const offered = random.pick([ATOM_OR_HTML, EVENT]);
      const names = offered.map(({ name }) => name);
      const ranges = shuffled([...names, ...UNKNOWN], random)
        .slice(0, random.integer(1, 8))
        .map((name, place) => `${name};q=${(place + 1) / 10}`);
      const accept = shuffled(ranges, random).join(",");
      const chosen = negotiateResponse(offered, {
        accept,
        format: undefined,
        withoutAccept: undefined,
      });
      const request = { headers: new Headers({ Accept: accept }) };
      assertEquals(chosen?.name, accepts(request, ...names), accept);
    }
  }));

function shuffled(values: readonly string[], random: Random): string[] {
  return values.map((value) => ({ value, order: random.integer(0, 1e9) }))
    .sort((one, other) => one.order - other.order)
    .map(({ value }) => value);
}
