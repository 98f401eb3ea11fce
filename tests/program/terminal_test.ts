/**
 * The program on a terminal, as a person sees it. `script` of util-linux makes
 * the terminal.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { startServer } from "../support/program.ts";
import { runFlags } from "../support/run_flags.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

function hasScript(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    return new Deno.Command("script", { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** What `serve` shows on a terminal from its start to its stop. */
async function shownByServe(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const command = [Deno.execPath(), "run", ...runFlags(ROOT)];
  const call = [...command, `${ROOT}main.ts`, "serve", "--port=0", ...args]
    .map((word) => `'${word}'`).join(" ");
  const { NO_COLOR: _, ...inherited } = Deno.env.toObject();
  const child = new Deno.Command("script", {
    args: ["-qefc", call, "/dev/null"],
    cwd: ROOT,
    clearEnv: true,
    env: { ...inherited, ...variables },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let shown = "";
  let isToldToStop = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    const processId = /processId=(\d+)/.exec(shown)?.[1];
    if (isToldToStop || !/Reached.*\r\n\r\n/s.test(shown)) continue;
    Deno.kill(Number(processId), "SIGTERM");
    isToldToStop = true;
  }
  assertEquals((await child.status).code, 0, shown);
  return shown.replaceAll("\r\n", "\n");
}

const ON_TERMINAL = { ignore: !hasScript() };
const MACHINE_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}http\.listening /m;

Deno.test({
  ...ON_TERMINAL,
  name: "on a terminal the start shows a banner, local time and colours",
  async fn() {
    const shown = await shownByServe(["--mem-db"], { TZ: "Asia/Kathmandu" });
    assertMatch(shown, /^ {2}\S*Web *\S* +http:\/\/127\.0\.0\.1:\d+\/web$/m);
    assertMatch(
      shown,
      /Login *\S* +admin with the published password changeit/,
    );
    // deno-lint-ignore no-control-regex
    const line = /^(\d\d):(\d\d):\d\d \x1b\[32minfo \x1b\[0m http\.listening /m;
    const [, hours, minutes] = line.exec(shown) ?? [];
    // 5 hours and 45 minutes before UTC's.
    const local = (Number(hours) * 60 + Number(minutes) - 345 + 1440) % 1440;
    const now = new Date();
    const utc = now.getUTCHours() * 60 + now.getUTCMinutes();
    assert((utc - local + 1440) % 1440 < 5, `${hours}:${minutes}`);
  },
});

Deno.test({
  ...ON_TERMINAL,
  name: "NO_COLOR and --log-format leave the log to machines",
  async fn() {
    const plain = await shownByServe(["--mem-db"], { NO_COLOR: "1" });
    assertMatch(plain, MACHINE_LINE);
    assertMatch(plain, /^ {2}Reached {2}from this machine only$/m);
    assert(!plain.includes("\x1b"));
    const named = await shownByServe(["--mem-db", "--log-format=text"], {});
    assertMatch(named, MACHINE_LINE);
  },
});

Deno.test({
  ...ON_TERMINAL,
  name: "a table is shown on a terminal that says it has no columns",
  async fn() {
    await using server = await startServer(["--mem-db"]);
    const program = [Deno.execPath(), "run", ...runFlags(ROOT)]
      .concat(`${ROOT}main.ts`, "projection", "list", "--url", server.url)
      .map((word) => `'${word}'`).join(" ");
    const { stdout } = await new Deno.Command("script", {
      args: ["-qefc", `stty cols 0 && ${program}`, "/dev/null"],
      env: { QUIPU_USER: "admin", QUIPU_PASSWORD: "changeit" },
      stdin: "null",
    }).output();
    const shown = new TextDecoder().decode(stdout);
    assertMatch(shown, /\$by_category .*Continuous/);
  },
});
