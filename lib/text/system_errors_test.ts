import { assert, assertEquals } from "@std/assert";
import {
  explainSystemError,
  refusedPathOf,
  systemCodeOf,
  systemReasonOf,
} from "./system_errors.ts";

Deno.test("systemCodeOf() knows errors of Deno and of node", () => {
  const coded = Object.assign(new Error("EIO: i/o error, read"), {
    code: "EIO",
  });
  const cases: [unknown, string | undefined][] = [
    [coded, "EIO"],
    [new Error("No space left on device (os error 28)"), "ENOSPC"],
    [new Error("something else"), undefined],
    [Object.assign(new Error("x"), { code: 7 }), undefined],
    [Object.assign(new Error("x"), { code: "ERR_INVALID_ARG" }), undefined],
    ["text", undefined],
    [undefined, undefined],
  ];
  for (const [error, code] of cases) assertEquals(systemCodeOf(error), code);
});

Deno.test("refusedPathOf() knows files of errors of Deno and of node", () => {
  const coded = Object.assign(new Error("EACCES: permission denied"), {
    code: "EACCES",
    path: "/a b/lock",
  });
  const cases: [unknown, string | undefined][] = [
    [coded, "/a b/lock"],
    [
      new Error("Permission denied (os error 13): open '/d/it's/lock'"),
      "/d/it's/lock",
    ],
    [new Error("Permission denied (os error 13)"), undefined],
    ["text", undefined],
  ];
  for (const [error, path] of cases) assertEquals(refusedPathOf(error), path);
});

Deno.test("systemReasonOf() says what helps, or what the error says", () => {
  const full = new Error("No space left on device (os error 28)");
  assert(systemReasonOf(full).includes("make room"));
  assertEquals(explainSystemError(new Deno.errors.NotFound("no")), undefined);
  assert(
    systemReasonOf(new Deno.errors.NotCapable("--allow-all"))
      .includes("choose another place"),
  );
  const missing = new Deno.errors.NotFound("No such file (os error 2)");
  assertEquals(systemReasonOf(missing), "there is no such file");
  assertEquals(systemReasonOf(new Error("It is odd")), "It is odd");
  assertEquals(systemReasonOf("odd"), "odd");
});
