import { assertEquals } from "@std/assert";
import { canOpenFiles } from "./permissions.ts";

Deno.test("canOpenFiles() tells, and leaves none open", () => {
  assertEquals(canOpenFiles(10), true);
  assertEquals(canOpenFiles(10), true);
  assertEquals(canOpenFiles(1e9), false);
  assertEquals(canOpenFiles(10), true);
});
