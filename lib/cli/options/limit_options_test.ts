import { assertEquals } from "@std/assert";
import { LIMITS } from "../../model/limits.ts";
import { limitsOf } from "./limit_options.ts";
import { resolveOptions } from "./resolve_options.ts";

function limitsFor(...args: string[]) {
  const readFile = () => "{}";
  return limitsOf(resolveOptions({ args, environment: {}, readFile }).values);
}

Deno.test("limitsOf() is LIMITS when no option is given", () => {
  assertEquals(limitsFor(), LIMITS);
});

Deno.test("limitsOf() has what options say, and all else as it was", () => {
  assertEquals(
    limitsFor(
      "--max-request-size=1MiB",
      "--max-page-events=50",
      "--body-timeout=500",
    ),
    {
      ...LIMITS,
      requestBytesMax: 1024 * 1024,
      pageEventsMax: 50,
      bodyReadMs: 500,
    },
  );
});
