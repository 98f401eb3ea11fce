/**
 * The client as programs have it: the example in `docs/examples/` on Deno and
 * on Node, the bundle for browsers, and the package.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { startServer } from "../support/program.ts";
import project from "../../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const EXAMPLE = join(ROOT, "docs/examples/orders.ts");

async function run(
  command: string,
  args: readonly string[],
  cwd = ROOT,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** A directory that is removed afterwards. */
async function temporaryDirectory() {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Makes JavaScript of a module, for Node and browsers. */
async function bundle(entry: string, target: string): Promise<void> {
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--platform=browser",
    `--output=${target}`,
    entry,
  ]);
}

/** Major version of Node; undefined: there is none. */
async function nodeVersion(): Promise<number | undefined> {
  try {
    return Number((await run("node", ["--version"])).slice(1).split(".")[0]);
  } catch {
    return undefined;
  }
}

const hasNode = (await nodeVersion() ?? 0) >= 20;

/** What the example says, but for the order of two that race. */
const SAID = [
  "pay 2 twice: accepted",
  "pay 1 at once: accepted, refused: too much",
  "pay 3: refused: it was cancelled",
  "open: 3800 cents; to go on after 5",
  "billed: 3 orders",
];

Deno.test("the example runs on Deno with the network alone", async () => {
  await using server = await startServer(["--mem-db"]);
  const said = await run(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-check",
    "--no-lock",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    EXAMPLE,
    server.url,
  ]);
  assertEquals(said.trim().split("\n"), SAID);
});

Deno.test({
  name: "the example runs on Node, as JavaScript without dependencies",
  ignore: !hasNode,
  async fn() {
    await using server = await startServer(["--mem-db"]);
    await using directory = await temporaryDirectory();
    const script = join(directory.path, "orders.mjs");
    await bundle(EXAMPLE, script);
    const code = await Deno.readTextFile(script);
    const imports = [...code.matchAll(/^import .* from "([^"]+)"/gm)]
      .map(([, name]) => name);
    assertEquals(imports, ["node:process"]);
    const said = await run("node", [script, server.url], directory.path);
    assertEquals(said.trim().split("\n"), SAID);
  },
});

Deno.test("the client needs nothing of a runtime", async () => {
  await using directory = await temporaryDirectory();
  const script = join(directory.path, "client.mjs");
  await bundle(join(ROOT, project.exports["./client"]), script);
  const code = await Deno.readTextFile(script);
  assert(!/^import |\bDeno\b|\bprocess\.|\brequire\(/m.test(code));
});

Deno.test("the package can be published, with the sources alone", async () => {
  const { success, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  assert(success, said);
  const files = [...said.matchAll(/file:\/\/\S+/g)].map(([url]) =>
    url.slice(new URL("../../", import.meta.url).href.length)
  );
  assert(files.includes("lib/client/mod.ts"), said);
  assertEquals(files.filter((file) => /_test\.ts$|^tests/.test(file)), []);
});
