/**
 * `quipu completion`: what shells complete, asked of the shells.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../lib/cli/commands.ts";
import { completionScript, type Shell } from "../../lib/cli/completion.ts";
import { runProgram } from "../support/program.ts";

/** Runs a script; undefined: there is no such shell. */
async function runShell(
  shell: Shell,
  script: string,
): Promise<string | undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(shell, {
      args: shell === "zsh" ? ["-f", "/dev/stdin"] : ["/dev/stdin"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  return decoder.decode(stdout).trim();
}

const IS_UNIX = Deno.build.os !== "windows";

/** A line that is typed, and words of which all, or none, are offered. */
const TYPED: [line: string, offered: string[], notOffered: string[]][] = [
  ["quipu su", ["subscribe", "subscription"], ["stream"]],
  ["quipu serve --log-l", ["--log-level"], ["--db"]],
  ["quipu serve --log-level ", ["debug", "warn"], ["--db", "text"]],
  ["quipu append s --ba", ["--batch"], ["--backward"]],
  ["quipu stream ", ["info", "truncate"], ["replay"]],
  ["quipu subscription re", ["replay"], ["list"]],
  ["quipu help pro", ["project"], ["serve"]],
  ["quipu serve --admin", [], ["--admin-password"]],
  ["quipu stream info ", [], ["info"]],
];

Deno.test({
  name: "bash completes commands, options, their values and actions",
  ignore: !IS_UNIX,
  async fn() {
    for (const [line, offered, notOffered] of TYPED) {
      const words = line.split(" ").map((word) => `'${word}'`);
      const said = await runShell(
        "bash",
        `${completionScript("bash", COMMANDS)}
COMP_WORDS=(${words.join(" ")})
COMP_CWORD=${words.length - 1}
_quipu
printf '%s\\n' "\${COMPREPLY[@]}"
`,
      );
      if (said === undefined) return;
      const found = said.split("\n");
      for (const word of offered) assert(found.includes(word), line + said);
      for (const word of notOffered) assert(!found.includes(word), line + said);
    }
  },
});

Deno.test({
  name: "fish completes commands, options, their values and actions",
  ignore: !IS_UNIX,
  async fn() {
    for (const [line, offered, notOffered] of TYPED.slice(0, -1)) {
      const said = await runShell(
        "fish",
        `${completionScript("fish", COMMANDS)}complete -C '${line}'\n`,
      );
      if (said === undefined) return;
      const found = said.split("\n").map((one) => one.split("\t")[0]);
      for (const word of offered) assert(found.includes(word), line + said);
      for (const word of notOffered) assert(!found.includes(word), line + said);
    }
  },
});

Deno.test({
  name: "zsh takes the completion as it is, and describes each command",
  ignore: !IS_UNIX,
  async fn() {
    // Completing needs a terminal: what is handed over is looked at instead.
    const said = await runShell(
      "zsh",
      `compdef() { : }
_describe() { print -l -- $commands }
_arguments() { print -l -- "$@" }
${completionScript("zsh", COMMANDS)}
words=(quipu "") CURRENT=2 _quipu
words=(quipu serve --log-level "") CURRENT=4 _quipu
words=(quipu stream "") CURRENT=3 _quipu
`,
    );
    if (said === undefined) return;
    const lines = said.split("\n");
    for (const { name, summary } of COMMANDS) {
      assert(lines.includes(`${name}:${summary}`), name);
    }
    assert(
      lines.some((line) =>
        line.startsWith("--log-level=[") &&
        line.endsWith(":value:(debug info warn error)")
      ),
    );
    assert(lines.includes("1:ACTION:(info meta acl delete truncate)"));
    assert(!lines.some((line) => line.startsWith("--admin-password")));
  },
});

Deno.test("completion names the shells that it knows", async () => {
  const good = await runProgram(["completion", "bash"]);
  assertEquals(good.exitCode, 0);
  assertEquals(good.output, completionScript("bash", COMMANDS));
  for (const args of [["completion"], ["completion", "tcsh"]]) {
    const { exitCode, log } = await runProgram(args);
    assertEquals(exitCode, 2);
    assert(log.includes("expected one of bash, zsh, fish"), log);
  }
});
